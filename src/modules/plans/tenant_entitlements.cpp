#include "modules/plans/tenant_entitlements.h"

#include "observe/log.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

namespace nexus::plans {
namespace {

struct LimitField {
  std::string_view name;
  std::optional<std::int64_t> quotas::DefaultLimits::*member;
};
constexpr LimitField kLimitFields[] = {
    {"daily_requests_limit", &quotas::DefaultLimits::daily_requests},
    {"monthly_requests_limit", &quotas::DefaultLimits::monthly_requests},
    {"daily_tokens_limit", &quotas::DefaultLimits::daily_tokens},
    {"monthly_tokens_limit", &quotas::DefaultLimits::monthly_tokens},
};

bool is_limit(const boost::json::value& value) {
  return value.is_null() || (value.is_int64() && value.get_int64() >= 0);
}

quotas::DefaultLimits limits_of(const std::optional<boost::json::object>& config, const TenantScope& tenant) {
  quotas::DefaultLimits limits;
  if (!config) return limits;
  if (const std::string problem = problem_of_limits(*config); !problem.empty())
    observe::log_warn("a limit of the plan is ignored", {{"tenant_id", tenant.id()}, {"reason", problem}});
  for (const LimitField& field : kLimitFields) {
    const boost::json::value* value = config->if_contains(field.name);
    if (value != nullptr && value->is_int64() && value->get_int64() >= 0) limits.*field.member = value->get_int64();
  }
  return limits;
}

/// Chooses the assignment in force and notes when that choice has to be made again.
void apply_assignments(TenantEntitlements& out, std::vector<Assignment> newest_first, Timestamp now) {
  const auto changes_at = [&](Timestamp moment) {
    if (moment > now) out.good_until = std::min(out.good_until.value_or(moment), moment);
  };
  out.plan_id = kDefaultPlan;
  for (Assignment& assignment : newest_first) {
    changes_at(assignment.effective_from);
    if (assignment.effective_to) changes_at(*assignment.effective_to);
    const bool in_force =
        assignment.effective_from <= now && (!assignment.effective_to || *assignment.effective_to > now);
    if (!in_force || out.effective_from) continue;
    out.plan_id = std::move(assignment.plan_id);
    out.effective_from = assignment.effective_from;
    out.effective_to = assignment.effective_to;
  }
}

}  // namespace

const Entitlement& TenantEntitlements::of(std::string_view feature_key) const {
  const std::optional<std::size_t> index = feature_index(feature_key);
  if (!index) throw std::logic_error("no feature is called " + std::string(feature_key));
  return features[*index];
}

std::string problem_of_limits(const boost::json::object& config) {
  for (const LimitField& field : kLimitFields) {
    const boost::json::value* value = config.if_contains(field.name);
    if (value != nullptr && !is_limit(*value)) return std::string(field.name) + " must be an integer from 0, or null";
  }
  return {};
}

TenantEntitlements load_entitlements(const PlansRepository& plans, db::Snapshot& db, const TenantScope& tenant,
                                     Timestamp now) {
  TenantEntitlements out;
  apply_assignments(out, plans.active_assignments(db, tenant), now);
  if (std::optional<Plan> plan = plans.find_plan(db, out.plan_id)) out.plan_name = std::move(plan->name);

  for (std::size_t i = 0; i < kFeatureKeys.size(); ++i) out.features[i].feature_key = kFeatureKeys[i];
  std::vector<PlanFeature> rows = plans.features(db, out.plan_id);
  if (rows.empty() && out.plan_id != kDefaultPlan) rows = plans.features(db, kDefaultPlan);
  for (PlanFeature& row : rows) {
    const std::optional<std::size_t> index = feature_index(row.feature_key);
    if (!index) continue;  // of another version of the program
    out.features[*index].enabled = row.enabled;
    out.features[*index].config = std::move(row.config);
  }
  for (KeyedOverride& row : plans.overrides(db, tenant)) {
    const std::optional<std::size_t> index = feature_index(row.feature_key);
    if (!index) continue;
    if (row.value.enabled) out.features[*index].enabled = *row.value.enabled;
    if (row.value.config) out.features[*index].config = std::move(row.value.config);
  }
  out.limits = limits_of(out.of(kHighQuotaTier).config, tenant);
  return out;
}

}  // namespace nexus::plans
