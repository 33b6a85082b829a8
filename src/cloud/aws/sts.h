#pragma once

#include "cloud/aws/lease.h"

#include <cstdint>
#include <stop_token>
#include <string>

namespace nexus::cloud::aws {

struct StsOptions {
  std::string endpoint;  ///< empty: sts.{region}.amazonaws.com, or the global one without a region
  std::string region;
  std::int64_t timeout_ms = 5'000;  ///< of one attempt
  int attempts = 3;
  std::size_t max_answer_bytes = 64u * 1024;
};

/// What AssumeRole and AssumeRoleWithWebIdentity are asked for.
struct RoleRequest {
  std::string arn;
  std::string session_name;  ///< appears in the audit log of AWS; empty: "nexusrag"
  std::string external_id;   ///< only AssumeRole; empty: none
  std::string duration_s;    ///< as configured; empty: the role's default
};

/// Asks the Security Token Service for the credentials of a role. Thread-safe. It is asked for JSON, which it speaks
/// besides XML. Calls throw CredentialsError with the service's error code, outbound::Error(kCancelled).
class Sts {
 public:
  /// Throws CredentialsError for a region or an endpoint that is none. Client and clock must outlive it.
  Sts(outbound::Client& client, const Clock& clock, StsOptions options);

  [[nodiscard]] Lease assume_role(const RoleRequest& role, const Credentials& caller, const std::stop_token& stop);
  /// Not signed: the token proves who asks.
  [[nodiscard]] Lease assume_role_with_web_identity(const RoleRequest& role, const Secret& token,
                                                    const std::stop_token& stop);

 private:
  [[nodiscard]] outbound::Request request(std::string_view action, const RoleRequest& role,
                                          const std::stop_token& stop) const;
  [[nodiscard]] Lease send(const outbound::Request& request, std::string_view action);

  outbound::Client& client_;
  const Clock& clock_;
  StsOptions options_;
};

}  // namespace nexus::cloud::aws
