#pragma once

#include "base/principal.h"
#include "modules/auth/ports.h"

#include <string>
#include <string_view>
#include <vector>

namespace nexus::auth {

/// Platform operators by PLATFORM_OPERATOR_TENANTS. Immutable, thread-safe.
///
/// | the list says | operators (`require`)  | whose scope they may take |
/// |---------------|------------------------|---------------------------|
/// | `*`           | every admin            | their own tenant's        |
/// | `ops, acme`   | admins of ops and acme | any tenant's              |
/// | `*, ops`      | every admin            | ops: any; others: own     |
/// | nothing       | nobody                 | –                         |
class Operators final : public OperatorGate {
 public:
  /// The items of the list, trimmed.
  explicit Operators(std::vector<std::string> tenants);

  [[nodiscard]] TenantScope scope_for(const http::Call& call, std::string_view tenant_id) const override;
  void require(const http::Call& call) const override;
  [[nodiscard]] bool spans_tenants(const http::Call& call) const override;

  /// The rule behind require(), for those who have no call.
  [[nodiscard]] bool is_operator(const Principal& principal) const;
  /// With more than one tenant this is nothing to go into production with.
  [[nodiscard]] bool is_everybody() const { return everybody_; }

 private:
  [[nodiscard]] bool is_named(const Principal& principal) const;

  bool everybody_ = false;
  std::vector<std::string> named_;
};

}  // namespace nexus::auth
