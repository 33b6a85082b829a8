#include "modules/plans/tenant_entitlements.h"

#include "modules/plans/plans_fixture.h"
#include "support/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>

namespace nexus::plans {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

struct RulesDesk : PlansDesk {
  [[nodiscard]] TenantEntitlements now(const std::string& tenant_id = "t1") { return plans.current(tenant(tenant_id)); }
  [[nodiscard]] std::vector<std::string_view> on() {
    std::vector<std::string_view> keys;
    for (const Entitlement& feature : now().features)
      if (feature.enabled) keys.push_back(feature.feature_key);
    return keys;
  }
  void assignment(const std::string& plan_id, std::int64_t from_s, std::optional<std::int64_t> to_s,
                  bool active = true) {
    const auto at = [&](std::int64_t s) { return testing::sql_time(t.clock.kStart + s * Timestamp::kSecond); };
    sql("INSERT INTO tenant_plan_assignments (tenant_id, effective_from, plan_id, effective_to, is_active, created_at) "
        "VALUES ('t1', " +
        at(from_s) + ", '" + plan_id + "', " + (to_s ? at(*to_s) : "NULL") + ", " + (active ? "TRUE" : "FALSE") + ", " +
        at(0) + ")");
  }
  [[nodiscard]] std::optional<std::int64_t> good_for_s() {
    const std::optional<Timestamp> until = now().good_until;
    if (!until) return std::nullopt;
    return (*until - t.clock.now()) / Timestamp::kSecond;
  }
};

TEST(EffectiveEntitlements, TheSeededCatalogueIsTheContractsTable) {
  RulesDesk d;
  const std::map<std::string, std::vector<std::string_view>> off{
      {"free",
       {kAuditAccess, kBillingWebhookTest, kChargebackReports, kCorporaPatchProviderConfig, kCostControls,
        kCostVisibility, kHighQuotaTier, kIdentityJit, kIdentityScim, kIdentitySso, kOpsAdminAccess,
        kRetrievalAwsBedrock, kRetrievalGcpVertex, kTts}},
      {"pro", {kChargebackReports, kHighQuotaTier, kIdentityJit, kIdentityScim, kRetrievalAwsBedrock}},
      {"enterprise", {}}};
  const std::vector<Plan> catalogue = d.plans.catalogue();
  std::vector<std::string> names;
  for (const Plan& plan : catalogue) {
    names.push_back(plan.id + "/" + plan.name);
    EXPECT_TRUE(plan.is_active);
    std::vector<std::string_view> keys;
    std::vector<std::string_view> missing;
    for (const PlanFeature& feature : plan.features) {
      keys.push_back(feature.feature_key);
      if (!feature.enabled) missing.push_back(feature.feature_key);
      EXPECT_FALSE(feature.config);
    }
    EXPECT_THAT(keys, ElementsAreArray(kFeatureKeys)) << plan.id;
    EXPECT_EQ(missing, off.at(plan.id)) << plan.id;
  }
  EXPECT_THAT(names, ElementsAre("enterprise/Enterprise", "free/Free", "pro/Pro"));
}

TEST(EffectiveEntitlements, ATenantWithoutAssignmentIsFree) {
  RulesDesk d;
  const TenantEntitlements found = d.now();
  EXPECT_EQ(found.plan_id, "free");
  EXPECT_EQ(found.plan_name, "Free");
  EXPECT_EQ(found.effective_from, std::nullopt);
  EXPECT_EQ(found.good_until, std::nullopt);
  EXPECT_THAT(d.on(), ElementsAre(kRetrievalLocalPgvector));
  for (std::size_t i = 0; i < kFeatureKeys.size(); ++i) EXPECT_EQ(found.features[i].feature_key, kFeatureKeys[i]);
}

TEST(EffectiveEntitlements, AnAssignmentHoldsFromItsStartUntilItsEnd) {
  RulesDesk d;
  d.assignment("pro", 10, 20);
  EXPECT_EQ(d.now().plan_id, "free");
  EXPECT_EQ(d.good_for_s(), 10);
  d.t.clock.advance_s(10);
  EXPECT_EQ(d.now().plan_id, "pro");
  EXPECT_EQ(d.now().effective_from, d.t.clock.now());
  EXPECT_EQ(d.good_for_s(), 10);
  d.t.clock.advance_s(10);
  EXPECT_EQ(d.now().plan_id, "free");
  EXPECT_EQ(d.now().effective_to, std::nullopt);
  EXPECT_EQ(d.good_for_s(), std::nullopt);
}

TEST(EffectiveEntitlements, AReplacedAssignmentDoesNotCount) {
  RulesDesk d;
  d.assignment("enterprise", -20, std::nullopt, false);
  EXPECT_EQ(d.now().plan_id, "free");
  d.assignment("pro", -30, std::nullopt);
  EXPECT_EQ(d.now().plan_id, "pro");
}

TEST(EffectiveEntitlements, APlanWithoutFeaturesFallsBackToFree) {
  RulesDesk d;
  d.sql("INSERT INTO plans (id, name, is_active, created_at) VALUES ('team', 'Team', TRUE, " + testing::sql_time({0}) +
        ")");
  d.assignment("team", -1, std::nullopt);
  EXPECT_EQ(d.now().plan_id, "team");
  EXPECT_THAT(d.on(), ElementsAre(kRetrievalLocalPgvector));
  d.sql("INSERT INTO plan_features (plan_id, feature_key, enabled, created_at) VALUES ('team', 'feature.tts', TRUE, " +
        testing::sql_time({0}) + ")");
  EXPECT_THAT(d.on(), ElementsAre(kTts));  // what a plan does not name is off
}

TEST(EffectiveEntitlements, EachHalfOfAnOverrideStandsForItself) {
  RulesDesk d;
  d.sql(
      "UPDATE plan_features SET config_json = '{\"from\":\"plan\"}' WHERE plan_id = 'free' AND feature_key = "
      "'feature.tts'");
  const auto put = [&](const std::string& enabled, const std::string& config) {
    d.sql("DELETE FROM tenant_feature_overrides");
    d.sql(
        "INSERT INTO tenant_feature_overrides (tenant_id, feature_key, enabled, config_json, created_at) VALUES "
        "('t1', 'feature.tts', " +
        enabled + ", " + config + ", " + testing::sql_time({0}) + ")");
    const TenantEntitlements found = d.now();
    const Entitlement& tts = found.of(kTts);
    return std::string(tts.enabled ? "on " : "off ") + json::write(*tts.config);
  };
  EXPECT_EQ(put("TRUE", "NULL"), R"(on {"from":"plan"})");
  EXPECT_EQ(put("NULL", R"('{"from":"me"}')"), R"(off {"from":"me"})");
  EXPECT_EQ(put("TRUE", R"('{"from":"me"}')"), R"(on {"from":"me"})");
  EXPECT_EQ(put("NULL", "NULL"), R"(off {"from":"plan"})");
  EXPECT_FALSE(d.now("t2").of(kTts).enabled);
}

TEST(EffectiveEntitlements, FeaturesOfAnotherVersionAreIgnored) {
  RulesDesk d;
  d.sql("INSERT INTO plan_features (plan_id, feature_key, enabled, created_at) VALUES ('free', 'feature.new', TRUE, " +
        testing::sql_time({0}) + ")");
  d.sql(
      "INSERT INTO tenant_feature_overrides (tenant_id, feature_key, enabled, created_at) VALUES ('t1', "
      "'feature.newer', TRUE, " +
      testing::sql_time({0}) + ")");
  EXPECT_THAT(d.on(), ElementsAre(kRetrievalLocalPgvector));
}

TEST(EffectiveEntitlements, AnUnknownKeyIsAMistakeOfTheProgram) {
  RulesDesk d;
  EXPECT_THROW((void)d.now().of("feature.tss"), std::logic_error);
}

TEST(PlanLimits, ComeFromThePlansRowAndFromTheOverride) {
  RulesDesk d;
  EXPECT_EQ(d.now().limits.daily_requests, std::nullopt);
  d.sql(
      "UPDATE plan_features SET config_json = '{\"daily_requests_limit\":100,\"monthly_tokens_limit\":null}' "
      "WHERE plan_id = 'free' AND feature_key = 'feature.high_quota_tier'");
  EXPECT_EQ(d.now().limits.daily_requests, 100);  // also while the feature is off
  EXPECT_EQ(d.now().limits.monthly_requests, std::nullopt);
  EXPECT_EQ(d.now().limits.monthly_tokens, std::nullopt);
  (void)d.plans.override_feature(
      tenant(), {.feature_key = std::string(kHighQuotaTier), .config = boost::json::object{{"daily_tokens_limit", 7}}},
      d.actor());
  EXPECT_EQ(d.now().limits.daily_requests, std::nullopt);  // the override replaces the whole configuration
  EXPECT_EQ(d.now().limits.daily_tokens, 7);
  EXPECT_EQ(d.cache.defaults(tenant()).daily_tokens, 7);
  EXPECT_EQ(d.cache.defaults(tenant("t2")).daily_requests, 100);
}

TEST(PlanLimits, WhatIsNoNumberIsNoLimit) {
  RulesDesk d;
  d.sql(
      "UPDATE plan_features SET config_json = "
      "'{\"daily_requests_limit\":\"100\",\"monthly_requests_limit\":-1,\"daily_tokens_limit\":0}' "
      "WHERE plan_id = 'free' AND feature_key = 'feature.high_quota_tier'");
  EXPECT_EQ(d.now().limits.daily_requests, std::nullopt);
  EXPECT_EQ(d.now().limits.monthly_requests, std::nullopt);
  EXPECT_EQ(d.now().limits.daily_tokens, 0);
  EXPECT_EQ(problem_of_limits({{"daily_requests_limit", "100"}}),
            "daily_requests_limit must be an integer from 0, or null");
  EXPECT_EQ(problem_of_limits({{"other", "kept"}}), "");
}

TEST(RetrievalProviders, NameTheirFeatures) {
  EXPECT_EQ(feature_of_provider("local_pgvector"), kRetrievalLocalPgvector);
  EXPECT_EQ(feature_of_provider("aws_bedrock_kb"), kRetrievalAwsBedrock);
  EXPECT_EQ(feature_of_provider("gcp_vertex"), kRetrievalGcpVertex);
  EXPECT_EQ(feature_of_provider("other"), "");
}

}  // namespace
}  // namespace nexus::plans
