#include "modules/plans/plans_service.h"

#include "modules/plans/plans_fixture.h"
#include "support/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace nexus::plans {
namespace {

using ::testing::ElementsAre;

/// The tenant's assignments, oldest first: "plan from..to", in seconds since the start, "!" for the active one.
std::vector<std::string> history(PlansDesk& d) {
  static constexpr db::Statement kRows{"test.assignments", R"(
    SELECT plan_id, effective_from, effective_to, is_active FROM tenant_plan_assignments
    WHERE tenant_id = 't1' ORDER BY effective_from)"};
  return d.t.database->read([&](db::Snapshot& db) {
    std::vector<std::string> out;
    auto rows = db.query(kRows);
    const auto seconds = [](Timestamp at) {
      return std::to_string((at - testing::FakeClock::kStart) / Timestamp::kSecond);
    };
    while (rows.next())
      out.push_back(rows.str(0) + " " + seconds(rows.time(1)) + ".." + (rows.is_null(2) ? "" : seconds(rows.time(2))) +
                    (rows.boolean(3) ? "!" : ""));
    return out;
  });
}

std::string overrides(PlansDesk& d) {
  return d.t.database->read([&](db::Snapshot& db) {
    std::string out;
    for (const KeyedOverride& row : PlansRepository().overrides(db, tenant()))
      out += row.feature_key + "=" + (row.value.enabled ? (*row.value.enabled ? "on" : "off") : "-") + "," +
             (row.value.config ? json::write(*row.value.config) : "-") + ";";
    return out;
  });
}

std::string refused(const std::function<void()>& work) {
  try {
    work();
    return "";
  } catch (const ApiError& e) {
    return std::string(e.kind().code) + ": " + e.message();
  }
}

TEST(PlanAssignment, EndsTheOneBefore) {
  PlansDesk d;
  d.assign("pro");
  d.t.clock.advance_s(10);
  d.assign("enterprise");
  d.t.clock.advance_s(10);
  d.assign("free");
  EXPECT_THAT(history(d), ElementsAre("pro 0..10", "enterprise 10..20", "free 20..!"));
  EXPECT_EQ(d.cache.plan_id(tenant()), "free");
}

TEST(PlanAssignment, OfTheSamePlanChangesNothing) {
  PlansDesk d;
  d.assign("free");  // as without any
  EXPECT_THAT(history(d), ElementsAre());
  d.assign("pro");
  d.t.clock.advance_s(10);
  d.assign("pro");
  EXPECT_THAT(history(d), ElementsAre("pro 0..!"));
  EXPECT_EQ(d.t.audit.count("plan.assigned"), 1U);
}

TEST(PlanAssignment, OfAPlanThatWouldEndMakesItStay) {
  PlansDesk d;
  d.assign("pro");
  d.sql("UPDATE tenant_plan_assignments SET effective_to = " +
        testing::sql_time(d.t.clock.now() + 60 * Timestamp::kSecond));
  d.t.clock.advance_s(10);
  d.assign("pro");
  EXPECT_THAT(history(d), ElementsAre("pro 0..10", "pro 10..!"));
}

TEST(PlanAssignment, LeavesThePastAsItWas) {
  PlansDesk d;
  d.assign("pro");
  d.sql("UPDATE tenant_plan_assignments SET effective_to = " +
        testing::sql_time(d.t.clock.now() + 5 * Timestamp::kSecond));
  d.t.clock.advance_s(10);
  d.assign("enterprise");
  EXPECT_THAT(history(d), ElementsAre("pro 0..5", "enterprise 10..!"));
}

TEST(PlanAssignment, TwiceAtOneMomentKeepsTheLast) {
  PlansDesk d;
  d.assign("pro");
  d.assign("enterprise");
  EXPECT_THAT(history(d), ElementsAre("enterprise 0..!"));
  EXPECT_EQ(d.t.audit.count("plan.assigned"), 2U);
}

TEST(PlanAssignment, NeedsAnActivePlan) {
  PlansDesk d;
  EXPECT_EQ(refused([&] { d.assign("gold"); }), "NOT_FOUND: Plan not found");
  d.assign("pro");
  d.sql("UPDATE plans SET is_active = FALSE WHERE id IN ('pro', 'enterprise')");
  EXPECT_EQ(refused([&] { d.assign("enterprise"); }), "NOT_FOUND: Plan not found");
  EXPECT_EQ(d.cache.plan_id(tenant()), "pro");  // who has it keeps it
}

TEST(PlanAssignment, OfATenantThatHadOneIsNotTheFirst) {
  PlansDesk d;
  EXPECT_TRUE(d.plans.assign_first(tenant(), "enterprise", d.actor()));
  d.t.clock.advance_s(1);
  d.assign("free");
  EXPECT_FALSE(d.plans.assign_first(tenant(), "enterprise", d.actor()));
  EXPECT_EQ(d.cache.plan_id(tenant()), "free");
}

TEST(PlanAssignment, IsAudited) {
  PlansDesk d;
  (void)d.plans.assign(tenant(), "pro", Actor::of(d.t.call));
  audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "plan.assigned");
  EXPECT_TRUE(event.success);
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.actor_id, "key-1");
  EXPECT_EQ(event.resource_type, "plan");
  EXPECT_EQ(event.resource_id, "pro");
  EXPECT_EQ(event.request_id, "req-1");
  EXPECT_EQ(event.metadata, (boost::json::object{{"before", "free"}, {"after", "pro"}}));

  const http::Call operators = d.t.call_as(Role::kAdmin, "platform");
  (void)d.plans.assign(tenant(), "enterprise", Actor::of(operators));
  event = d.t.audit.last();
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.metadata.at("operator_tenant"), "platform");

  d.assign("free");
  event = d.t.audit.last();
  EXPECT_EQ(event.actor_type, "system");
  EXPECT_EQ(event.actor_id, "test");
  EXPECT_FALSE(event.metadata.contains("operator_tenant"));
  EXPECT_EQ(event.occurred_at, d.t.clock.now());
}

struct OverrideDesk : PlansDesk {
  void change(schema::Patch<bool> enabled, schema::Patch<boost::json::object> config,
              std::string_view feature_key = kTts) {
    (void)plans.override_feature(
        tenant(), {.feature_key = std::string(feature_key), .enabled = std::move(enabled), .config = std::move(config)},
        Actor::of(t.call));
  }
};

TEST(FeatureOverride, AbsentLeavesNullClearsAndNothingIsRemoved) {
  OverrideDesk d;
  d.change(true, {});
  EXPECT_EQ(overrides(d), "feature.tts=on,-;");
  d.change({}, boost::json::object{{"voice", "alto"}});
  EXPECT_EQ(overrides(d), R"(feature.tts=on,{"voice":"alto"};)");
  d.change(nullptr, {});
  EXPECT_EQ(overrides(d), R"(feature.tts=-,{"voice":"alto"};)");
  d.change(false, {});
  d.change({}, nullptr);
  EXPECT_EQ(overrides(d), "feature.tts=off,-;");
  d.change(nullptr, nullptr);
  EXPECT_EQ(overrides(d), "");
}

TEST(FeatureOverride, IsAuditedWhenItChangesSomething) {
  OverrideDesk d;
  d.change({}, {});
  d.change(nullptr, nullptr);
  EXPECT_EQ(d.t.audited(), 0U);
  d.change(true, {});
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "plan.override.updated");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.resource_type, "plan");
  EXPECT_EQ(event.resource_id, "feature.tts");
  EXPECT_EQ(json::write(event.metadata),
            R"({"feature_key":"feature.tts","before":null,"after":{"enabled":true,"config_json":null}})");
  d.change(true, {});
  EXPECT_EQ(d.t.audited(), 1U);
  d.change(nullptr, boost::json::object{{"voice", "alto"}});
  EXPECT_EQ(json::write(d.t.audit.last().metadata),
            R"({"feature_key":"feature.tts","before":{"enabled":true,"config_json":null},)"
            R"("after":{"enabled":null,"config_json":{"voice":"alto"}}})");
}

TEST(FeatureOverride, RefusesWhatCannotTakeEffect) {
  OverrideDesk d;
  EXPECT_EQ(refused([&] { d.change(true, {}, "feature.gold"); }), "VALIDATION_ERROR: Unknown feature_key");
  EXPECT_EQ(refused([&] {
              d.change({}, boost::json::object{{"x", std::string(kMaxConfigBytes, 'x')}});
            }),
            "VALIDATION_ERROR: config_json is longer than 8192 bytes");
  EXPECT_EQ(refused([&] {
              d.change({}, boost::json::object{{"daily_tokens_limit", 1.5}}, kHighQuotaTier);
            }),
            "VALIDATION_ERROR: config_json: daily_tokens_limit must be an integer from 0, or null");
  EXPECT_EQ(overrides(d), "");
  d.change({}, boost::json::object{{"daily_tokens_limit", nullptr}, {"daily_requests_limit", 0}}, kHighQuotaTier);
  EXPECT_EQ(d.cache.defaults(tenant()).daily_requests, 0);
}

TEST(PlanAssignment, OfManyAtOnceOneIsActive) {
  PlansDesk d;
  {
    std::vector<std::jthread> threads;
    for (const char* plan : {"pro", "enterprise", "pro", "enterprise"})
      threads.emplace_back([&d, plan] { d.assign(plan); });
  }
  const std::vector<std::string> rows = history(d);
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](const std::string& row) { return row.ends_with('!'); }), 1);
}

}  // namespace
}  // namespace nexus::plans
