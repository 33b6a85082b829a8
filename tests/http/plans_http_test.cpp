// Plans, entitlements and requests for another plan: tenants read and ask, operators decide.
#include "db/database.h"
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

constexpr std::string_view kPlanMembers =
    "tenant_id plan_id plan_name effective_from effective_to is_active entitlements";
constexpr std::string_view kRequestMembers =
    "id tenant_id current_plan target_plan reason status requested_by_actor_id created_at updated_at "
    "decided_by_actor_id decision_reason decided_at";
constexpr std::string_view kUpgrade = "/v1/self-serve/plan/upgrade-request";
constexpr std::string_view kRequests = "/v1/admin/plan-upgrade-requests";

constexpr db::Statement kRetirePro{"test.retire_pro", "UPDATE plans SET is_active = FALSE WHERE id = 'pro'"};

/// The one feature of an array of them.
boost::json::object feature_of(const boost::json::value& features, std::string_view key) {
  for (const boost::json::value& feature : features.as_array())
    if (text_of(feature.at("feature_key")) == key) return feature.as_object();
  ADD_FAILURE() << "no " << key;
  return {{"enabled", nullptr}, {"config_json", nullptr}};
}

class PlansHttp : public AdminTest {
 protected:
  boost::json::value change(const std::string& path, std::string_view body) {
    const Response changed = client_.patch(path, body);
    EXPECT_EQ(changed.status, 200) << body << changed.body;
    return data_of(changed);
  }
  std::int64_t request_upgrade(TestClient& client, std::string_view body = R"({"target_plan":"pro"})") {
    const Response asked = client.post(kUpgrade, body);
    EXPECT_EQ(asked.status, 202) << asked.body;
    return data_of(asked).at("request_id").as_int64();
  }
};

TEST_F(PlansHttp, AreListedByIdWithAllTheirFeatures) {
  app_.core().db->write([](db::Tx& tx) { tx.exec(kRetirePro); });
  const Response got = client_.get("/v1/admin/plans");
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value plans = data_of(got);
  ASSERT_EQ(plans.as_array().size(), 3U);
  struct Expected {
    const char* id;
    const char* name;
    bool active;
    std::size_t enabled;
  };
  const Expected expected[] = {
      {"enterprise", "Enterprise", true, 15}, {"free", "Free", true, 1}, {"pro", "Pro", false, 10}};
  for (std::size_t i = 0; i < 3; ++i) {
    const boost::json::value& plan = plans.as_array()[i];
    EXPECT_EQ(members_of(plan), "id name is_active features");
    EXPECT_EQ(plan.at("id"), expected[i].id);
    EXPECT_EQ(plan.at("name"), expected[i].name);
    EXPECT_EQ(plan.at("is_active").as_bool(), expected[i].active) << "an inactive plan stays in the list";
    const boost::json::array& features = plan.at("features").as_array();
    ASSERT_EQ(features.size(), 15U) << expected[i].id;
    std::size_t enabled = 0;
    for (std::size_t f = 0; f < features.size(); ++f) {
      EXPECT_EQ(members_of(features[f]), "feature_key enabled config_json");
      if (features[f].at("enabled").as_bool()) ++enabled;
      if (f == 0) continue;
      EXPECT_LT(text_of(features[f - 1].at("feature_key")), text_of(features[f].at("feature_key")));
    }
    EXPECT_EQ(enabled, expected[i].enabled) << expected[i].id;
  }
}

TEST_F(PlansHttp, ShowATenantItsPlanAndEveryFeature) {
  const Response got = client_.get("/v1/admin/plans/t1");
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value plan = data_of(got);
  EXPECT_EQ(members_of(plan), kPlanMembers);
  EXPECT_EQ(plan.at("tenant_id"), "t1");
  EXPECT_EQ(plan.at("plan_id"), "enterprise");
  EXPECT_EQ(plan.at("plan_name"), "Enterprise");
  EXPECT_TRUE(is_moment(plan.at("effective_from")));
  EXPECT_TRUE(plan.at("effective_to").is_null());
  EXPECT_TRUE(plan.at("is_active").as_bool());
  EXPECT_EQ(plan.at("entitlements").as_array().size(), 15U);
}

TEST_F(PlansHttp, ShowATenantItsOwnPlanWithItsQuota) {
  const boost::json::value own = data_of(client_.get("/v1/self-serve/plan"));
  EXPECT_EQ(members_of(own), "tenant_id plan_id plan_name entitlements quota");
  EXPECT_EQ(own.at("entitlements"), data_of(client_.get("/v1/admin/plans/t1")).at("entitlements"));
  EXPECT_EQ(members_of(own.at("quota")), "day month soft_cap_reached hard_cap_mode");
  EXPECT_EQ(members_of(own.at("quota").at("day")), "limit used remaining");
  EXPECT_EQ(newest("selfserve.plan.viewed").at("metadata_json"), (boost::json::object{{"plan_id", "enterprise"}}));
}

TEST_F(PlansHttp, TakeEffectAtOnceAndAreRecorded) {
  ASSERT_EQ(client_.get("/v1/audit/events").status, 200);
  const boost::json::value plan = change("/v1/admin/plans/t1", R"({"plan_id":"free"})");
  EXPECT_EQ(members_of(plan), kPlanMembers);
  EXPECT_EQ(plan.at("plan_id"), "free");
  EXPECT_TRUE(plan.at("is_active").as_bool());
  const Response refused = client_.get("/v1/audit/events");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(code_of(refused), "FEATURE_NOT_ENABLED");
  EXPECT_EQ(message_of(refused), "Feature not enabled for tenant plan");
  EXPECT_EQ(refused.json().at("error").at("details"), (boost::json::object{{"feature_key", "feature.audit_access"}}));
  for (const char* path : {"/v1/audit/events/1", "/v1/audit/events?tenant_id=t2", "/v1/audit/verify"})
    EXPECT_EQ(code_of(client_.get(path)), "FEATURE_NOT_ENABLED") << path;

  (void)change("/v1/admin/plans/t1", R"({"plan_id":"pro"})");
  (void)change("/v1/admin/plans/t1", R"({"plan_id":"pro"})");
  const boost::json::array assigned = events("plan.assigned");
  ASSERT_EQ(assigned.size(), 3U) << "the first by the tool; the same plan once more is no change";
  EXPECT_EQ(assigned[0].at("resource_type"), "plan");
  EXPECT_EQ(assigned[0].at("resource_id"), "pro");
  EXPECT_EQ(assigned[0].at("metadata_json"), (boost::json::object{{"before", "free"}, {"after", "pro"}}));
}

TEST_F(PlansHttp, AreOverriddenFeatureByFeatureAndGivenBack) {
  const std::string path = "/v1/admin/plans/t1/overrides";
  (void)change("/v1/admin/plans/t1", R"({"plan_id":"free"})");
  boost::json::value plan = change(path, R"({"feature_key":"feature.audit_access","enabled":true})");
  EXPECT_EQ(members_of(plan), kPlanMembers);
  EXPECT_EQ(client_.get("/v1/audit/events").status, 200) << "in force at once";
  const boost::json::object event = newest("plan.override.updated");
  EXPECT_EQ(event.at("resource_id"), "feature.audit_access");
  EXPECT_EQ(json::canonical(event.at("metadata_json")),
            R"({"after":{"config_json":null,"enabled":true},"before":null,"feature_key":"feature.audit_access"})");

  plan = change(path, R"({"feature_key":"feature.audit_access","config_json":{"days":7}})");
  boost::json::object feature = feature_of(plan.at("entitlements"), "feature.audit_access");
  EXPECT_TRUE(feature.at("enabled").as_bool()) << "absent leaves it";
  EXPECT_EQ(feature.at("config_json"), (boost::json::object{{"days", 7}}));
  plan = change(path, R"({"feature_key":"feature.audit_access","enabled":true})");
  EXPECT_EQ(events("plan.override.updated").size(), 2U) << "no change, no event";
  plan = change(path, R"({"feature_key":"feature.audit_access","enabled":null,"config_json":null})");
  feature = feature_of(plan.at("entitlements"), "feature.audit_access");
  EXPECT_FALSE(feature.at("enabled").as_bool()) << "null gives it back to the plan";
  EXPECT_TRUE(feature.at("config_json").is_null());
  EXPECT_EQ(client_.get("/v1/audit/events").status, 403);
}

TEST_F(PlansHttp, RefuseWhatIsNoPlanOrFeature) {
  app_.core().db->write([](db::Tx& tx) { tx.exec(kRetirePro); });
  const std::string plan = "/v1/admin/plans/t1";
  const std::string overrides = plan + "/overrides";
  const std::string scope(kForeignScope);
  const std::string long_reason =
      json::write(boost::json::object{{"target_plan", "enterprise"}, {"reason", std::string(1025, 'r')}});
  const std::string large = json::write(boost::json::object{
      {"feature_key", "feature.tts"}, {"config_json", boost::json::object{{"a", std::string(20'000, 'x')}}}});
  expect_refused(
      client_, {{"PATCH", plan, R"({"plan_id":"gold"})", 404, "NOT_FOUND", "Plan not found"},
                {"PATCH", plan, R"({"plan_id":"pro"})", 404, "NOT_FOUND", "Plan not found"},
                {"PATCH", plan, "{}", 422, kBadInput, "missing at body.plan_id"},
                {"PATCH", plan, R"({"plan_id":7})", 422, kBadInput, "string_type at body.plan_id"},
                {"PATCH", "/v1/admin/plans/t2", R"({"plan_id":"free"})", 403, "AUTH_FORBIDDEN", scope},
                {"GET", "/v1/admin/plans/t2", "", 403, "AUTH_FORBIDDEN", scope},
                {"PATCH", overrides, R"({"feature_key":"feature.flying","enabled":true})", 422, "VALIDATION_ERROR",
                 "Unknown feature_key"},
                {"PATCH", overrides, R"({"enabled":true})", 422, kBadInput, "missing at body.feature_key"},
                {"PATCH", overrides, R"({"feature_key":"feature.tts","enabled":"perhaps"})", 422, kBadInput,
                 "bool_parsing at body.enabled"},
                {"PATCH", overrides, R"({"feature_key":"feature.tts","config_json":[]})", 422, kBadInput,
                 "dict_type at body.config_json"},
                {"PATCH", "/v1/admin/plans/t2/overrides", R"({"feature_key":"feature.tts","enabled":true})", 403,
                 "AUTH_FORBIDDEN", scope},
                {"POST", std::string(kUpgrade), R"({"target_plan":"pro"})", 404, "NOT_FOUND", "Target plan not found"},
                {"POST", std::string(kUpgrade), R"({"target_plan":"free"})", 422, kBadInput,
                 "literal_error at body.target_plan"},
                {"POST", std::string(kUpgrade), "{}", 422, kBadInput, "missing at body.target_plan"},
                {"POST", std::string(kUpgrade), long_reason, 422, kBadInput, "string_too_long at body.reason"}});
  EXPECT_EQ(ask(client_, "PATCH", overrides, large).status, 422);
  EXPECT_EQ(data_of(client_.get(plan)).at("plan_id"), "enterprise");
  EXPECT_TRUE(events("plan.override.updated").empty());
  EXPECT_TRUE(events("plan.upgrade_requested").empty());
}

TEST_F(PlansHttp, AreForAdminsOnly) {
  expect_admins_only({{"GET", "/v1/admin/plans"},
                      {"GET", "/v1/admin/plans/t1"},
                      {"PATCH", "/v1/admin/plans/t1", R"({"plan_id":"free"})"},
                      {"PATCH", "/v1/admin/plans/t1/overrides", R"({"feature_key":"feature.tts","enabled":true})"},
                      {"GET", std::string(kRequests)},
                      {"POST", std::string(kRequests) + "/1/approve"},
                      {"POST", std::string(kRequests) + "/1/reject"},
                      {"GET", "/v1/self-serve/plan"},
                      {"POST", std::string(kUpgrade), R"({"target_plan":"pro"})"}});
}

TEST_F(PlansHttp, AreAskedFor) {
  const Response asked = client_.post(kUpgrade, R"({"target_plan":"pro","reason":"We sing."})");
  ASSERT_EQ(asked.status, 202) << asked.body;
  EXPECT_EQ(members_of(asked.json()), "data meta");
  EXPECT_EQ(members_of(data_of(asked)), "request_id status");
  EXPECT_EQ(data_of(asked).at("status"), "pending");
  const std::int64_t id = data_of(asked).at("request_id").as_int64();
  const boost::json::object event = newest("plan.upgrade_requested");
  EXPECT_EQ(event.at("resource_type"), "plan");
  EXPECT_EQ(text_of(event.at("resource_id")), std::to_string(id));
  EXPECT_EQ(event.at("metadata_json"),
            (boost::json::object{{"current_plan", "enterprise"}, {"target_plan", "pro"}, {"reason", "We sing."}}));
  EXPECT_GT(request_upgrade(client_), id) << "a second request is another one";
  EXPECT_EQ(data_of(client_.get("/v1/admin/plans/t1")).at("plan_id"), "enterprise") << "asking changes nothing";
}

TEST_F(PlansHttp, AreAskedForOnceForAnIdempotencyKey) {
  const Pairs key{{"Idempotency-Key", "grow-1"}};
  const Response first = client_.post(kUpgrade, R"({"target_plan":"pro"})", key);
  ASSERT_EQ(first.status, 202) << first.body;
  const Response again = client_.post(kUpgrade, R"({"target_plan":"pro"})", key);
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(data_of(client_.get(kRequests)).at("items").as_array().size(), 1U);
  EXPECT_EQ(events("plan.upgrade_requested").size(), 1U);
  EXPECT_EQ(code_of(client_.post(kUpgrade, R"({"target_plan":"enterprise"})", key)), "IDEMPOTENCY_KEY_CONFLICT");
}

TEST_F(PlansHttp, ListRequestsOldestFirstInPages) {
  const std::int64_t first = request_upgrade(client_, R"({"target_plan":"pro","reason":null})");
  const std::int64_t second = request_upgrade(client_, R"({"target_plan":"enterprise"})");
  const boost::json::value all = data_of(client_.get(kRequests));
  EXPECT_EQ(members_of(all), "items next_after");
  EXPECT_TRUE(all.at("next_after").is_null());
  ASSERT_EQ(all.at("items").as_array().size(), 2U);
  const boost::json::value& oldest = all.at("items").at(0);
  EXPECT_EQ(members_of(oldest), kRequestMembers);
  EXPECT_EQ(oldest.at("id").as_int64(), first);
  EXPECT_EQ(oldest.at("status"), "pending");
  EXPECT_TRUE(oldest.at("reason").is_null());
  EXPECT_TRUE(oldest.at("decided_at").is_null());
  EXPECT_TRUE(is_moment(oldest.at("created_at")));

  const std::string path(kRequests);
  const boost::json::value page = data_of(client_.get(path + "?limit=1"));
  EXPECT_EQ(page.at("next_after").as_int64(), first);
  const boost::json::value rest = data_of(client_.get(fmt::format("{}?limit=1&after={}", kRequests, first)));
  EXPECT_EQ(rest.at("items").at(0).at("id").as_int64(), second);
  EXPECT_TRUE(rest.at("next_after").is_null());
  ASSERT_EQ(ask(client_, "POST", fmt::format("{}/{}/reject", kRequests, first)).status, 200);
  EXPECT_EQ(data_of(client_.get(path + "?status=pending&tenant_id=t1")).at("items").as_array().size(), 1U);
  EXPECT_EQ(data_of(client_.get(path + "?status=approved")).at("items").as_array().size(), 0U);
  expect_refused(client_, {{"GET", path + "?tenant_id=t2", "", 403, "AUTH_FORBIDDEN", std::string(kForeignScope)},
                           {"GET", path + "?status=lost", "", 422, kBadInput, "literal_error at query.status"},
                           {"GET", path + "?after=-1", "", 422, kBadInput, "greater_than_equal at query.after"},
                           {"GET", path + "?limit=0", "", 422, kBadInput, "greater_than_equal at query.limit"},
                           {"GET", path + "?limit=201", "", 422, kBadInput, "less_than_equal at query.limit"}});
}

TEST_F(PlansHttp, RefuseToDecideWhatIsNotThere) {
  TestClient other = app_.client(app_.make_key("admin", "t2"));
  const std::int64_t theirs = request_upgrade(other);
  for (const char* verdict : {"approve", "reject"}) {
    const std::string long_reason = json::write(boost::json::object{{"reason", std::string(1025, 'r')}});
    expect_refused(
        client_,
        {{"POST", fmt::format("{}/999/{}", kRequests, verdict), "", 404, "NOT_FOUND", "Upgrade request not found"},
         {"POST", fmt::format("{}/{}/{}", kRequests, theirs, verdict), "", 404, "NOT_FOUND",
          "Upgrade request not found"},
         {"POST", fmt::format("{}/x/{}", kRequests, verdict), "", 422, kBadInput, "int_parsing at path.request_id"},
         {"POST", fmt::format("{}/1/{}", kRequests, verdict), long_reason, 422, kBadInput,
          "string_too_long at body.reason"}});
  }
  EXPECT_EQ(data_of(other.get(kRequests)).at("items").at(0).at("status"), "pending");
}

class OperatedPlansHttp : public OperatedTest {
 protected:
  Response decide(TestClient& client, std::int64_t id, std::string_view verdict, std::string_view body = {}) {
    return ask(client, "POST", fmt::format("{}/{}/{}", kRequests, id, verdict), body);
  }
};

TEST_F(OperatedPlansHttp, AreChangedByOperatorsAndReadByTenants) {
  expect_refused(client_, {{"PATCH", "/v1/admin/plans/t1", R"({"plan_id":"free"})", 403, "AUTH_FORBIDDEN",
                            std::string(kOperatorsOnly)},
                           {"PATCH", "/v1/admin/plans/t1/overrides", R"({"feature_key":"feature.tts","enabled":true})",
                            403, "AUTH_FORBIDDEN", std::string(kOperatorsOnly)}});
  EXPECT_EQ(client_.get("/v1/admin/plans/t1").status, 200);
  EXPECT_EQ(client_.get("/v1/admin/plans").status, 200);
  ASSERT_EQ(operator_.patch("/v1/admin/plans/t1", R"({"plan_id":"pro"})").status, 200);
  ASSERT_EQ(operator_.patch("/v1/admin/plans/t1/overrides", R"({"feature_key":"feature.identity.scim","enabled":true})")
                .status,
            200);
  const boost::json::value plan = data_of(client_.get("/v1/admin/plans/t1"));
  EXPECT_EQ(plan.at("plan_id"), "pro");
  EXPECT_TRUE(feature_of(plan.at("entitlements"), "feature.identity.scim").at("enabled").as_bool());
  EXPECT_FALSE(feature_of(plan.at("entitlements"), "feature.identity.jit").at("enabled").as_bool());
  for (const char* type : {"plan.assigned", "plan.override.updated"})
    EXPECT_EQ(newest(type).at("metadata_json").at("operator_tenant"), "ops") << type;
  EXPECT_EQ(data_of(other_.get("/v1/admin/plans/t2")).at("plan_id"), "enterprise");
}

TEST_F(OperatedPlansHttp, ShowATenantWithoutAPlanTheFreeOne) {
  const boost::json::value plan = data_of(operator_.get("/v1/admin/plans/newcomer"));
  EXPECT_EQ(plan.at("plan_id"), "free");
  EXPECT_EQ(plan.at("plan_name"), "Free");
  EXPECT_TRUE(plan.at("effective_from").is_null());
  EXPECT_TRUE(plan.at("effective_to").is_null());
  EXPECT_FALSE(plan.at("is_active").as_bool());
  EXPECT_EQ(plan.at("entitlements").as_array().size(), 15U);
}

TEST_F(OperatedPlansHttp, AreGivenWhenARequestIsApproved) {
  ASSERT_EQ(operator_.patch("/v1/admin/plans/t1", R"({"plan_id":"pro"})").status, 200);
  const std::int64_t id =
      data_of(client_.post(kUpgrade, R"({"target_plan":"enterprise"})")).at("request_id").as_int64();
  const Response own = decide(client_, id, "approve");
  EXPECT_EQ(own.status, 403);
  EXPECT_EQ(message_of(own), kOperatorsOnly);
  EXPECT_EQ(data_of(operator_.get(kRequests)).at("items").as_array().size(), 1U) << "operators see every tenant's";
  EXPECT_TRUE(data_of(other_.get(kRequests)).at("items").as_array().empty());
  EXPECT_EQ(data_of(operator_.get(std::string(kRequests) + "?tenant_id=t2")).at("items").as_array().size(), 0U);

  const Response approved = decide(operator_, id, "approve", R"({"reason":"Welcome."})");
  ASSERT_EQ(approved.status, 200) << approved.body;
  const boost::json::value request = data_of(approved);
  EXPECT_EQ(members_of(request), kRequestMembers);
  EXPECT_EQ(request.at("status"), "approved");
  EXPECT_EQ(request.at("current_plan"), "pro");
  EXPECT_EQ(request.at("decision_reason"), "Welcome.");
  EXPECT_TRUE(is_moment(request.at("decided_at")));
  EXPECT_TRUE(request.at("decided_by_actor_id").is_string());
  EXPECT_EQ(data_of(client_.get("/v1/admin/plans/t1")).at("plan_id"), "enterprise");
  const boost::json::object event = newest("plan.upgrade_approved");
  EXPECT_EQ(event.at("tenant_id"), "t1");
  EXPECT_EQ(event.at("metadata_json").at("operator_tenant"), "ops");
  EXPECT_EQ(newest("plan.assigned").at("metadata_json").at("after"), "enterprise");

  for (const char* verdict : {"approve", "reject"}) {
    const Response late = decide(operator_, id, verdict);
    EXPECT_EQ(late.status, 409) << verdict;
    EXPECT_EQ(code_of(late), "CONFLICT");
    EXPECT_EQ(message_of(late), "Upgrade request is not pending");
    EXPECT_EQ(late.json().at("error").at("details"), (boost::json::object{{"status", "approved"}}));
  }
}

TEST_F(OperatedPlansHttp, StayWhenARequestIsRejected) {
  const std::int64_t id = data_of(client_.post(kUpgrade, R"({"target_plan":"pro"})")).at("request_id").as_int64();
  const boost::json::value request = data_of(decide(operator_, id, "reject", R"({"reason":"Not yet."})"));
  EXPECT_EQ(request.at("status"), "rejected");
  EXPECT_EQ(request.at("decision_reason"), "Not yet.");
  EXPECT_EQ(data_of(client_.get("/v1/admin/plans/t1")).at("plan_id"), "enterprise");
  EXPECT_EQ(newest("plan.upgrade_rejected").at("metadata_json").at("reason"), "Not yet.");
  EXPECT_EQ(data_of(client_.get(kRequests)).at("items").at(0).at("decision_reason"), "Not yet.")
      << "the tenant is told";
}

}  // namespace
}  // namespace nexus::testing
