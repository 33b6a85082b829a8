#include "modules/auth/keys_api.h"

#include "base/errors.h"
#include "http/plain.h"

#include <utility>

namespace nexus::auth {
namespace {

constexpr std::int64_t kReportDays = 90;

void fill(ApiKeyResponse& out, ListedKey&& item) {
  Key& key = item.key;
  out.key_id = std::move(key.id);
  out.key_prefix = std::move(key.key_prefix);
  out.name = std::move(key.name);
  out.role = std::move(key.role);
  out.created_at = key.created_at;
  out.last_used_at = key.last_used_at;
  out.expires_at = key.expires_at;
  out.revoked_at = key.revoked_at;
  out.is_active = item.is_active;
}

ApiKeyResponse shown(ListedKey&& item) {
  ApiKeyResponse out;
  fill(out, std::move(item));
  return out;
}

AdminApiKeyResponse shown_to_admin(ListedKey&& item) {
  AdminApiKeyResponse out;
  out.is_expired = item.is_expired;
  out.inactive_days = item.inactive_days;
  fill(out, std::move(item));
  return out;
}

ApiKeyInactiveItem shown_as_idle(ListedKey&& item) {
  Key& key = item.key;
  return {.key_id = std::move(key.id),
          .key_prefix = std::move(key.key_prefix),
          .name = std::move(key.name),
          .role = std::move(key.role),
          .created_at = key.created_at,
          .last_used_at = key.last_used_at,
          .expires_at = key.expires_at,
          .inactive_days = item.inactive_days,
          .is_expired = item.is_expired};
}

KeyFilter::Idle idle_for(std::int64_t days, Timestamp now) {
  return {.since = now - days * Timestamp::kDay, .now = now};
}

}  // namespace

KeysApi::KeysApi(TenantKeys& keys, const OperatorGate& operators, audit::Log& audit, const Clock& clock,
                 std::int64_t report_days)
    : keys_(keys),
      operators_(operators),
      audit_(audit),
      clock_(clock),
      report_days_(report_days > 0 ? report_days : kReportDays) {}

std::vector<http::Endpoint> KeysApi::endpoints() const {
  using enum http::Verb;
  using enum http::RouteClass;
  using Api = KeysApi;
  constexpr auto kOptional = http::Idempotency::kOptional;
  return {
      http::plain<&Api::list_admin_keys>(*this, {.verb = kGet,
                                                 .path = "/admin/api-keys",
                                                 .operation = "list_admin_api_keys",
                                                 .role = Role::kAdmin,
                                                 .route_class = kRead,
                                                 .tag = "security",
                                                 .summary = "List a tenant's API keys, newest first"}),
      http::plain<&Api::patch_admin_key>(*this, {.verb = kPatch,
                                                 .path = "/admin/api-keys/{key_id}",
                                                 .operation = "patch_admin_api_key",
                                                 .role = Role::kAdmin,
                                                 .route_class = kMutation,
                                                 .idempotency = kOptional,
                                                 .body = http::BodyKind::kJson,
                                                 .tag = "security",
                                                 .summary = "Rename, expire, revoke or reactivate an API key"}),
      http::plain<&Api::create_key>(*this, {.verb = kPost,
                                            .path = "/self-serve/api-keys",
                                            .operation = "create_api_key",
                                            .role = Role::kAdmin,
                                            .route_class = kMutation,
                                            .idempotency = kOptional,
                                            .body = http::BodyKind::kJson,
                                            .secret_answer = true,
                                            .tag = "self-serve",
                                            .summary = "Create an API key; it is shown this once"}),
      http::plain<&Api::list_keys>(*this, {.verb = kGet,
                                           .path = "/self-serve/api-keys",
                                           .operation = "list_api_keys",
                                           .role = Role::kAdmin,
                                           .route_class = kRead,
                                           .tag = "self-serve",
                                           .summary = "List the tenant's API keys, newest first"}),
      http::plain<&Api::revoke_key>(*this, {.verb = kPost,
                                            .path = "/self-serve/api-keys/{key_id}/revoke",
                                            .operation = "revoke_api_key",
                                            .role = Role::kAdmin,
                                            .route_class = kMutation,
                                            .idempotency = kOptional,
                                            .tag = "self-serve",
                                            .summary = "Revoke an API key at once"}),
      http::plain<&Api::report_inactive_keys>(*this, {.verb = kGet,
                                                      .path = "/self-serve/api-keys/inactive-report",
                                                      .operation = "inactive_api_key_report",
                                                      .role = Role::kAdmin,
                                                      .route_class = kRead,
                                                      .tag = "self-serve",
                                                      .summary = "List keys that are idle or expired"}),
  };
}

AdminApiKeyListResponse KeysApi::list_admin_keys(http::Call& call, const ListAdminApiKeys& in) const {
  const TenantScope tenant = operators_.scope_for(call, in.tenant_id.value_or(call.tenant().id()));
  KeyFilter filter;
  if (in.include_only_inactive) filter.idle = idle_for(in.inactive_days, clock_.now());
  KeyPage page = keys_.list(tenant, std::move(filter), in.limit, in.cursor);
  AdminApiKeyListResponse out{.tenant_id = tenant.id(),
                              .inactive_days_threshold = in.inactive_days,
                              .items = {},
                              .next_cursor = std::move(page.next_cursor)};
  out.items.reserve(page.items.size());
  for (ListedKey& item : page.items) out.items.push_back(shown_to_admin(std::move(item)));
  return out;
}

AdminApiKeyResponse KeysApi::patch_admin_key(http::Call& call, const AdminApiKeyPatchRequest& in) const {
  if (in.active == true && in.revoke == true)
    throw ApiError(errors::kValidationError, "Cannot reactivate and revoke in the same request");
  // Only operators look beyond their tenant; to others a foreign key does not exist.
  std::optional<std::string> owner;
  if (operators_.spans_tenants(call)) owner = keys_.tenant_of(in.key_id);
  const TenantScope tenant = operators_.scope_for(call, owner.value_or(call.tenant().id()));
  return shown_to_admin(
      keys_.change(call, tenant, in.key_id,
                   {.expires_at = in.expires_at, .name = in.name, .active = in.active, .revoke = in.revoke == true}));
}

ApiKeyCreateResponse KeysApi::create_key(http::Call& call, const ApiKeyCreateRequest& in) const {
  IssuedKey issued = keys_.create(
      call, {.role = in.role, .name = in.name, .user_id = {}, .email = {}, .expires_in_days = in.expires_in_days});
  ApiKeyCreateResponse out;
  fill(out, listed_at(clock_.now(), std::move(issued.key)));
  out.api_key = issued.plaintext.reveal();
  return out;
}

ApiKeyListResponse KeysApi::list_keys(http::Call& call, const ListApiKeys& in) const {
  KeyPage page = keys_.list(call.tenant(), {}, in.limit, in.cursor);
  ApiKeyListResponse out{.items = {}, .next_cursor = std::move(page.next_cursor)};
  out.items.reserve(page.items.size());
  for (ListedKey& item : page.items) out.items.push_back(shown(std::move(item)));
  audit::Event event = audit::event_of(call, "selfserve.api_key.listed");
  event.metadata = {{"count", out.items.size()}};
  audit_.record_soon(std::move(event));
  return out;
}

ApiKeyResponse KeysApi::revoke_key(http::Call& call, const RevokeApiKey& in) const {
  return shown(keys_.revoke(call, in.key_id));
}

ApiKeyInactiveReportResponse KeysApi::report_inactive_keys(http::Call& call, const ReportInactiveApiKeys& in) const {
  const std::int64_t days = in.inactive_days.value_or(report_days_);
  KeyFilter filter{.idle = idle_for(days, clock_.now()), .with_revoked = false, .after = {}, .limit = {}};
  KeyPage page = keys_.list(call.tenant(), std::move(filter));
  ApiKeyInactiveReportResponse out{.inactive_days_threshold = days, .items = {}};
  out.items.reserve(page.items.size());
  for (ListedKey& item : page.items) out.items.push_back(shown_as_idle(std::move(item)));
  audit::Event event = audit::event_of(call, "selfserve.api_key.inactive_reported");
  event.metadata = {{"inactive_days", days}, {"count", out.items.size()}};
  audit_.record_soon(std::move(event));
  return out;
}

}  // namespace nexus::auth
