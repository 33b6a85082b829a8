#pragma once

#include "base/time.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/auth/ports.h"
#include "modules/plans/plans_service.h"
#include "modules/plans/upgrade_requests.h"
#include "modules/quotas/ports.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::plans {

struct FeatureView {
  std::string feature_key;
  bool enabled = false;
  std::optional<boost::json::object> config_json;
};

struct PlanView {
  std::string id;
  std::string name;
  bool is_active = true;
  std::vector<FeatureView> features;
};

struct TenantPlan {
  std::string tenant_id;
  std::string plan_id;
  std::optional<std::string> plan_name;
  std::optional<Timestamp> effective_from;
  std::optional<Timestamp> effective_to;
  bool is_active = false;  ///< an assignment is in force
  std::vector<FeatureView> entitlements;
};

struct OwnPlan {
  std::string tenant_id;
  std::string plan_id;
  std::optional<std::string> plan_name;
  std::vector<FeatureView> entitlements;
  quotas::QuotaStatus quota;
};

struct TenantPath {
  std::string tenant_id;
};

struct PlanAssignment {
  std::string tenant_id;
  std::string plan_id;
};

struct FeatureOverride {
  std::string tenant_id;
  std::string feature_key;
  schema::Patch<bool> enabled;
  schema::Patch<boost::json::object> config_json;
};

struct NewUpgradeRequest {
  std::string target_plan;
  std::optional<std::string> reason;
};

struct UpgradeAccepted {
  std::int64_t request_id = 0;
  std::string status;
};

struct UpgradeRequestQuery {
  std::optional<std::string> tenant_id;
  std::optional<std::string> status;
  std::int64_t after = 0;
  std::int64_t limit = 50;
};

struct UpgradeDecision {
  std::int64_t request_id = 0;
  std::optional<std::string> reason;
};

struct UpgradeRequestView {
  std::int64_t id = 0;
  std::string tenant_id;
  std::string current_plan;
  std::string target_plan;
  std::optional<std::string> reason;
  std::string status;
  std::optional<std::string> requested_by_actor_id;
  Timestamp created_at;
  Timestamp updated_at;
  std::optional<std::string> decided_by_actor_id;
  std::optional<std::string> decision_reason;
  std::optional<Timestamp> decided_at;
};

struct UpgradeRequestPage {
  std::vector<UpgradeRequestView> items;
  std::optional<std::int64_t> next_after;
};

/// Routes of contract 01 §11.1 and §11.3 about plans, and the operators' side of upgrade requests. Tenants read and
/// request; platform operators change. Borrows everything; must outlive its rows.
class PlansApi {
 public:
  PlansApi(const PlansService& plans, const UpgradeRequests& upgrades, const auth::OperatorGate& operators,
           quotas::QuotaView& quotas, audit::Log& audit);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  [[nodiscard]] std::vector<PlanView> list_plans(http::Call& call) const;
  [[nodiscard]] TenantPlan get_tenant_plan(http::Call& call, const TenantPath& in) const;
  [[nodiscard]] TenantPlan assign_tenant_plan(http::Call& call, const PlanAssignment& in) const;
  [[nodiscard]] TenantPlan patch_tenant_overrides(http::Call& call, const FeatureOverride& in) const;
  [[nodiscard]] OwnPlan get_own_plan(http::Call& call) const;
  [[nodiscard]] UpgradeAccepted request_upgrade(http::Call& call, const NewUpgradeRequest& in) const;
  [[nodiscard]] UpgradeRequestPage list_upgrade_requests(http::Call& call, const UpgradeRequestQuery& in) const;
  [[nodiscard]] UpgradeRequestView approve_upgrade_request(http::Call& call, const UpgradeDecision& in) const;
  [[nodiscard]] UpgradeRequestView reject_upgrade_request(http::Call& call, const UpgradeDecision& in) const;

 private:
  [[nodiscard]] TenantScope operated(const http::Call& call, const std::string& tenant_id) const;
  [[nodiscard]] UpgradeRequestView decide(const http::Call& call, const UpgradeDecision& in, Decision decision) const;

  const PlansService& plans_;
  const UpgradeRequests& upgrades_;
  const auth::OperatorGate& operators_;
  quotas::QuotaView& quotas_;
  audit::Log& audit_;
};

}  // namespace nexus::plans

namespace nexus {
template <>
const schema::Fields<plans::FeatureView>& schema::fields_of();
template <>
const schema::Fields<plans::PlanView>& schema::fields_of();
template <>
const schema::Fields<plans::TenantPlan>& schema::fields_of();
template <>
const schema::Fields<plans::OwnPlan>& schema::fields_of();
template <>
const schema::Fields<plans::TenantPath>& schema::fields_of();
template <>
const schema::Fields<plans::PlanAssignment>& schema::fields_of();
template <>
const schema::Fields<plans::FeatureOverride>& schema::fields_of();
template <>
const schema::Fields<plans::NewUpgradeRequest>& schema::fields_of();
template <>
const schema::Fields<plans::UpgradeAccepted>& schema::fields_of();
template <>
const schema::Fields<plans::UpgradeRequestQuery>& schema::fields_of();
template <>
const schema::Fields<plans::UpgradeDecision>& schema::fields_of();
template <>
const schema::Fields<plans::UpgradeRequestView>& schema::fields_of();
template <>
const schema::Fields<plans::UpgradeRequestPage>& schema::fields_of();
}  // namespace nexus
