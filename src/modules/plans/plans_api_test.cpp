#include "modules/plans/plans_api.h"

#include "modules/plans/plans_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace nexus::plans {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using enum http::Verb;

constexpr std::string_view kForeign = "Tenant scope does not match admin key";

std::string entitlement(const boost::json::value& plan, std::string_view key) {
  for (const boost::json::value& item : plan.at("entitlements").as_array())
    if (item.at("feature_key").as_string() == key) return json::write(item);
  return {};
}

TEST(PlansApi, RowsFollowTheRouteInventory) {
  PlansDesk d;
  std::map<std::string, std::string> found;
  for (const http::Endpoint& row : d.rows) {
    EXPECT_EQ(row.spec.role, Role::kAdmin) << row.spec.path;
    EXPECT_EQ(row.spec.feature, "") << row.spec.path;
    const bool writes = row.spec.verb != kGet;
    EXPECT_EQ(row.spec.route_class, writes ? http::RouteClass::kMutation : http::RouteClass::kRead) << row.spec.path;
    EXPECT_EQ(row.spec.idempotency, writes ? http::Idempotency::kOptional : http::Idempotency::kUnsupported);
    found[std::string(to_string(row.spec.verb)) + " " + std::string(row.spec.path)] = row.spec.operation;
  }
  const std::map<std::string, std::string> expected{
      {"GET /admin/plans", "list_plans"},
      {"GET /admin/plans/{tenant_id}", "get_tenant_plan"},
      {"PATCH /admin/plans/{tenant_id}", "assign_tenant_plan"},
      {"PATCH /admin/plans/{tenant_id}/overrides", "patch_tenant_overrides"},
      {"GET /admin/plan-upgrade-requests", "list_plan_upgrade_requests"},
      {"POST /admin/plan-upgrade-requests/{request_id}/approve", "approve_plan_upgrade_request"},
      {"POST /admin/plan-upgrade-requests/{request_id}/reject", "reject_plan_upgrade_request"},
      {"GET /self-serve/plan", "get_self_serve_plan"},
      {"POST /self-serve/plan/upgrade-request", "upgrade_plan_request"}};
  EXPECT_EQ(found, expected);
}

TEST(PlansApi, ListsTheCatalogueWithInactivePlans) {
  PlansDesk d;
  d.sql("UPDATE plans SET is_active = FALSE WHERE id = 'pro'");
  d.sql(
      "UPDATE plan_features SET config_json = '{\"a\":1}' WHERE plan_id = 'enterprise' AND feature_key = "
      "'feature.audit_access'");
  const auto answer = d.send(kGet, "/admin/plans");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.text(),
              StartsWith(R"([{"id":"enterprise","name":"Enterprise","is_active":true,"features":[)"
                         R"({"feature_key":"feature.audit_access","enabled":true,"config_json":{"a":1}},)"
                         R"({"feature_key":"feature.billing_webhook_test","enabled":true,"config_json":null},)"));
  const boost::json::array& plans = answer.body.as_array();
  ASSERT_EQ(plans.size(), 3U);
  EXPECT_EQ(plans[1].at("id"), "free");
  EXPECT_EQ(plans[2].at("is_active"), false);
  for (const boost::json::value& plan : plans) EXPECT_EQ(plan.at("features").as_array().size(), 15U);
}

TEST(PlansApi, ShowsATenantWithoutAssignment) {
  PlansDesk d;
  const auto answer = d.send(kGet, "/admin/plans/t1");
  EXPECT_THAT(answer.text(),
              StartsWith(R"({"tenant_id":"t1","plan_id":"free","plan_name":"Free","effective_from":null,)"
                         R"("effective_to":null,"is_active":false,"entitlements":[)"
                         R"({"feature_key":"feature.audit_access","enabled":false,"config_json":null})"));
  EXPECT_EQ(answer.body.at("entitlements").as_array().size(), 15U);
  EXPECT_EQ(d.t.audited(), 0U);
}

TEST(PlansApi, AssignsAPlan) {
  PlansDesk d;
  const auto answer = d.send(kPatch, "/admin/plans/t1", R"({"plan_id":"pro"})");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.text(),
              StartsWith(R"({"tenant_id":"t1","plan_id":"pro","plan_name":"Pro",)"
                         R"("effective_from":"2026-02-17T10:00:00+00:00","effective_to":null,"is_active":true,)"));
  EXPECT_EQ(entitlement(answer.body, kTts), R"({"feature_key":"feature.tts","enabled":true,"config_json":null})");
  EXPECT_EQ(d.send(kGet, "/admin/plans/t1").text(), answer.text());
  EXPECT_EQ(d.t.audit.last().event_type, "plan.assigned");
  EXPECT_EQ(d.t.audit.last().actor_id, "key-t1");
}

TEST(PlansApi, RefusesAnAssignmentInTheContractsWords) {
  PlansDesk d;
  const auto unknown = d.send(kPatch, "/admin/plans/t1", R"({"plan_id":"gold"})");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code, "NOT_FOUND");
  EXPECT_EQ(unknown.message, "Plan not found");
  const auto missing = d.send(kPatch, "/admin/plans/t1", "{}");
  EXPECT_EQ(missing.status, 422);
  EXPECT_EQ(missing.code, "REQUEST_VALIDATION_ERROR");
  // The tenant is looked at before the plan.
  EXPECT_EQ(d.send(kPatch, "/admin/plans/t2", R"({"plan_id":"gold"})").message, kForeign);
}

TEST(PlansApi, OverridesDistinguishAbsentFromNull) {
  PlansDesk d;
  const auto patch = [&](const std::string& body) {
    const auto answer = d.send(kPatch, "/admin/plans/t1/overrides", body);
    EXPECT_EQ(answer.status, 200) << answer.text();
    return entitlement(answer.body, kTts);
  };
  EXPECT_EQ(patch(R"({"feature_key":"feature.tts","enabled":true})"),
            R"({"feature_key":"feature.tts","enabled":true,"config_json":null})");
  EXPECT_EQ(patch(R"({"feature_key":"feature.tts","config_json":{"voice":"alto"}})"),
            R"({"feature_key":"feature.tts","enabled":true,"config_json":{"voice":"alto"}})");
  EXPECT_EQ(patch(R"({"feature_key":"feature.tts","enabled":null})"),
            R"({"feature_key":"feature.tts","enabled":false,"config_json":{"voice":"alto"}})");
  EXPECT_EQ(patch(R"({"feature_key":"feature.tts","config_json":null})"),
            R"({"feature_key":"feature.tts","enabled":false,"config_json":null})");
  EXPECT_EQ(d.t.audit.count("plan.override.updated"), 4U);
}

TEST(PlansApi, RefusesAnOverrideInTheContractsWords) {
  PlansDesk d;
  const auto unknown = d.send(kPatch, "/admin/plans/t1/overrides", R"({"feature_key":"feature.x","enabled":true})");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_EQ(unknown.code, "VALIDATION_ERROR");
  EXPECT_EQ(unknown.message, "Unknown feature_key");
  EXPECT_EQ(d.send(kPatch, "/admin/plans/t2/overrides", R"({"feature_key":"feature.x"})").message, kForeign);
  EXPECT_EQ(d.send(kPatch, "/admin/plans/t1/overrides", R"({"feature_key":"feature.tts","config_json":3})").code,
            "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(d.send(kPatch, "/admin/plans/t1/overrides", R"({"enabled":true})").code, "REQUEST_VALIDATION_ERROR");
}

TEST(PlansApi, TenantsReadAndOnlyNamedOperatorsChange) {
  PlansDesk d;
  d.operators.named = {"platform"};
  EXPECT_EQ(d.send(kGet, "/admin/plans/t1").status, 200);
  EXPECT_EQ(d.send(kGet, "/admin/plans").status, 200);
  for (const auto& [path, body] : std::map<std::string, std::string>{
           {"/admin/plans/t1", R"({"plan_id":"enterprise"})"},
           {"/admin/plans/t1/overrides", R"({"feature_key":"feature.tts","enabled":true})"}}) {
    const auto own = d.send(kPatch, path, body);
    EXPECT_EQ(own.status, 403) << path;
    EXPECT_EQ(own.code, "AUTH_FORBIDDEN") << path;
    EXPECT_EQ(d.send(kPatch, path, body, "t2").message, kForeign) << path;
    EXPECT_EQ(d.send(kPatch, path, body, "platform").status, 200) << path;
  }
  EXPECT_EQ(d.cache.plan_id(tenant()), "enterprise");
  EXPECT_EQ(d.cache.plan_id(tenant("platform")), "free");
  EXPECT_EQ(d.send(kGet, "/admin/plans/t1", {}, "platform").body.at("plan_id"), "enterprise");
  EXPECT_EQ(d.send(kGet, "/admin/plans/t1", {}, "t2").message, kForeign);
}

TEST(PlansApi, ShowsTheOwnPlanWithItsQuota) {
  PlansDesk d;
  d.assign("pro");
  d.t.audit.clear();
  const auto answer = d.send(kGet, "/self-serve/plan");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.text(), StartsWith(R"({"tenant_id":"t1","plan_id":"pro","plan_name":"Pro","entitlements":[)"));
  EXPECT_EQ(answer.body.at("entitlements").as_array().size(), 15U);
  EXPECT_THAT(answer.text(), HasSubstr(R"(],"quota":{"day":{"limit":500,"used":42,"remaining":458},)"
                                       R"("month":{"limit":null,"used":640,"remaining":null},)"
                                       R"("soft_cap_reached":false,"hard_cap_mode":"enforce"}})"));
  ASSERT_EQ(d.t.audited(), 1U);
  EXPECT_EQ(d.t.audit.last().event_type, "selfserve.plan.viewed");
  EXPECT_EQ(d.t.audit.last().metadata, (boost::json::object{{"plan_id", "pro"}}));
}

TEST(PlansApi, AcceptsAnUpgradeRequest) {
  PlansDesk d;
  d.assign("pro");
  d.t.audit.clear();
  const auto answer =
      d.send(kPost, "/self-serve/plan/upgrade-request", R"({"target_plan":"enterprise","reason":"more"})");
  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.text(), R"({"request_id":1,"status":"pending"})");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "plan.upgrade_requested");
  EXPECT_EQ(event.resource_type, "plan");
  EXPECT_EQ(event.resource_id, "1");
  EXPECT_EQ(event.metadata,
            (boost::json::object{{"current_plan", "pro"}, {"target_plan", "enterprise"}, {"reason", "more"}}));
  ASSERT_EQ(d.outbox.items.size(), 1U);
  EXPECT_EQ(d.outbox.items[0].tenant_id, "t1");
  EXPECT_EQ(d.outbox.items[0].event_type, "billing.upgrade_requested");
  EXPECT_EQ(d.outbox.items[0].fields,
            R"({"current_plan":"pro","target_plan":"enterprise","reason":"more","request_id":1})");
  // Equal ones are not merged, and nothing was assigned.
  EXPECT_EQ(d.send(kPost, "/self-serve/plan/upgrade-request", R"({"target_plan":"enterprise"})").text(),
            R"({"request_id":2,"status":"pending"})");
  EXPECT_EQ(d.outbox.items.size(), 2U);
  EXPECT_NE(d.outbox.items[0].dedupe_key, d.outbox.items[1].dedupe_key);
  EXPECT_EQ(d.cache.plan_id(tenant()), "pro");
}

TEST(PlansApi, RefusesAnUpgradeRequestInTheContractsWords) {
  PlansDesk d;
  const auto post = [&](const std::string& body) { return d.send(kPost, "/self-serve/plan/upgrade-request", body); };
  EXPECT_EQ(post(R"({"target_plan":"gold"})").code, "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(post(R"({})").code, "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(post(R"({"target_plan":"pro","reason":")" + std::string(1025, 'x') + R"("})").code,
            "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(post(R"({"target_plan":"pro","reason":")" + std::string(1024, 'x') + R"("})").status, 202);
  d.sql("UPDATE plans SET is_active = FALSE WHERE id = 'pro'");
  const auto inactive = post(R"({"target_plan":"pro"})");
  EXPECT_EQ(inactive.status, 404);
  EXPECT_EQ(inactive.message, "Target plan not found");
}

}  // namespace
}  // namespace nexus::plans
