#include "modules/plans/plans_api.h"

namespace nexus {

using plans::FeatureOverride;
using plans::FeatureView;
using plans::NewUpgradeRequest;
using plans::OwnPlan;
using plans::PlanAssignment;
using plans::PlanView;
using plans::TenantPath;
using plans::TenantPlan;
using plans::UpgradeAccepted;
using plans::UpgradeDecision;
using plans::UpgradeRequestPage;
using plans::UpgradeRequestQuery;
using plans::UpgradeRequestView;

template <>
const schema::Fields<FeatureView>& schema::fields_of() {
  using namespace schema;
  static const Fields<FeatureView> fields{
      field("feature_key", &FeatureView::feature_key),
      field("enabled", &FeatureView::enabled),
      field("config_json", &FeatureView::config_json),
  };
  return fields;
}

template <>
const schema::Fields<PlanView>& schema::fields_of() {
  using namespace schema;
  static const Fields<PlanView> fields{
      field("id", &PlanView::id),
      field("name", &PlanView::name),
      field("is_active", &PlanView::is_active, doc("An inactive plan can no longer be assigned.")),
      field("features", &PlanView::features),
  };
  return fields;
}

template <>
const schema::Fields<TenantPlan>& schema::fields_of() {
  using namespace schema;
  static const Fields<TenantPlan> fields{
      field("tenant_id", &TenantPlan::tenant_id),
      field("plan_id", &TenantPlan::plan_id),
      field("plan_name", &TenantPlan::plan_name),
      field("effective_from", &TenantPlan::effective_from, doc("Null: no plan was assigned.")),
      field("effective_to", &TenantPlan::effective_to, doc("Null: without end.")),
      field("is_active", &TenantPlan::is_active, doc("False: no assignment is in force, the default plan applies.")),
      field("entitlements", &TenantPlan::entitlements, doc("Every feature, sorted, with overrides applied.")),
  };
  return fields;
}

template <>
const schema::Fields<OwnPlan>& schema::fields_of() {
  using namespace schema;
  static const Fields<OwnPlan> fields{
      field("tenant_id", &OwnPlan::tenant_id), field("plan_id", &OwnPlan::plan_id),
      field("plan_name", &OwnPlan::plan_name), field("entitlements", &OwnPlan::entitlements),
      field("quota", &OwnPlan::quota),
  };
  return fields;
}

template <>
const schema::Fields<TenantPath>& schema::fields_of() {
  using namespace schema;
  static const Fields<TenantPath> fields{path_field("tenant_id", &TenantPath::tenant_id)};
  return fields;
}

template <>
const schema::Fields<PlanAssignment>& schema::fields_of() {
  using namespace schema;
  static const Fields<PlanAssignment> fields{
      path_field("tenant_id", &PlanAssignment::tenant_id),
      field("plan_id", &PlanAssignment::plan_id, doc("An active plan of GET /v1/admin/plans.")),
  };
  return fields;
}

template <>
const schema::Fields<FeatureOverride>& schema::fields_of() {
  using namespace schema;
  static const Fields<FeatureOverride> fields{
      path_field("tenant_id", &FeatureOverride::tenant_id),
      field("feature_key", &FeatureOverride::feature_key, example("feature.tts")),
      field("enabled", &FeatureOverride::enabled, doc("Absent: unchanged. Null: as the plan says.")),
      field("config_json", &FeatureOverride::config_json, doc("Absent: unchanged. Null: as the plan says.")),
  };
  return fields;
}

template <>
const schema::Fields<NewUpgradeRequest>& schema::fields_of() {
  using namespace schema;
  static const Fields<NewUpgradeRequest> fields{
      field("target_plan", &NewUpgradeRequest::target_plan, one_of({"pro", "enterprise"})),
      field("reason", &NewUpgradeRequest::reason, max_length(1024)),
  };
  return fields;
}

template <>
const schema::Fields<UpgradeAccepted>& schema::fields_of() {
  using namespace schema;
  static const Fields<UpgradeAccepted> fields{
      field("request_id", &UpgradeAccepted::request_id),
      field("status", &UpgradeAccepted::status),
  };
  return fields;
}

template <>
const schema::Fields<UpgradeRequestQuery>& schema::fields_of() {
  using namespace schema;
  static const Fields<UpgradeRequestQuery> fields{
      query_field("tenant_id", &UpgradeRequestQuery::tenant_id, doc("Only this tenant's.")),
      query_field("status", &UpgradeRequestQuery::status, one_of({"pending", "approved", "rejected"})),
      query_field("after", &UpgradeRequestQuery::after, ge(0), defaulted(), doc("next_after of the page before.")),
      query_field("limit", &UpgradeRequestQuery::limit, ge(1), le(200), defaulted()),
  };
  return fields;
}

template <>
const schema::Fields<UpgradeDecision>& schema::fields_of() {
  using namespace schema;
  static const Fields<UpgradeDecision> fields{
      path_field("request_id", &UpgradeDecision::request_id),
      field("reason", &UpgradeDecision::reason, max_length(1024), doc("For the tenant, who sees it.")),
  };
  return fields;
}

template <>
const schema::Fields<UpgradeRequestView>& schema::fields_of() {
  using namespace schema;
  static const Fields<UpgradeRequestView> fields{
      field("id", &UpgradeRequestView::id),
      field("tenant_id", &UpgradeRequestView::tenant_id),
      field("current_plan", &UpgradeRequestView::current_plan, doc("When the request was made.")),
      field("target_plan", &UpgradeRequestView::target_plan),
      field("reason", &UpgradeRequestView::reason),
      field("status", &UpgradeRequestView::status, doc("pending, approved or rejected.")),
      field("requested_by_actor_id", &UpgradeRequestView::requested_by_actor_id),
      field("created_at", &UpgradeRequestView::created_at),
      field("updated_at", &UpgradeRequestView::updated_at),
      field("decided_by_actor_id", &UpgradeRequestView::decided_by_actor_id),
      field("decision_reason", &UpgradeRequestView::decision_reason),
      field("decided_at", &UpgradeRequestView::decided_at),
  };
  return fields;
}

template <>
const schema::Fields<UpgradeRequestPage>& schema::fields_of() {
  using namespace schema;
  static const Fields<UpgradeRequestPage> fields{
      field("items", &UpgradeRequestPage::items),
      field("next_after", &UpgradeRequestPage::next_after, doc("Null on the last page.")),
  };
  return fields;
}

}  // namespace nexus
