#pragma once

#include "http/call.h"

#include <string_view>

namespace nexus::db {
class Tx;
}

namespace nexus::auth {

/// The gate that turns a credential into a principal and a tenant scope (contract 01 §5). Blocks on the database on a
/// cache miss: call it on a lane.
class Gate {
 public:
  virtual ~Gate() = default;
  /// Fills `call` or throws ApiError 401/403/503; audits either way.
  virtual void authenticate(http::Call& call) = 0;
  /// Whether the credential has been accepted before and nothing is known against it. Cheap, does not block; for
  /// deciding whom a crowd of failures from the same address concerns.
  [[nodiscard]] virtual bool remembers(const http::Call& call) const = 0;
  /// Throws 403 AUTH_FORBIDDEN and audits `rbac.forbidden` when the principal's role is below `least`.
  virtual void require_role(const http::Call& call, Role least) = 0;
};

/// Whoever changes keys or users says so here, inside the transaction that makes the change: verifications remembered
/// by this process are forgotten when it commits, those of other processes within a second.
class CredentialChanges {
 public:
  virtual ~CredentialChanges() = default;
  virtual void changed(db::Tx& tx, std::string_view tenant_id) = 0;
};

/// Who may change what tenants only read and request: plans, quotas, switches of the platform (00-decisions, "platform-
/// wide actions"). Operators are the admins of PLATFORM_OPERATOR_TENANTS; with `*` every admin is one, for its own
/// tenant only. Thread-safe, does not block.
class OperatorGate {
 public:
  virtual ~OperatorGate() = default;
  /// The scope of a tenant that a path, query or row names: the caller's own, or any for an operator of a named tenant.
  /// Throws 403 AUTH_FORBIDDEN "Tenant scope does not match admin key".
  [[nodiscard]] virtual TenantScope scope_for(const http::Call& call, std::string_view tenant_id) const = 0;
  /// Throws 403 AUTH_FORBIDDEN unless the caller is a platform operator.
  virtual void require(const http::Call& call) const = 0;
  /// True for an operator of a named tenant, whose lists show all tenants. False for everybody under `*`.
  [[nodiscard]] virtual bool spans_tenants(const http::Call& call) const = 0;
};

}  // namespace nexus::auth
