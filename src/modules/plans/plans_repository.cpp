#include "modules/plans/plans_repository.h"

#include "json/json.h"

#include <utility>

namespace nexus::plans {
namespace {

using db::Statement;

constexpr Statement kLockTenant{"plans.lock_tenant", R"(SELECT {{lock_name $1}})"};

constexpr Statement kPlans{"plans.plans", R"(SELECT id, name, is_active FROM plans ORDER BY {{bytes_order id}})"};

constexpr Statement kPlan{"plans.plan", R"(SELECT id, name, is_active FROM plans WHERE id = $1)"};

constexpr Statement kAllFeatures{"plans.all_features", R"(
  SELECT feature_key, enabled, config_json, plan_id FROM plan_features
  ORDER BY {{bytes_order plan_id}}, {{bytes_order feature_key}})"};

constexpr Statement kFeatures{"plans.features", R"(
  SELECT feature_key, enabled, config_json FROM plan_features
  WHERE plan_id = $1 ORDER BY {{bytes_order feature_key}})"};

constexpr Statement kAssignments{"plans.assignments", R"(
  SELECT plan_id, effective_from, effective_to FROM tenant_plan_assignments
  WHERE tenant_id = $1 AND is_active ORDER BY effective_from DESC)"};

constexpr Statement kEverAssigned{"plans.ever_assigned", R"(
  SELECT 1 FROM tenant_plan_assignments WHERE tenant_id = $1 LIMIT 1)"};

constexpr Statement kEndAssignments{"plans.end_assignments", R"(
  UPDATE tenant_plan_assignments
  SET is_active = FALSE, effective_to = CASE WHEN effective_to < $2 THEN effective_to ELSE $2 END
  WHERE tenant_id = $1 AND is_active)"};

constexpr Statement kAssign{"plans.assign", R"(
  INSERT INTO tenant_plan_assignments (tenant_id, effective_from, plan_id, effective_to, is_active, created_at)
  VALUES ($1, $2, $3, NULL, TRUE, $2)
  ON CONFLICT (tenant_id, effective_from) DO UPDATE
  SET plan_id = excluded.plan_id, effective_to = NULL, is_active = TRUE)"};

constexpr Statement kOverrides{"plans.overrides", R"(
  SELECT enabled, config_json, feature_key FROM tenant_feature_overrides
  WHERE tenant_id = $1 ORDER BY {{bytes_order feature_key}})"};

constexpr Statement kOverride{"plans.override", R"(
  SELECT enabled, config_json FROM tenant_feature_overrides WHERE tenant_id = $1 AND feature_key = $2)"};

constexpr Statement kPutOverride{"plans.put_override", R"(
  INSERT INTO tenant_feature_overrides (tenant_id, feature_key, enabled, config_json, created_at)
  VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant_id, feature_key) DO UPDATE
  SET enabled = excluded.enabled, config_json = excluded.config_json)"};

constexpr Statement kRemoveOverride{"plans.remove_override", R"(
  DELETE FROM tenant_feature_overrides WHERE tenant_id = $1 AND feature_key = $2)"};

constexpr Statement kInsertRequest{"plans.insert_request", R"(
  INSERT INTO plan_upgrade_requests (tenant_id, current_plan_id, target_plan_id, reason, status,
    requested_by_actor_id, created_at, updated_at)
  VALUES ($1, $2, $3, $4, 'pending', $5, $6, $6) RETURNING id)"};

constexpr Statement kRequest{"plans.request", R"(
  SELECT id, tenant_id, current_plan_id, target_plan_id, reason, status, requested_by_actor_id, created_at, updated_at,
    decided_by_actor_id, decision_reason, decided_at
  FROM plan_upgrade_requests WHERE id = $1)"};

constexpr Statement kRequestsOfTenant{"plans.requests_of_tenant", R"(
  SELECT id, tenant_id, current_plan_id, target_plan_id, reason, status, requested_by_actor_id, created_at, updated_at,
    decided_by_actor_id, decision_reason, decided_at
  FROM plan_upgrade_requests WHERE tenant_id = $1 AND id > $2 AND (CAST($3 AS TEXT) IS NULL OR status = $3)
  ORDER BY id LIMIT $4)"};

constexpr Statement kRequestsOfAll{"plans.requests_of_all", R"(
  SELECT id, tenant_id, current_plan_id, target_plan_id, reason, status, requested_by_actor_id, created_at, updated_at,
    decided_by_actor_id, decision_reason, decided_at
  FROM plan_upgrade_requests WHERE id > $1 AND (CAST($2 AS TEXT) IS NULL OR status = $2) ORDER BY id LIMIT $3)"};

constexpr Statement kDecide{"plans.decide_request", R"(
  UPDATE plan_upgrade_requests
  SET status = $3, decided_by_actor_id = $4, decision_reason = $5, decided_at = $6, updated_at = $6
  WHERE id = $1 AND tenant_id = $2 AND status = 'pending')"};

constexpr const Statement* kPlansStatements[] = {
    &kLockTenant,     &kPlans,          &kPlan,    &kAllFeatures,      &kFeatures,      &kAssignments,
    &kEverAssigned,   &kEndAssignments, &kAssign,  &kOverrides,        &kOverride,      &kPutOverride,
    &kRemoveOverride, &kInsertRequest,  &kRequest, &kRequestsOfTenant, &kRequestsOfAll, &kDecide};

/// Adopted rows may hold any JSON here; what is no object configures nothing.
std::optional<boost::json::object> config_of(const db::Cursor& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  boost::json::value value = json::parse(row.text(column));
  if (!value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

Plan plan_of(const db::Cursor& row) {
  return {.id = row.str(0), .name = row.str(1), .is_active = row.boolean(2), .features = {}};
}

PlanFeature feature_of(const db::Cursor& row) {
  return {.feature_key = row.str(0), .enabled = row.boolean(1), .config = config_of(row, 2)};
}

Override override_of(const db::Cursor& row) {
  return {.enabled = row.is_null(0) ? std::nullopt : std::optional(row.boolean(0)), .config = config_of(row, 1)};
}

UpgradeRequest request_of(const db::Cursor& row) {
  return {.id = row.i64(0),
          .tenant_id = row.str(1),
          .current_plan = row.str(2),
          .target_plan = row.str(3),
          .reason = row.opt_str(4),
          .status = row.str(5),
          .requested_by = row.opt_str(6),
          .created_at = row.time(7),
          .updated_at = row.time(8),
          .decided_by = row.opt_str(9),
          .decision_reason = row.opt_str(10),
          .decided_at = row.opt_time(11)};
}

}  // namespace

void PlansRepository::lock(db::Tx& tx, const TenantScope& tenant) const {
  (void)tx.query(kLockTenant, std::string("plans:").append(tenant.id())).next();
}

std::vector<Plan> PlansRepository::catalogue(db::Snapshot& db) const {
  std::vector<Plan> plans;
  {
    auto rows = db.query(kPlans);
    while (rows.next()) plans.push_back(plan_of(rows));
  }
  auto rows = db.query(kAllFeatures);
  auto plan = plans.begin();  // both are sorted by the plan's id
  while (rows.next()) {
    while (plan != plans.end() && plan->id != rows.text(3)) ++plan;
    if (plan == plans.end()) break;
    plan->features.push_back(feature_of(rows));
  }
  return plans;
}

std::optional<Plan> PlansRepository::find_plan(db::Snapshot& db, std::string_view plan_id) const {
  auto row = db.query(kPlan, plan_id);
  if (!row.next()) return std::nullopt;
  return plan_of(row);
}

std::vector<PlanFeature> PlansRepository::features(db::Snapshot& db, std::string_view plan_id) const {
  auto rows = db.query(kFeatures, plan_id);
  std::vector<PlanFeature> features;
  while (rows.next()) features.push_back(feature_of(rows));
  return features;
}

std::vector<Assignment> PlansRepository::active_assignments(db::Snapshot& db, const TenantScope& tenant) const {
  auto rows = db.query(kAssignments, tenant.id());
  std::vector<Assignment> found;
  while (rows.next())
    found.push_back({.plan_id = rows.str(0), .effective_from = rows.time(1), .effective_to = rows.opt_time(2)});
  return found;
}

bool PlansRepository::was_ever_assigned(db::Snapshot& db, const TenantScope& tenant) const {
  return db.query(kEverAssigned, tenant.id()).next();
}

void PlansRepository::assign(db::Tx& tx, const TenantScope& tenant, std::string_view plan_id, Timestamp now) const {
  tx.exec(kEndAssignments, tenant.id(), now);
  tx.exec(kAssign, tenant.id(), now, plan_id);
}

std::vector<KeyedOverride> PlansRepository::overrides(db::Snapshot& db, const TenantScope& tenant) const {
  auto rows = db.query(kOverrides, tenant.id());
  std::vector<KeyedOverride> found;
  while (rows.next()) found.push_back({.feature_key = rows.str(2), .value = override_of(rows)});
  return found;
}

std::optional<Override> PlansRepository::find_override(db::Snapshot& db, const TenantScope& tenant,
                                                       std::string_view feature_key) const {
  auto row = db.query(kOverride, tenant.id(), feature_key);
  if (!row.next()) return std::nullopt;
  return override_of(row);
}

void PlansRepository::put_override(db::Tx& tx, const TenantScope& tenant, std::string_view feature_key,
                                   const Override& value, Timestamp now) const {
  const std::string text = value.config ? json::write(*value.config) : std::string();
  const std::optional<db::Json> config = value.config ? std::optional(db::Json{text}) : std::nullopt;
  tx.exec(kPutOverride, tenant.id(), feature_key, value.enabled, config, now);
}

void PlansRepository::remove_override(db::Tx& tx, const TenantScope& tenant, std::string_view feature_key) const {
  tx.exec(kRemoveOverride, tenant.id(), feature_key);
}

std::int64_t PlansRepository::insert_request(db::Tx& tx, const TenantScope& tenant,
                                             const UpgradeRequest& request) const {
  auto row = tx.query(kInsertRequest, tenant.id(), request.current_plan, request.target_plan, request.reason,
                      request.requested_by, request.created_at);
  if (!row.next()) throw db::Error(db::ErrorCode::kOther, "upgrade request was not inserted");
  return row.i64(0);
}

std::optional<UpgradeRequest> PlansRepository::find_request(db::Snapshot& db, std::int64_t id) const {
  auto row = db.query(kRequest, id);
  if (!row.next()) return std::nullopt;
  return request_of(row);
}

std::vector<UpgradeRequest> PlansRepository::requests(db::Snapshot& db, const TenantScope* tenant,
                                                      const std::optional<std::string>& status, std::int64_t after,
                                                      std::int64_t limit) const {
  auto rows = tenant != nullptr ? db.query(kRequestsOfTenant, tenant->id(), after, status, limit)
                                : db.query(kRequestsOfAll, after, status, limit);
  std::vector<UpgradeRequest> found;
  while (rows.next()) found.push_back(request_of(rows));
  return found;
}

bool PlansRepository::decide(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view status,
                             const std::optional<std::string>& decided_by, const std::optional<std::string>& reason,
                             Timestamp now) const {
  return tx.exec(kDecide, id, tenant.id(), status, decided_by, reason, now) == 1;
}

db::StatementList plans_statements() {
  return kPlansStatements;
}

}  // namespace nexus::plans
