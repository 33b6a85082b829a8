#include "modules/plans/upgrade_requests.h"

#include "base/errors.h"

#include <utility>

namespace nexus::plans {
namespace {

boost::json::value value_or_null(const std::optional<std::string>& text) {
  return text ? boost::json::value(*text) : boost::json::value(nullptr);
}

ApiError not_found() {
  return ApiError(errors::kNotFound, "Upgrade request not found");
}

}  // namespace

UpgradeRequests::UpgradeRequests(db::Database& database, audit::Log& audit, billing::Outbox& outbox,
                                 const PlansService& plans, const Clock& clock)
    : database_(database), audit_(audit), outbox_(outbox), plans_(plans), clock_(clock) {}

UpgradeRequest UpgradeRequests::open(const TenantScope& tenant, std::string_view target_plan,
                                     const std::optional<std::string>& reason, const Actor& actor) const {
  return database_.write([&](db::Tx& tx) {
    const std::optional<Plan> target = repository_.find_plan(tx, target_plan);
    if (!target || !target->is_active) throw ApiError(errors::kNotFound, "Target plan not found");
    const Timestamp now = clock_.now();
    UpgradeRequest request{.tenant_id = tenant.id(),
                           .current_plan = load_entitlements(repository_, tx, tenant, now).plan_id,
                           .target_plan = target->id,
                           .reason = reason,
                           .requested_by = actor.id(),
                           .created_at = now,
                           .updated_at = now};
    request.id = repository_.insert_request(tx, tenant, request);
    announce(tx, tenant, "upgrade_requested", request, reason, actor, now);
    return request;
  });
}

std::vector<UpgradeRequest> UpgradeRequests::list(const RequestFilter& filter) const {
  const TenantScope* tenant = filter.tenant ? &*filter.tenant : nullptr;
  return database_.read(
      [&](db::Snapshot& db) { return repository_.requests(db, tenant, filter.status, filter.after, filter.limit); });
}

std::optional<UpgradeRequest> UpgradeRequests::find(std::int64_t id) const {
  return database_.read([&](db::Snapshot& db) { return repository_.find_request(db, id); });
}

UpgradeRequest UpgradeRequests::decide(const TenantScope& tenant, std::int64_t id, Decision decision,
                                       const std::optional<std::string>& reason, const Actor& actor) const {
  const bool approved = decision == Decision::kApprove;
  return database_.write([&](db::Tx& tx) {
    const Timestamp now = clock_.now();
    // The update is the lock: of two decisions, the second finds the request no longer pending.
    const bool decided =
        repository_.decide(tx, tenant, id, approved ? "approved" : "rejected", actor.id(), reason, now);
    std::optional<UpgradeRequest> request = repository_.find_request(tx, id);
    if (!request || request->tenant_id != tenant.id()) throw not_found();
    if (!decided) throw ApiError(errors::kConflict, "Upgrade request is not pending", {{"status", request->status}});
    if (approved) plans_.assign(tx, tenant, request->target_plan, actor);
    announce(tx, tenant, approved ? "upgrade_approved" : "upgrade_rejected", *request, reason, actor, now);
    return std::move(*request);
  });
}

void UpgradeRequests::announce(db::Tx& tx, const TenantScope& tenant, std::string_view step,
                               const UpgradeRequest& request, const std::optional<std::string>& reason,
                               const Actor& actor, Timestamp now) const {
  const std::string id = std::to_string(request.id);
  audit::Event event = actor.event(std::string("plan.").append(step), tenant, now);
  event.resource_type = "plan";
  event.resource_id = id;
  event.metadata["current_plan"] = request.current_plan;
  event.metadata["target_plan"] = request.target_plan;
  event.metadata["reason"] = value_or_null(reason);
  audit_.record(tx, event);
  outbox_.enqueue(tx, tenant, std::string("billing.").append(step),
                  {{"current_plan", request.current_plan},
                   {"target_plan", request.target_plan},
                   {"reason", value_or_null(reason)},
                   {"request_id", request.id}},
                  "request:" + id);
}

}  // namespace nexus::plans
