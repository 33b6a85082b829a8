#pragma once

#include "http/endpoint.h"

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>

namespace nexus::http {

/// OpenAPI 3.1 description of the rows (contract 01 §1.6): the `/v1` routes that are not hidden, plus the two public
/// `/api` reads; structs become components, successes are shown in their envelope, every operation lists its error
/// answers with an example. Operations stand in the order of the rows, components in alphabetical order, so that the
/// text can be a golden file. Error codes with their advice are listed under `x-error-codes`.
[[nodiscard]] boost::json::object openapi_document(std::span<const Endpoint> endpoints);

/// `get_quota` under `/v1/admin/quotas/{tenant_id}` → `get_quota_v1_admin_quotas__tenant_id__get`. SDK method names
/// derive from it.
[[nodiscard]] std::string operation_id(const RouteSpec& spec);

/// The path as it is documented and served: with `/v1` when the row is versioned.
[[nodiscard]] std::string documented_path(const RouteSpec& spec);

}  // namespace nexus::http
