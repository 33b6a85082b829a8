#include "modules/plans/plans_service.h"

#include "base/errors.h"
#include "json/json.h"

#include <fmt/format.h>

namespace nexus::plans {
namespace {

void check(const OverrideChange& change) {
  if (!feature_index(change.feature_key)) throw ApiError(errors::kValidationError, "Unknown feature_key");
  if (!change.config) return;
  if (json::write(*change.config).size() > kMaxConfigBytes)
    throw ApiError(errors::kValidationError, fmt::format("config_json is longer than {} bytes", kMaxConfigBytes));
  if (change.feature_key != kHighQuotaTier) return;
  if (const std::string problem = problem_of_limits(*change.config); !problem.empty())
    throw ApiError(errors::kValidationError, "config_json: " + problem);
}

/// For the audit row; null when there is no override.
boost::json::value shown(const Override& value) {
  if (value.says_nothing()) return nullptr;
  boost::json::object out;
  out["enabled"] = value.enabled ? boost::json::value(*value.enabled) : boost::json::value(nullptr);
  out["config_json"] = value.config ? boost::json::value(*value.config) : boost::json::value(nullptr);
  return out;
}

}  // namespace

PlansService::PlansService(db::Database& database, audit::Log& audit, EntitlementCache& cache, const Clock& clock)
    : database_(database), audit_(audit), cache_(cache), clock_(clock) {}

std::vector<Plan> PlansService::catalogue() const {
  return database_.read([&](db::Snapshot& db) { return plans_.catalogue(db); });
}

TenantEntitlements PlansService::current(const TenantScope& tenant) const {
  return database_.read([&](db::Snapshot& db) { return load_entitlements(plans_, db, tenant, clock_.now()); });
}

TenantEntitlements PlansService::assign(const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const {
  return database_.write([&](db::Tx& tx) {
    assign(tx, tenant, plan_id, actor);
    return load_entitlements(plans_, tx, tenant, clock_.now());
  });
}

void PlansService::assign(db::Tx& tx, const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const {
  plans_.lock(tx, tenant);
  const std::optional<Plan> plan = plans_.find_plan(tx, plan_id);
  if (!plan || !plan->is_active) throw ApiError(errors::kNotFound, "Plan not found");
  const Timestamp now = clock_.now();
  const TenantEntitlements before = load_entitlements(plans_, tx, tenant, now);
  if (before.plan_id == plan->id && !before.effective_to) return;
  plans_.assign(tx, tenant, plan->id, now);
  cache_.changed(tx, tenant);
  audit::Event event = actor.event("plan.assigned", tenant, now);
  event.resource_type = "plan";
  event.resource_id = plan->id;
  event.metadata["before"] = before.plan_id;
  event.metadata["after"] = plan->id;
  audit_.record(tx, event);
}

bool PlansService::assign_first(const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const {
  return database_.write([&](db::Tx& tx) {
    plans_.lock(tx, tenant);
    if (plans_.was_ever_assigned(tx, tenant)) return false;
    assign(tx, tenant, plan_id, actor);
    return true;
  });
}

TenantEntitlements PlansService::override_feature(const TenantScope& tenant, const OverrideChange& change,
                                                  const Actor& actor) const {
  check(change);
  return database_.write([&](db::Tx& tx) {
    const Timestamp now = clock_.now();
    plans_.lock(tx, tenant);
    const Override before = plans_.find_override(tx, tenant, change.feature_key).value_or(Override{});
    Override after = before;
    change.enabled.apply_to(after.enabled);
    change.config.apply_to(after.config);
    if (after != before) {
      if (after.says_nothing()) {
        plans_.remove_override(tx, tenant, change.feature_key);
      } else {
        plans_.put_override(tx, tenant, change.feature_key, after, now);
      }
      cache_.changed(tx, tenant);
      audit::Event event = actor.event("plan.override.updated", tenant, now);
      event.resource_type = "plan";
      event.resource_id = change.feature_key;
      event.metadata["feature_key"] = change.feature_key;
      event.metadata["before"] = shown(before);
      event.metadata["after"] = shown(after);
      audit_.record(tx, event);
    }
    return load_entitlements(plans_, tx, tenant, now);
  });
}

}  // namespace nexus::plans
