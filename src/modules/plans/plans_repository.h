#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::plans {

/// A row of plan_features.
struct PlanFeature {
  std::string feature_key;
  bool enabled = true;
  std::optional<boost::json::object> config;
};

/// A row of plans; `features`, sorted by key, are read with the catalogue only.
struct Plan {
  std::string id;
  std::string name;
  bool is_active = true;
  std::vector<PlanFeature> features;
};

/// An active row of tenant_plan_assignments.
struct Assignment {
  std::string plan_id;
  Timestamp effective_from;
  std::optional<Timestamp> effective_to;
};

/// A row of tenant_feature_overrides: each half is null where the plan decides.
struct Override {
  std::optional<bool> enabled;
  std::optional<boost::json::object> config;

  [[nodiscard]] bool says_nothing() const { return !enabled && !config; }
  friend bool operator==(const Override&, const Override&) = default;
};
struct KeyedOverride {
  std::string feature_key;
  Override value;
};

/// A row of plan_upgrade_requests.
struct UpgradeRequest {
  std::int64_t id = 0;
  std::string tenant_id;
  std::string current_plan;  ///< when it was made
  std::string target_plan;
  std::optional<std::string> reason;
  std::string status = "pending";  ///< or "approved", "rejected"
  std::optional<std::string> requested_by;
  Timestamp created_at;
  Timestamp updated_at;
  std::optional<std::string> decided_by;
  std::optional<std::string> decision_reason;
  std::optional<Timestamp> decided_at;
};

/// All SQL of the room. The catalogue belongs to no tenant; a function that looks at the requests of all tenants says
/// so. Throws db::Error.
class PlansRepository {
 public:
  /// Whoever changes what a tenant has starts here: changes of one tenant follow each other, each sees the one before.
  void lock(db::Tx& tx, const TenantScope& tenant) const;

  /// Plans by id with their features.
  [[nodiscard]] std::vector<Plan> catalogue(db::Snapshot& db) const;
  [[nodiscard]] std::optional<Plan> find_plan(db::Snapshot& db, std::string_view plan_id) const;
  [[nodiscard]] std::vector<PlanFeature> features(db::Snapshot& db, std::string_view plan_id) const;

  /// Rows that no later assignment replaced, newest first; some may lie in the future or have ended.
  [[nodiscard]] std::vector<Assignment> active_assignments(db::Snapshot& db, const TenantScope& tenant) const;
  [[nodiscard]] bool was_ever_assigned(db::Snapshot& db, const TenantScope& tenant) const;
  /// Ends what is active, then gives the plan from `now` on. One that began at this very moment is replaced.
  void assign(db::Tx& tx, const TenantScope& tenant, std::string_view plan_id, Timestamp now) const;

  [[nodiscard]] std::vector<KeyedOverride> overrides(db::Snapshot& db, const TenantScope& tenant) const;
  [[nodiscard]] std::optional<Override> find_override(db::Snapshot& db, const TenantScope& tenant,
                                                      std::string_view feature_key) const;
  void put_override(db::Tx& tx, const TenantScope& tenant, std::string_view feature_key, const Override& value,
                    Timestamp now) const;
  void remove_override(db::Tx& tx, const TenantScope& tenant, std::string_view feature_key) const;

  /// Stores a pending request; returns its id.
  [[nodiscard]] std::int64_t insert_request(db::Tx& tx, const TenantScope& tenant, const UpgradeRequest& request) const;
  /// By id alone, for operators: the caller decides whether it may be seen.
  [[nodiscard]] std::optional<UpgradeRequest> find_request(db::Snapshot& db, std::int64_t id) const;
  /// By ascending id, beginning after `after`. A null `tenant` is the operators' view of all tenants.
  [[nodiscard]] std::vector<UpgradeRequest> requests(db::Snapshot& db, const TenantScope* tenant,
                                                     const std::optional<std::string>& status, std::int64_t after,
                                                     std::int64_t limit) const;
  /// Moves a pending request to `status`; false when it is not pending.
  [[nodiscard]] bool decide(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view status,
                            const std::optional<std::string>& decided_by, const std::optional<std::string>& reason,
                            Timestamp now) const;
};

[[nodiscard]] db::StatementList plans_statements();

}  // namespace nexus::plans
