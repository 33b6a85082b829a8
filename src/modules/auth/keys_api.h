#pragma once

#include "base/time.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/auth/ports.h"
#include "modules/auth/tenant_keys.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::auth {

// Structs that clients' generated code names; field tables in keys_schemas.cpp.

struct ApiKeyCreateRequest {
  std::optional<std::string> name;
  std::string role;
  std::optional<std::int64_t> expires_in_days;
};

struct ApiKeyResponse {
  std::string key_id;
  std::string key_prefix;
  std::optional<std::string> name;
  std::string role;
  Timestamp created_at;
  std::optional<Timestamp> last_used_at;
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> revoked_at;
  bool is_active = false;
};

struct ApiKeyCreateResponse : ApiKeyResponse {
  std::string api_key;  ///< the plaintext, this once
};

struct ListApiKeys {
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};

struct ApiKeyListResponse {
  std::vector<ApiKeyResponse> items;
  std::optional<std::string> next_cursor;
};

struct RevokeApiKey {
  std::string key_id;
};

struct ReportInactiveApiKeys {
  std::optional<std::int64_t> inactive_days;
};

struct ApiKeyInactiveItem {
  std::string key_id;
  std::string key_prefix;
  std::optional<std::string> name;
  std::string role;
  Timestamp created_at;
  std::optional<Timestamp> last_used_at;
  std::optional<Timestamp> expires_at;
  std::int64_t inactive_days = 0;
  bool is_expired = false;
};

struct ApiKeyInactiveReportResponse {
  std::int64_t inactive_days_threshold = 0;
  std::vector<ApiKeyInactiveItem> items;
};

struct ListAdminApiKeys {
  std::optional<std::string> tenant_id;
  std::int64_t inactive_days = 90;
  bool include_only_inactive = false;
  std::optional<std::int64_t> limit;
  std::optional<std::string> cursor;
};

struct AdminApiKeyResponse : ApiKeyResponse {
  bool is_expired = false;
  std::int64_t inactive_days = 0;
};

struct AdminApiKeyListResponse {
  std::string tenant_id;
  std::int64_t inactive_days_threshold = 0;
  std::vector<AdminApiKeyResponse> items;
  std::optional<std::string> next_cursor;
};

struct AdminApiKeyPatchRequest {
  std::string key_id;
  schema::Patch<Timestamp> expires_at;  ///< null lifts the expiry; null elsewhere is the same as absent
  std::optional<bool> active;
  std::optional<bool> revoke;
  std::optional<std::string> name;
};

/// Routes of contract 01 §11.2 and the keys of §11.3. Borrows everything; must outlive its rows.
class KeysApi {
 public:
  /// `report_days`: AUTH_API_KEY_INACTIVE_DAYS, the threshold of a report that names none; 0 or less means 90.
  KeysApi(TenantKeys& keys, const OperatorGate& operators, audit::Log& audit, const Clock& clock,
          std::int64_t report_days);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  [[nodiscard]] AdminApiKeyListResponse list_admin_keys(http::Call& call, const ListAdminApiKeys& in) const;
  AdminApiKeyResponse patch_admin_key(http::Call& call, const AdminApiKeyPatchRequest& in) const;
  ApiKeyCreateResponse create_key(http::Call& call, const ApiKeyCreateRequest& in) const;
  [[nodiscard]] ApiKeyListResponse list_keys(http::Call& call, const ListApiKeys& in) const;
  ApiKeyResponse revoke_key(http::Call& call, const RevokeApiKey& in) const;
  [[nodiscard]] ApiKeyInactiveReportResponse report_inactive_keys(http::Call& call,
                                                                  const ReportInactiveApiKeys& in) const;

 private:
  TenantKeys& keys_;
  const OperatorGate& operators_;
  audit::Log& audit_;
  const Clock& clock_;
  const std::int64_t report_days_;
};

}  // namespace nexus::auth

namespace nexus {
template <>
const schema::Fields<auth::ApiKeyCreateRequest>& schema::fields_of();
template <>
const schema::Fields<auth::ApiKeyResponse>& schema::fields_of();
template <>
const schema::Fields<auth::ApiKeyCreateResponse>& schema::fields_of();
template <>
const schema::Fields<auth::ListApiKeys>& schema::fields_of();
template <>
const schema::Fields<auth::ApiKeyListResponse>& schema::fields_of();
template <>
const schema::Fields<auth::RevokeApiKey>& schema::fields_of();
template <>
const schema::Fields<auth::ReportInactiveApiKeys>& schema::fields_of();
template <>
const schema::Fields<auth::ApiKeyInactiveItem>& schema::fields_of();
template <>
const schema::Fields<auth::ApiKeyInactiveReportResponse>& schema::fields_of();
template <>
const schema::Fields<auth::ListAdminApiKeys>& schema::fields_of();
template <>
const schema::Fields<auth::AdminApiKeyResponse>& schema::fields_of();
template <>
const schema::Fields<auth::AdminApiKeyListResponse>& schema::fields_of();
template <>
const schema::Fields<auth::AdminApiKeyPatchRequest>& schema::fields_of();
}  // namespace nexus
