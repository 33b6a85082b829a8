#include "modules/plans/plans_api.h"

#include "base/errors.h"
#include "http/plain.h"

#include <utility>

namespace nexus::plans {

using enum http::Verb;
using enum http::RouteClass;

namespace {

FeatureView view_of(const Entitlement& entitlement) {
  return {.feature_key = std::string(entitlement.feature_key),
          .enabled = entitlement.enabled,
          .config_json = entitlement.config};
}

std::vector<FeatureView> views_of(const TenantEntitlements& entitlements) {
  std::vector<FeatureView> out;
  out.reserve(entitlements.features.size());
  for (const Entitlement& entitlement : entitlements.features) out.push_back(view_of(entitlement));
  return out;
}

TenantPlan view_of(const TenantScope& tenant, const TenantEntitlements& entitlements) {
  return {.tenant_id = tenant.id(),
          .plan_id = entitlements.plan_id,
          .plan_name = entitlements.plan_name,
          .effective_from = entitlements.effective_from,
          .effective_to = entitlements.effective_to,
          .is_active = entitlements.effective_from.has_value(),
          .entitlements = views_of(entitlements)};
}

PlanView view_of(Plan&& plan) {
  PlanView out{.id = std::move(plan.id), .name = std::move(plan.name), .is_active = plan.is_active, .features = {}};
  for (PlanFeature& feature : plan.features)
    out.features.push_back({.feature_key = std::move(feature.feature_key),
                            .enabled = feature.enabled,
                            .config_json = std::move(feature.config)});
  return out;
}

UpgradeRequestView view_of(UpgradeRequest&& request) {
  return {.id = request.id,
          .tenant_id = std::move(request.tenant_id),
          .current_plan = std::move(request.current_plan),
          .target_plan = std::move(request.target_plan),
          .reason = std::move(request.reason),
          .status = std::move(request.status),
          .requested_by_actor_id = std::move(request.requested_by),
          .created_at = request.created_at,
          .updated_at = request.updated_at,
          .decided_by_actor_id = std::move(request.decided_by),
          .decision_reason = std::move(request.decision_reason),
          .decided_at = request.decided_at};
}

}  // namespace

PlansApi::PlansApi(const PlansService& plans, const UpgradeRequests& upgrades, const auth::OperatorGate& operators,
                   quotas::QuotaView& quotas, audit::Log& audit)
    : plans_(plans), upgrades_(upgrades), operators_(operators), quotas_(quotas), audit_(audit) {}

std::vector<http::Endpoint> PlansApi::endpoints() const {
  using Api = PlansApi;
  constexpr auto kOptional = http::Idempotency::kOptional;
  return {
      http::plain<&Api::list_plans>(*this, {.verb = kGet,
                                            .path = "/admin/plans",
                                            .operation = "list_plans",
                                            .role = Role::kAdmin,
                                            .route_class = kRead,
                                            .tag = "admin",
                                            .summary = "List the plans and what they contain"}),
      http::plain<&Api::get_tenant_plan>(*this, {.verb = kGet,
                                                 .path = "/admin/plans/{tenant_id}",
                                                 .operation = "get_tenant_plan",
                                                 .role = Role::kAdmin,
                                                 .route_class = kRead,
                                                 .tag = "admin",
                                                 .summary = "Read a tenant's plan and entitlements"}),
      http::plain<&Api::assign_tenant_plan>(*this, {.verb = kPatch,
                                                    .path = "/admin/plans/{tenant_id}",
                                                    .operation = "assign_tenant_plan",
                                                    .role = Role::kAdmin,
                                                    .route_class = kMutation,
                                                    .idempotency = kOptional,
                                                    .body = http::BodyKind::kJson,
                                                    .tag = "admin",
                                                    .summary = "Give a tenant a plan (platform operators)"}),
      http::plain<&Api::patch_tenant_overrides>(*this, {.verb = kPatch,
                                                        .path = "/admin/plans/{tenant_id}/overrides",
                                                        .operation = "patch_tenant_overrides",
                                                        .role = Role::kAdmin,
                                                        .route_class = kMutation,
                                                        .idempotency = kOptional,
                                                        .body = http::BodyKind::kJson,
                                                        .tag = "admin",
                                                        .summary = "Change one feature of a tenant, or give it back to "
                                                                   "the plan with null (platform operators)"}),
      http::plain<&Api::list_upgrade_requests>(*this, {.verb = kGet,
                                                       .path = "/admin/plan-upgrade-requests",
                                                       .operation = "list_plan_upgrade_requests",
                                                       .role = Role::kAdmin,
                                                       .route_class = kRead,
                                                       .legacy_alias = false,
                                                       .tag = "admin",
                                                       .summary = "List upgrade requests, oldest first"}),
      http::plain<&Api::approve_upgrade_request>(*this, {.verb = kPost,
                                                         .path = "/admin/plan-upgrade-requests/{request_id}/approve",
                                                         .operation = "approve_plan_upgrade_request",
                                                         .role = Role::kAdmin,
                                                         .route_class = kMutation,
                                                         .idempotency = kOptional,
                                                         .body = http::BodyKind::kOptionalJson,
                                                         .legacy_alias = false,
                                                         .tag = "admin",
                                                         .summary = "Assign the plan that was asked for (platform "
                                                                    "operators)"}),
      http::plain<&Api::reject_upgrade_request>(*this,
                                                {.verb = kPost,
                                                 .path = "/admin/plan-upgrade-requests/{request_id}/reject",
                                                 .operation = "reject_plan_upgrade_request",
                                                 .role = Role::kAdmin,
                                                 .route_class = kMutation,
                                                 .idempotency = kOptional,
                                                 .body = http::BodyKind::kOptionalJson,
                                                 .legacy_alias = false,
                                                 .tag = "admin",
                                                 .summary = "Turn an upgrade request down (platform operators)"}),
      http::plain<&Api::get_own_plan>(*this, {.verb = kGet,
                                              .path = "/self-serve/plan",
                                              .operation = "get_self_serve_plan",
                                              .role = Role::kAdmin,
                                              .route_class = kRead,
                                              .tag = "self-serve",
                                              .summary = "Read your plan, entitlements and quota"}),
      http::plain<&Api::request_upgrade>(*this, {.verb = kPost,
                                                 .path = "/self-serve/plan/upgrade-request",
                                                 .operation = "upgrade_plan_request",
                                                 .role = Role::kAdmin,
                                                 .route_class = kMutation,
                                                 .idempotency = kOptional,
                                                 .body = http::BodyKind::kJson,
                                                 .success = 202,
                                                 .tag = "self-serve",
                                                 .summary = "Ask for another plan"}),
  };
}

TenantScope PlansApi::operated(const http::Call& call, const std::string& tenant_id) const {
  TenantScope tenant = operators_.scope_for(call, tenant_id);
  operators_.require(call);
  return tenant;
}

std::vector<PlanView> PlansApi::list_plans(http::Call& /*call*/) const {
  std::vector<PlanView> out;
  for (Plan& plan : plans_.catalogue()) out.push_back(view_of(std::move(plan)));
  return out;
}

TenantPlan PlansApi::get_tenant_plan(http::Call& call, const TenantPath& in) const {
  const TenantScope tenant = operators_.scope_for(call, in.tenant_id);
  return view_of(tenant, plans_.current(tenant));
}

TenantPlan PlansApi::assign_tenant_plan(http::Call& call, const PlanAssignment& in) const {
  const TenantScope tenant = operated(call, in.tenant_id);
  return view_of(tenant, plans_.assign(tenant, in.plan_id, Actor::of(call)));
}

TenantPlan PlansApi::patch_tenant_overrides(http::Call& call, const FeatureOverride& in) const {
  const TenantScope tenant = operated(call, in.tenant_id);
  const OverrideChange change{.feature_key = in.feature_key, .enabled = in.enabled, .config = in.config_json};
  return view_of(tenant, plans_.override_feature(tenant, change, Actor::of(call)));
}

OwnPlan PlansApi::get_own_plan(http::Call& call) const {
  const TenantEntitlements entitlements = plans_.current(call.tenant());
  audit::Event event = audit::event_of(call, "selfserve.plan.viewed");
  event.metadata = {{"plan_id", entitlements.plan_id}};
  audit_.record_soon(std::move(event));
  return {.tenant_id = call.tenant().id(),
          .plan_id = entitlements.plan_id,
          .plan_name = entitlements.plan_name,
          .entitlements = views_of(entitlements),
          .quota = quotas_.status(call.tenant())};
}

UpgradeAccepted PlansApi::request_upgrade(http::Call& call, const NewUpgradeRequest& in) const {
  const UpgradeRequest request = upgrades_.open(call.tenant(), in.target_plan, in.reason, Actor::of(call));
  return {.request_id = request.id, .status = request.status};
}

UpgradeRequestPage PlansApi::list_upgrade_requests(http::Call& call, const UpgradeRequestQuery& in) const {
  RequestFilter filter{.tenant = std::nullopt, .status = in.status, .after = in.after, .limit = in.limit + 1};
  if (in.tenant_id) {
    filter.tenant = operators_.scope_for(call, *in.tenant_id);
  } else if (!operators_.spans_tenants(call)) {
    filter.tenant = call.tenant();
  }
  std::vector<UpgradeRequest> requests = upgrades_.list(filter);
  UpgradeRequestPage page;
  if (std::cmp_greater(requests.size(), in.limit)) {
    requests.pop_back();
    page.next_after = requests.back().id;
  }
  for (UpgradeRequest& request : requests) page.items.push_back(view_of(std::move(request)));
  return page;
}

UpgradeRequestView PlansApi::approve_upgrade_request(http::Call& call, const UpgradeDecision& in) const {
  return decide(call, in, Decision::kApprove);
}

UpgradeRequestView PlansApi::reject_upgrade_request(http::Call& call, const UpgradeDecision& in) const {
  return decide(call, in, Decision::kReject);
}

UpgradeRequestView PlansApi::decide(const http::Call& call, const UpgradeDecision& in, Decision decision) const {
  operators_.require(call);
  const std::optional<UpgradeRequest> request = upgrades_.find(in.request_id);
  // Another tenant's id must look like one that does not exist.
  const bool visible = request && (request->tenant_id == call.tenant().id() || operators_.spans_tenants(call));
  if (!visible) throw ApiError(errors::kNotFound, "Upgrade request not found");
  const TenantScope tenant = operators_.scope_for(call, request->tenant_id);
  return view_of(upgrades_.decide(tenant, in.request_id, decision, in.reason, Actor::of(call)));
}

}  // namespace nexus::plans
