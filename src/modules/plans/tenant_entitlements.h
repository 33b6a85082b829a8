#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/plans/plans_repository.h"
#include "modules/plans/plans_types.h"
#include "modules/quotas/ports.h"

#include <boost/json/object.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::plans {

struct Entitlement {
  std::string_view feature_key;  ///< one of kFeatureKeys
  bool enabled = false;
  std::optional<boost::json::object> config;
};

/// What a tenant may do at one moment: its plan with its overrides applied. Immutable once it is shared.
struct TenantEntitlements {
  std::string plan_id;
  std::optional<std::string> plan_name;     ///< empty when the catalogue has no such plan
  std::optional<Timestamp> effective_from;  ///< of the assignment; empty when there is none
  std::optional<Timestamp> effective_to;
  std::array<Entitlement, kFeatureKeys.size()> features;  ///< in the order of kFeatureKeys
  quotas::DefaultLimits limits;                           ///< from the configuration of kHighQuotaTier
  std::optional<Timestamp> good_until;                    ///< an assignment begins or ends then; empty: none does

  /// Throws std::logic_error for a key that is no feature: the program is wrong, not the request.
  [[nodiscard]] const Entitlement& of(std::string_view feature_key) const;
};

/// The rules of contract 01 §8.2: the newest assignment in force, else `free`; all features off; the plan's rows (those
/// of `free` for another plan without rows); the halves of the tenant's overrides that are not null.
[[nodiscard]] TenantEntitlements load_entitlements(const PlansRepository& plans, db::Snapshot& db,
                                                   const TenantScope& tenant, Timestamp now);

/// What is wrong with a configuration of kHighQuotaTier; empty when nothing is. Its numbers, integers from 0 or null
/// for unlimited: daily_requests_limit, monthly_requests_limit, daily_tokens_limit, monthly_tokens_limit.
[[nodiscard]] std::string problem_of_limits(const boost::json::object& config);

}  // namespace nexus::plans
