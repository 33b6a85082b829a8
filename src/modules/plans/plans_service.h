#pragma once

#include "base/time.h"
#include "db/database.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/plans/actor.h"
#include "modules/plans/entitlement_cache.h"
#include "modules/plans/plans_repository.h"
#include "modules/plans/tenant_entitlements.h"

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::plans {

/// Longest configuration of one override: every snapshot of the tenant carries it.
inline constexpr std::size_t kMaxConfigBytes = 8 * 1024;

/// What to change of one override: absent leaves a half as it is, null gives it back to the plan.
struct OverrideChange {
  std::string feature_key;
  schema::Patch<bool> enabled;
  schema::Patch<boost::json::object> config;
};

/// The catalogue, and what single tenants have of it. A change, its audit row and the version that tells caches to
/// forget commit together; what changes nothing writes nothing. Whether the actor may do it is the caller's question.
/// Blocks; thread-safe. Throws db::Error.
class PlansService {
 public:
  PlansService(db::Database& database, audit::Log& audit, EntitlementCache& cache, const Clock& clock);

  [[nodiscard]] std::vector<Plan> catalogue() const;
  /// Read from the rows, not from the cache.
  [[nodiscard]] TenantEntitlements current(const TenantScope& tenant) const;

  /// Gives the tenant a plan from now on, without end. NOT_FOUND "Plan not found" when it is unknown or inactive.
  TenantEntitlements assign(const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const;
  /// The same inside a transaction of the caller's.
  void assign(db::Tx& tx, const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const;
  /// Gives a plan to a tenant that never had one; false when it had. For provisioning.
  bool assign_first(const TenantScope& tenant, std::string_view plan_id, const Actor& actor) const;

  /// VALIDATION_ERROR for an unknown feature, a configuration that is too long, or limits that are no numbers. An
  /// override that says nothing more is removed.
  TenantEntitlements override_feature(const TenantScope& tenant, const OverrideChange& change,
                                      const Actor& actor) const;

 private:
  db::Database& database_;
  audit::Log& audit_;
  EntitlementCache& cache_;
  const Clock& clock_;
  PlansRepository plans_;
};

}  // namespace nexus::plans
