// Quota limits and use: who may read, who may change, and what a change does to the next request.
#include "base/time.h"
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace nexus::testing {
namespace {

constexpr std::string_view kLimits = "/v1/admin/quotas/t1";
constexpr std::string_view kLimitMembers =
    "tenant_id daily_requests_limit monthly_requests_limit daily_tokens_limit monthly_tokens_limit soft_cap_ratio "
    "hard_cap_enabled";

std::string today() {
  return iso(SystemClock().now()).substr(0, 10);
}

class QuotasHttp : public AdminTest {
 protected:
  boost::json::value change(std::string_view body) {
    const Response changed = client_.patch(kLimits, body);
    EXPECT_EQ(changed.status, 200) << body << changed.body;
    return data_of(changed);
  }
  std::int64_t used(std::string_view period = "day") {
    return data_of(client_.get(fmt::format("/v1/admin/usage/t1?period={}&start={}", period, today())))
        .at("requests_count")
        .as_int64();
  }
};

TEST_F(QuotasHttp, ShowThePlansLimitsUntilTheTenantHasItsOwn) {
  const Response got = client_.get(kLimits);
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(members_of(got.json()), "data meta");
  EXPECT_EQ(json::write(data_of(got)),
            R"({"tenant_id":"t1","daily_requests_limit":null,"monthly_requests_limit":null,"daily_tokens_limit":null,)"
            R"("monthly_tokens_limit":null,"soft_cap_ratio":0.8,"hard_cap_enabled":true})");
}

TEST_F(QuotasHttp, ChangeWhatIsNamedAndLeaveTheRest) {
  struct Step {
    std::string_view body;
    std::string_view after;  // day, month, day tokens, month tokens, ratio, hard cap
  };
  for (const Step& step : {
           Step{R"({"daily_requests_limit":500,"monthly_tokens_limit":"9000"})", "[500,null,null,9000,0.8,true]"},
           Step{R"({"monthly_requests_limit":7000.0,"soft_cap_ratio":0.5})", "[500,7000,null,9000,0.5,true]"},
           Step{R"({"hard_cap_enabled":"off","daily_tokens_limit":1})", "[500,7000,1,9000,0.5,false]"},
           Step{R"({"daily_requests_limit":null})", "[null,7000,1,9000,0.5,false]"},
           Step{R"({"soft_cap_ratio":null,"hard_cap_enabled":null})", "[null,7000,1,9000,0.5,false]"},
           Step{"{}", "[null,7000,1,9000,0.5,false]"},
           Step{R"({"soft_cap_ratio":1,"hard_cap_enabled":1,"unknown":7})", "[null,7000,1,9000,1.0,true]"},
       }) {
    const boost::json::value shown = change(step.body);
    EXPECT_EQ(members_of(shown), kLimitMembers);
    boost::json::array values;
    for (const auto& [name, value] : shown.as_object())
      if (name != "tenant_id") values.push_back(value);
    EXPECT_EQ(values, json::parse(step.after).as_array()) << step.body << json::write(shown);
    EXPECT_EQ(data_of(client_.get(kLimits)), shown);
  }
}

TEST_F(QuotasHttp, RecordChangesWithBeforeAndAfter) {
  (void)change("{}");
  EXPECT_TRUE(events("quota.limits.updated").empty()) << "nothing was changed";
  (void)change(R"({"daily_requests_limit":500})");
  const boost::json::object event = newest("quota.limits.updated");
  EXPECT_EQ(event.at("outcome"), "success");
  EXPECT_EQ(event.at("resource_type"), "quota");
  EXPECT_EQ(event.at("resource_id"), "t1");
  const boost::json::value& metadata = event.at("metadata_json");
  EXPECT_EQ(members_of(metadata), "after before");
  EXPECT_TRUE(metadata.at("before").at("daily_requests_limit").is_null());
  EXPECT_EQ(metadata.at("after").at("daily_requests_limit").as_int64(), 500);
  EXPECT_EQ(metadata.at("after").at("hard_cap_enabled"), true);
}

TEST_F(QuotasHttp, RefuseWhatIsNoLimit) {
  const std::string path(kLimits);
  std::vector<Refused> rows{
      {"PATCH", path, R"({"soft_cap_ratio":1.01})", 422, kBadInput, "less_than_equal at body.soft_cap_ratio"},
      {"PATCH", path, R"({"soft_cap_ratio":-0.1})", 422, kBadInput, "greater_than_equal at body.soft_cap_ratio"},
      {"PATCH", path, R"({"soft_cap_ratio":"most"})", 422, kBadInput, "float_parsing at body.soft_cap_ratio"},
      {"PATCH", path, R"({"hard_cap_enabled":2})", 422, kBadInput, "bool_parsing at body.hard_cap_enabled"},
      {"PATCH", path, "{", 422, kBadInput, "json_invalid at body.1"},
      {"GET", "/v1/admin/quotas/t2", "", 403, "AUTH_FORBIDDEN", std::string(kForeignScope)},
      {"PATCH", "/v1/admin/quotas/t2", R"({"daily_requests_limit":1})", 403, "AUTH_FORBIDDEN",
       std::string(kForeignScope)}};
  for (const char* name :
       {"daily_requests_limit", "monthly_requests_limit", "daily_tokens_limit", "monthly_tokens_limit"}) {
    rows.push_back({"PATCH", path, fmt::format(R"({{"{}":-1}})", name), 422, kBadInput,
                    fmt::format("greater_than_equal at body.{}", name)});
    rows.push_back({"PATCH", path, fmt::format(R"({{"{}":1.5}})", name), 422, kBadInput,
                    fmt::format("int_from_float at body.{}", name)});
  }
  expect_refused(client_, rows);
  EXPECT_TRUE(events("quota.limits.updated").empty());
}

TEST_F(QuotasHttp, AreForAdminsOnly) {
  expect_admins_only({{"GET", std::string(kLimits)},
                      {"PATCH", std::string(kLimits), R"({"daily_requests_limit":1})"},
                      {"GET", "/v1/admin/usage/t1?start=2026-02-01"}});
}

TEST_F(QuotasHttp, CountUseInUnitsOfTheRouteClass) {
  app_.make_corpus("c1");
  const Response got = client_.get("/v1/admin/usage/t1?start=" + today());
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value usage = data_of(got);
  EXPECT_EQ(members_of(usage), "tenant_id period_type period_start requests_count estimated_tokens_count");
  EXPECT_EQ(usage.at("tenant_id"), "t1");
  EXPECT_EQ(usage.at("period_type"), "day");
  EXPECT_EQ(text_of(usage.at("period_start")), today() + "T00:00:00+00:00");
  EXPECT_TRUE(usage.at("estimated_tokens_count").is_null());
  const boost::json::value month = data_of(client_.get("/v1/admin/usage/t1?period=month&start=" + today()));
  EXPECT_EQ(text_of(month.at("period_start")), today().substr(0, 7) + "-01T00:00:00+00:00");

  std::int64_t before = used();
  EXPECT_EQ(used(), before + 1) << "a look at it is a read of 1";
  before = used();
  (void)client_.open_stream("/v1/run", R"({"session_id":"s","corpus_id":"c1","message":"hello"})").rest();
  EXPECT_EQ(used(), before + 4) << "a run costs 3";
  EXPECT_GT(data_of(client_.get("/v1/admin/usage/t1?start=" + today())).at("estimated_tokens_count").as_int64(), 0);
  const std::int64_t of_month = used("month");
  EXPECT_EQ(used(), of_month + 1) << "all of the month's use was today's";
  EXPECT_EQ(data_of(client_.get("/v1/admin/usage/t1?start=2020-02-29")).at("requests_count").as_int64(), 0);
}

TEST_F(QuotasHttp, GiveBackWhatWasRefusedAsItStood) {
  const std::int64_t before = used();
  EXPECT_EQ(client_.post("/v1/run", "{}").status, 422);
  EXPECT_EQ(client_.patch(kLimits, R"({"daily_requests_limit":-1})").status, 422);
  EXPECT_EQ(client_.get("/v1/nothing").status, 404);
  EXPECT_EQ(used(), before + 1) << "only this look was charged";
  EXPECT_EQ(client_.get("/v1/corpora/none").status, 404);
  EXPECT_EQ(used(), before + 3) << "a handler's answer is charged, whatever it says";
}

TEST_F(QuotasHttp, RefuseWhatIsNoPeriod) {
  const std::string path = "/v1/admin/usage/t1";
  expect_refused(
      client_,
      {{"GET", path, "", 422, kBadInput, "missing at query.start"},
       {"GET", path + "?start=2026-02-30", "", 422, kBadInput, "date_from_datetime_parsing at query.start"},
       {"GET", path + "?start=soon", "", 422, kBadInput, "date_from_datetime_parsing at query.start"},
       {"GET", path + "?start=2026-02-01&period=week", "", 422, kBadInput, "string_pattern_mismatch at query.period"},
       {"GET", "/v1/admin/usage/t2?start=2026-02-01", "", 403, "AUTH_FORBIDDEN", std::string(kForeignScope)}});
}

TEST_F(QuotasHttp, BlockAtTheHardCapAndSayHowMuchIsLeft) {
  const std::int64_t spent = used();  // the change below is charged too
  (void)change(fmt::format(R"({{"daily_requests_limit":{}}})", spent + 3));
  const Response last = client_.get("/v1/corpora");
  ASSERT_EQ(last.status, 200) << last.body;
  EXPECT_EQ(*last.header("X-Quota-Day-Limit"), std::to_string(spent + 3));
  EXPECT_EQ(*last.header("X-Quota-Day-Used"), std::to_string(spent + 2));
  EXPECT_EQ(*last.header("X-Quota-Day-Remaining"), "1");
  EXPECT_EQ(*last.header("X-Quota-Month-Limit"), "unlimited");
  EXPECT_EQ(*last.header("X-Quota-Month-Remaining"), "unlimited");
  EXPECT_EQ(*last.header("X-Quota-SoftCap-Reached"), 10 * (spent + 2) >= 8 * (spent + 3) ? "true" : "false");
  EXPECT_EQ(*last.header("X-Quota-HardCap-Mode"), "enforce");
  const Response run = client_.post("/v1/run", R"({"session_id":"s","corpus_id":"c1","message":"hello"})");
  EXPECT_EQ(run.status, 402) << "3 units do not fit into 1";
  EXPECT_EQ(code_of(run), "QUOTA_EXCEEDED");
  EXPECT_EQ(message_of(run), "Daily request quota exceeded");
  EXPECT_EQ(json::write(run.json().at("error").at("details")),
            fmt::format(R"({{"period":"day","limit":{},"used":{},"remaining":0}})", spent + 3, spent + 2));
  EXPECT_EQ(*run.header("X-Quota-Day-Remaining"), "1");
  EXPECT_EQ(client_.get("/v1/corpora").status, 200) << "a refused request cost nothing";
  EXPECT_EQ(client_.get("/v1/corpora").status, 402);
}

TEST_F(QuotasHttp, AtZeroBlockEverything) {
  (void)change(R"({"monthly_requests_limit":0})");
  const Response refused = client_.get("/v1/corpora");
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(message_of(refused), "Monthly request quota exceeded");
  EXPECT_EQ(json::write(refused.json().at("error").at("details")),
            R"({"period":"month","limit":0,"used":0,"remaining":0})");
  EXPECT_EQ(client_.patch(kLimits, "{}").status, 402) << "also the way out; an operator of another tenant has it";
}

TEST_F(QuotasHttp, OnlyObserveWithoutAHardCap) {
  (void)change(R"({"daily_requests_limit":1,"hard_cap_enabled":false})");
  const Response answer = client_.get("/v1/corpora");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(*answer.header("X-Quota-HardCap-Mode"), "observe");
  EXPECT_EQ(*answer.header("X-Quota-Day-Remaining"), "0");
}

class OperatedQuotasHttp : public OperatedTest {};

TEST_F(OperatedQuotasHttp, AreChangedByOperatorsAndReadByTenants) {
  const std::string body = R"({"daily_requests_limit":100})";
  expect_refused(client_, {{"PATCH", "/v1/admin/quotas/t1", body, 403, "AUTH_FORBIDDEN", std::string(kOperatorsOnly)},
                           {"PATCH", "/v1/admin/quotas/t2", body, 403, "AUTH_FORBIDDEN", std::string(kForeignScope)}});
  EXPECT_TRUE(data_of(client_.get(kLimits)).at("daily_requests_limit").is_null());
  const Response changed = operator_.patch("/v1/admin/quotas/t1", body);
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(data_of(client_.get(kLimits)).at("daily_requests_limit").as_int64(), 100);
  EXPECT_EQ(*client_.get("/v1/corpora").header("X-Quota-Day-Limit"), "100") << "in force at once";
  EXPECT_TRUE(data_of(other_.get("/v1/admin/quotas/t2")).at("daily_requests_limit").is_null());
  const boost::json::object event = newest("quota.limits.updated");
  EXPECT_EQ(event.at("tenant_id"), "t1") << "the tenant sees what is done to it";
  EXPECT_EQ(event.at("metadata_json").at("operator_tenant"), "ops");
  EXPECT_TRUE(events("quota.limits.updated", &operator_).empty());
  EXPECT_EQ(data_of(operator_.get("/v1/admin/usage/t1?start=" + today())).at("tenant_id"), "t1");
  TestClient reader = app_.client(app_.make_key("reader", "ops"));
  EXPECT_EQ(reader.patch("/v1/admin/quotas/t1", body).status, 403) << "an operator is an admin";
}

TEST_F(OperatedQuotasHttp, RecordWhatTheCapsDid) {
  // Written behind the requests, by a task of their own.
  const auto noted = [&](std::string_view type) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    for (;;) {
      const boost::json::value page =
          data_of(operator_.get(fmt::format("/v1/audit/events?tenant_id=t1&event_type={}", type)));
      const boost::json::array& found = page.at("items").as_array();
      if (!found.empty()) {
        EXPECT_EQ(found.size(), 1U) << type << ": once a period";
        EXPECT_EQ(found[0].at("resource_type"), "quota");
        EXPECT_EQ(found[0].at("actor_type"), "api_key");
        return found[0].as_object();
      }
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("not in time: " + std::string(type));
      std::this_thread::yield();
    }
  };
  ASSERT_EQ(operator_.patch(kLimits, R"({"daily_requests_limit":2,"soft_cap_ratio":0.5})").status, 200);
  EXPECT_EQ(*client_.get("/v1/corpora").header("X-Quota-SoftCap-Reached"), "true");
  EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  EXPECT_EQ(client_.get("/v1/corpora").status, 402);
  const boost::json::object soft = noted("quota.soft_cap_reached");
  EXPECT_EQ(soft.at("outcome"), "success");
  EXPECT_EQ(json::canonical(soft.at("metadata_json")), R"({"limit":2,"period":"day","soft_cap_ratio":0.5,"used":1})");
  const boost::json::object hard = noted("quota.hard_cap_blocked");
  EXPECT_EQ(hard.at("outcome"), "failure");
  EXPECT_EQ(hard.at("error_code"), "QUOTA_EXCEEDED");
  EXPECT_EQ(json::canonical(hard.at("metadata_json")),
            R"({"count":1,"day_limit":2,"day_used":2,"month_limit":null,"month_used":2,"period":"day"})");
  ASSERT_EQ(operator_.patch(kLimits, R"({"hard_cap_enabled":false})").status, 200);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  EXPECT_EQ(json::canonical(noted("quota.overage_observed").at("metadata_json")),
            R"({"day_limit":2,"day_used":3,"month_limit":null,"month_used":3})");
}

TEST_F(OperatedQuotasHttp, LetAnOperatorOpenATenantThatIsBlocked) {
  ASSERT_EQ(operator_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":0})").status, 200);
  EXPECT_EQ(client_.get("/v1/corpora").status, 402);
  EXPECT_EQ(other_.get("/v1/corpora").status, 200) << "one tenant's cap is no other's";
  ASSERT_EQ(operator_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":null})").status, 200);
  EXPECT_EQ(client_.get("/v1/corpora").status, 200);
}

}  // namespace
}  // namespace nexus::testing
