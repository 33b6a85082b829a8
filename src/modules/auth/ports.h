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

}  // namespace nexus::auth
