#include "modules/auth/operators.h"

#include "base/errors.h"

#include <algorithm>
#include <utility>

namespace nexus::auth {

Operators::Operators(std::vector<std::string> tenants) : named_(std::move(tenants)) {
  everybody_ = std::erase(named_, "*") > 0;
  std::erase(named_, "");
}

TenantScope Operators::scope_for(const http::Call& call, std::string_view tenant_id) const {
  if (tenant_id == call.tenant().id()) return call.tenant();
  if (tenant_id.empty() || !is_named(call.principal()))
    throw ApiError(errors::kAuthForbidden, "Tenant scope does not match admin key");
  return TenantScope(std::string(tenant_id));
}

void Operators::require(const http::Call& call) const {
  if (!is_operator(call.principal()))
    throw ApiError(errors::kAuthForbidden, "This action is reserved for platform operators");
}

bool Operators::spans_tenants(const http::Call& call) const {
  return is_named(call.principal());
}

bool Operators::is_operator(const Principal& principal) const {
  return everybody_ ? principal.role >= Role::kAdmin : is_named(principal);
}

bool Operators::is_named(const Principal& principal) const {
  return principal.role >= Role::kAdmin && std::find(named_.begin(), named_.end(), principal.tenant_id) != named_.end();
}

}  // namespace nexus::auth
