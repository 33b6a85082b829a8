#include "modules/quotas/quotas_api.h"

#include "http/plain.h"
#include "json/json.h"

#include <boost/json/object.hpp>

#include <utility>

namespace nexus::quotas {
namespace {

QuotaLimits shown(const TenantScope& tenant, const Limits& limits) {
  return {.tenant_id = tenant.id(),
          .daily_requests_limit = limits.daily_requests,
          .monthly_requests_limit = limits.monthly_requests,
          .daily_tokens_limit = limits.daily_tokens,
          .monthly_tokens_limit = limits.monthly_tokens,
          .soft_cap_ratio = limits.soft_cap_ratio,
          .hard_cap_enabled = limits.hard_cap_enabled};
}

bool changes_something(const PatchQuotaLimits& in) {
  return in.daily_requests_limit.is_present() || in.monthly_requests_limit.is_present() ||
         in.daily_tokens_limit.is_present() || in.monthly_tokens_limit.is_present() || in.soft_cap_ratio.has_value() ||
         in.hard_cap_enabled.has_value();
}

Limits patched(Limits limits, const PatchQuotaLimits& in) {
  in.daily_requests_limit.apply_to(limits.daily_requests);
  in.monthly_requests_limit.apply_to(limits.monthly_requests);
  in.daily_tokens_limit.apply_to(limits.daily_tokens);
  in.monthly_tokens_limit.apply_to(limits.monthly_tokens);
  if (in.soft_cap_ratio) limits.soft_cap_ratio = *in.soft_cap_ratio;
  if (in.hard_cap_enabled) limits.hard_cap_enabled = *in.hard_cap_enabled;
  return limits;
}

/// As the API shows them, without the tenant.
boost::json::value recorded(const TenantScope& tenant, const Limits& limits) {
  boost::json::value value = json::parse(schema::write(shown(tenant, limits)));
  value.as_object().stable_erase("tenant_id");
  return value;
}

/// In the chain of the tenant that is affected; `operator_tenant` says who did it when that is another one.
audit::Event updated_event(const http::Call& call, const TenantScope& tenant, const Limits& before,
                           const Limits& after) {
  audit::Event event = audit::event_of(call, "quota.limits.updated");
  event.tenant_id = tenant.id();
  event.resource_type = "quota";
  event.resource_id = tenant.id();
  event.metadata = {{"before", recorded(tenant, before)}, {"after", recorded(tenant, after)}};
  if (call.tenant().id() != tenant.id()) event.metadata["operator_tenant"] = call.tenant().id();
  return event;
}

}  // namespace

QuotasApi::QuotasApi(db::Database& database, QuotaLedger& ledger, PlanDefaults& plans,
                     const auth::OperatorGate& operators, audit::Log& audit, const Clock& clock)
    : database_(database), ledger_(ledger), plans_(plans), operators_(operators), audit_(audit), clock_(clock) {}

std::vector<http::Endpoint> QuotasApi::endpoints() const {
  return {
      http::plain<&QuotasApi::get_quota_limits>(*this, {.verb = http::Verb::kGet,
                                                        .path = "/admin/quotas/{tenant_id}",
                                                        .operation = "get_quota_limits",
                                                        .role = Role::kAdmin,
                                                        .route_class = http::RouteClass::kRead,
                                                        .tag = "admin",
                                                        .summary = "Read a tenant's quota limits"}),
      http::plain<&QuotasApi::patch_quota_limits>(
          *this, {.verb = http::Verb::kPatch,
                  .path = "/admin/quotas/{tenant_id}",
                  .operation = "patch_quota_limits",
                  .role = Role::kAdmin,
                  .route_class = http::RouteClass::kMutation,
                  .idempotency = http::Idempotency::kOptional,
                  .body = http::BodyKind::kJson,
                  .tag = "admin",
                  .summary = "Change a tenant's quota limits, null for unlimited (platform operators)"}),
      http::plain<&QuotasApi::get_usage>(*this, {.verb = http::Verb::kGet,
                                                 .path = "/admin/usage/{tenant_id}",
                                                 .operation = "get_usage_summary",
                                                 .role = Role::kAdmin,
                                                 .route_class = http::RouteClass::kRead,
                                                 .tag = "admin",
                                                 .summary = "Read what a tenant used in a day or month"}),
  };
}

Limits QuotasApi::effective(const TenantScope& tenant, const std::optional<Limits>& row) const {
  return row ? *row : limits_of(plans_.defaults(tenant));
}

QuotaLimits QuotasApi::get_quota_limits(http::Call& call, const GetQuotaLimits& in) const {
  const TenantScope tenant = operators_.scope_for(call, in.tenant_id);
  const auto row = database_.read([&](db::Snapshot& db) { return repository_.limits(db, tenant); });
  return shown(tenant, effective(tenant, row));
}

QuotaLimits QuotasApi::patch_quota_limits(http::Call& call, const PatchQuotaLimits& in) const {
  const TenantScope tenant = operators_.scope_for(call, in.tenant_id);
  operators_.require(call);
  if (!changes_something(in)) return get_quota_limits(call, {.tenant_id = in.tenant_id});
  const Limits plan = limits_of(plans_.defaults(tenant));
  const Limits after = database_.write([&](db::Tx& tx) {
    ledger_.changed(tx, tenant.id());  // first: of two changes at once, the second starts from what the first left
    const Limits before = repository_.limits(tx, tenant).value_or(plan);
    const Limits limits = patched(before, in);
    repository_.set_limits(tx, tenant, limits, clock_.now());
    audit_.record(tx, updated_event(call, tenant, before, limits));
    return limits;
  });
  return shown(tenant, after);
}

TenantUsage QuotasApi::get_usage(http::Call& call, const GetTenantUsage& in) const {
  const TenantScope tenant = operators_.scope_for(call, in.tenant_id);
  const Period period = in.period == "month" ? Period::kMonth : Period::kDay;
  const Timestamp start = periods_of(parse_iso(in.start + "T00:00:00").value()).start(period);
  const Counted counted = ledger_.counted(tenant, period, start);
  return {.tenant_id = tenant.id(),
          .period_type = std::string(to_string(period)),
          .period_start = start,
          .requests_count = counted.requests,
          .estimated_tokens_count = counted.tokens};
}

}  // namespace nexus::quotas
