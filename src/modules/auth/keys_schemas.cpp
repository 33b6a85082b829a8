#include "modules/auth/keys_api.h"

namespace nexus {

using auth::AdminApiKeyListResponse;
using auth::AdminApiKeyPatchRequest;
using auth::AdminApiKeyResponse;
using auth::ApiKeyCreateRequest;
using auth::ApiKeyCreateResponse;
using auth::ApiKeyInactiveItem;
using auth::ApiKeyInactiveReportResponse;
using auth::ApiKeyListResponse;
using auth::ApiKeyResponse;
using auth::ListAdminApiKeys;
using auth::ListApiKeys;
using auth::ReportInactiveApiKeys;
using auth::RevokeApiKey;

template <>
const schema::Fields<ApiKeyCreateRequest>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyCreateRequest> fields{
      field("name", &ApiKeyCreateRequest::name, max_length(128), doc("What the key is for.")),
      field("role", &ApiKeyCreateRequest::role, one_of({"reader", "editor", "admin"})),
      field("expires_in_days", &ApiKeyCreateRequest::expires_in_days, ge(1), le(3650), doc("Absent: never.")),
  };
  return fields;
}

template <>
const schema::Fields<ApiKeyResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyResponse> fields{
      field("key_id", &ApiKeyResponse::key_id),
      field("key_prefix", &ApiKeyResponse::key_prefix, doc("First 12 characters of the key.")),
      field("name", &ApiKeyResponse::name),
      field("role", &ApiKeyResponse::role),
      field("created_at", &ApiKeyResponse::created_at),
      field("last_used_at", &ApiKeyResponse::last_used_at, doc("To the minute; null: never used.")),
      field("expires_at", &ApiKeyResponse::expires_at),
      field("revoked_at", &ApiKeyResponse::revoked_at),
      field("is_active", &ApiKeyResponse::is_active, doc("Neither revoked nor expired, and its user is active.")),
  };
  return fields;
}

template <>
const schema::Fields<ApiKeyCreateResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyCreateResponse> fields{
      field("key_id", &ApiKeyResponse::key_id),
      field("key_prefix", &ApiKeyResponse::key_prefix),
      field("name", &ApiKeyResponse::name),
      field("role", &ApiKeyResponse::role),
      field("created_at", &ApiKeyResponse::created_at),
      field("last_used_at", &ApiKeyResponse::last_used_at),
      field("expires_at", &ApiKeyResponse::expires_at),
      field("revoked_at", &ApiKeyResponse::revoked_at),
      field("is_active", &ApiKeyResponse::is_active),
      field("api_key", &ApiKeyCreateResponse::api_key, sensitive(), doc("The key. It is shown this once.")),
  };
  return fields;
}

template <>
const schema::Fields<ListApiKeys>& schema::fields_of() {
  using namespace schema;
  static const Fields<ListApiKeys> fields{
      query_field("limit", &ListApiKeys::limit, ge(1), le(1000), doc("Keys of one page; absent: all, up to 10000.")),
      query_field("cursor", &ListApiKeys::cursor, doc("next_cursor of the page before.")),
  };
  return fields;
}

template <>
const schema::Fields<ApiKeyListResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyListResponse> fields{
      field("items", &ApiKeyListResponse::items, doc("Newest first, revoked keys included.")),
      field("next_cursor", &ApiKeyListResponse::next_cursor, doc("null on the last page.")),
  };
  return fields;
}

template <>
const schema::Fields<RevokeApiKey>& schema::fields_of() {
  using namespace schema;
  static const Fields<RevokeApiKey> fields{path_field("key_id", &RevokeApiKey::key_id)};
  return fields;
}

template <>
const schema::Fields<ReportInactiveApiKeys>& schema::fields_of() {
  using namespace schema;
  static const Fields<ReportInactiveApiKeys> fields{
      query_field("inactive_days", &ReportInactiveApiKeys::inactive_days, ge(1), le(3650),
                  doc("Days without use that count as idle; absent: AUTH_API_KEY_INACTIVE_DAYS.")),
  };
  return fields;
}

template <>
const schema::Fields<ApiKeyInactiveItem>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyInactiveItem> fields{
      field("key_id", &ApiKeyInactiveItem::key_id),
      field("key_prefix", &ApiKeyInactiveItem::key_prefix),
      field("name", &ApiKeyInactiveItem::name),
      field("role", &ApiKeyInactiveItem::role),
      field("created_at", &ApiKeyInactiveItem::created_at),
      field("last_used_at", &ApiKeyInactiveItem::last_used_at),
      field("expires_at", &ApiKeyInactiveItem::expires_at),
      field("inactive_days", &ApiKeyInactiveItem::inactive_days, doc("Whole days since its last use or creation.")),
      field("is_expired", &ApiKeyInactiveItem::is_expired),
  };
  return fields;
}

template <>
const schema::Fields<ApiKeyInactiveReportResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<ApiKeyInactiveReportResponse> fields{
      field("inactive_days_threshold", &ApiKeyInactiveReportResponse::inactive_days_threshold),
      field("items", &ApiKeyInactiveReportResponse::items, doc("Idle or expired keys that are not revoked.")),
  };
  return fields;
}

template <>
const schema::Fields<ListAdminApiKeys>& schema::fields_of() {
  using namespace schema;
  static const Fields<ListAdminApiKeys> fields{
      query_field("tenant_id", &ListAdminApiKeys::tenant_id,
                  doc("The caller's tenant, or any for operators of the platform.")),
      query_field("inactive_days", &ListAdminApiKeys::inactive_days, ge(1), le(3650), defaulted(),
                  doc("Days without use that count as idle.")),
      query_field("include_only_inactive", &ListAdminApiKeys::include_only_inactive, defaulted(),
                  doc("Only idle and expired keys.")),
      query_field("limit", &ListAdminApiKeys::limit, ge(1), le(1000),
                  doc("Keys of one page; absent: all, up to 10000.")),
      query_field("cursor", &ListAdminApiKeys::cursor, doc("next_cursor of the page before.")),
  };
  return fields;
}

template <>
const schema::Fields<AdminApiKeyResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<AdminApiKeyResponse> fields{
      field("key_id", &ApiKeyResponse::key_id),
      field("key_prefix", &ApiKeyResponse::key_prefix),
      field("name", &ApiKeyResponse::name),
      field("role", &ApiKeyResponse::role),
      field("created_at", &ApiKeyResponse::created_at),
      field("last_used_at", &ApiKeyResponse::last_used_at),
      field("expires_at", &ApiKeyResponse::expires_at),
      field("revoked_at", &ApiKeyResponse::revoked_at),
      field("is_active", &ApiKeyResponse::is_active),
      field("is_expired", &AdminApiKeyResponse::is_expired),
      field("inactive_days", &AdminApiKeyResponse::inactive_days,
            doc("Whole days since its last use, or since its creation.")),
  };
  return fields;
}

template <>
const schema::Fields<AdminApiKeyListResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<AdminApiKeyListResponse> fields{
      field("tenant_id", &AdminApiKeyListResponse::tenant_id),
      field("inactive_days_threshold", &AdminApiKeyListResponse::inactive_days_threshold),
      field("items", &AdminApiKeyListResponse::items, doc("Newest first.")),
      field("next_cursor", &AdminApiKeyListResponse::next_cursor, doc("null on the last page.")),
  };
  return fields;
}

template <>
const schema::Fields<AdminApiKeyPatchRequest>& schema::fields_of() {
  using namespace schema;
  static const Fields<AdminApiKeyPatchRequest> fields{
      path_field("key_id", &AdminApiKeyPatchRequest::key_id),
      field("expires_at", &AdminApiKeyPatchRequest::expires_at, doc("null: never.")),
      field("active", &AdminApiKeyPatchRequest::active, doc("false revokes, true lifts a revocation.")),
      field("revoke", &AdminApiKeyPatchRequest::revoke),
      field("name", &AdminApiKeyPatchRequest::name, min_length(1), max_length(120)),
  };
  return fields;
}

}  // namespace nexus
