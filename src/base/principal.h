#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nexus {

enum class Role : std::uint8_t { kReader = 1, kEditor = 2, kAdmin = 3 };

/// Wire name: "reader", "editor", "admin".
[[nodiscard]] std::string_view to_string(Role role);
/// Accepts any case and surrounding blanks; empty when unknown.
[[nodiscard]] std::optional<Role> parse_role(std::string_view text);

enum class AuthMethod : std::uint8_t { kApiKey, kSsoSession, kDevBypass };
[[nodiscard]] std::string_view to_string(AuthMethod method);

/// Who is calling, as the auth gate established it.
struct Principal {
  std::string subject_id;  ///< user id
  std::string tenant_id;
  Role role = Role::kReader;
  std::string credential_id;  ///< API key id, SSO session id or "dev-bypass" (the contract's `api_key_id`)
  AuthMethod method = AuthMethod::kApiKey;
};

namespace auth {
class Authenticator;
class Operators;
}  // namespace auth
namespace jobs {
class Worker;
}
namespace cli {
class Operator;
}
namespace testing {
struct TenantScopeFactory;
}

/// Proof that somebody may act for a tenant. Repositories ask for it on every tenant-scoped query; only the auth gate,
/// the check of platform operators, a worker holding a leased job and an operator at the command line can make one, so
/// forgetting the tenant does not compile. Cheap to copy by reference; owns its text.
class TenantScope {
 public:
  [[nodiscard]] const std::string& id() const noexcept { return id_; }

 private:
  friend class auth::Authenticator;
  friend class auth::Operators;
  friend class jobs::Worker;
  friend class cli::Operator;
  friend struct testing::TenantScopeFactory;
  explicit TenantScope(std::string id) : id_(std::move(id)) {}

  std::string id_;
};

}  // namespace nexus
