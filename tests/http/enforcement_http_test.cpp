// What a caller is told when its quota is used up or its plan lacks a feature, and what each request costs.
#include "http/contract_kit.h"
#include "http/header_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace nexus::testing {
namespace {

/// Tenant t1 with corpus c1, and an operator of the platform who belongs to another tenant.
class EnforcedQuotasHttp : public CorpusTest {
 protected:
  EnforcedQuotasHttp()
      : CorpusTest(Changes{{"PLATFORM_OPERATOR_TENANTS", "ops"}}),
        operator_(app_.client(app_.make_key("admin", "ops"))) {}

  void limit(std::string_view change) {
    const Response changed = operator_.patch("/v1/admin/quotas/t1", change);
    ASSERT_EQ(changed.status, 200) << changed.body;
  }
  /// Units of t1 used today, this look included.
  std::int64_t used() { return std::stoll(value_of(client_.get("/v1/corpora"), "X-Quota-Day-Used")); }
  /// Leaves t1 that many units of the day.
  void leave(std::int64_t units) { limit(fmt::format(R"({{"daily_requests_limit":{}}})", used() + units)); }

  TestClient operator_;
};

Pairs quota_headers(std::int64_t day_limit, std::int64_t used, const char* soft_cap, const char* mode = "enforce") {
  return {{"X-Quota-Day-Limit", std::to_string(day_limit)},
          {"X-Quota-Day-Used", std::to_string(used)},
          {"X-Quota-Day-Remaining", std::to_string(std::max<std::int64_t>(0, day_limit - used))},
          {"X-Quota-Month-Limit", "unlimited"},
          {"X-Quota-Month-Used", std::to_string(used)},
          {"X-Quota-Month-Remaining", "unlimited"},
          {"X-Quota-SoftCap-Reached", soft_cap},
          {"X-Quota-HardCap-Mode", mode}};
}

TEST_F(EnforcedQuotasHttp, AreToldWithEverySuccessWhateverItsShape) {
  const std::string document = app_.add_document("c1", "Our secret is a turnip.");
  limit(R"({"daily_requests_limit":1000})");
  std::int64_t n = used();
  const auto expect_told = [&](const Response& answer, int status, std::int64_t cost, const char* what) {
    EXPECT_EQ(answer.status, status) << what << answer.body;
    n += cost;
    EXPECT_EQ(headers_of(answer, {"X-Quota"}), quota_headers(1000, n, "false")) << what;
  };
  expect_told(client_.get("/v1/documents"), 200, 1, "JSON");
  expect_told(client_.get("/documents"), 200, 1, "a legacy path");
  expect_told(client_.get("/v1/documents/" + document + "/content"), 200, 1, "a file");
  SseStream run = client_.open_stream("/v1/run", R"({"session_id":"s1","corpus_id":"c1","message":"What is secret?"})");
  expect_told(run.head(), 200, 3, "events");
  EXPECT_EQ(event_types(run.rest()).back(), "done");
  const Pairs key{{"Idempotency-Key", "k1"}};
  expect_told(client_.del("/v1/documents/" + document, key), 204, 1, "no content");
  expect_told(client_.del("/v1/documents/" + document, key), 204, 0, "a replay, which costs nothing");
}

TEST_F(EnforcedQuotasHttp, AtTheirEndAnswer402WithHeadersAndDetails) {
  leave(2);
  const std::int64_t cap = used() + 1;
  EXPECT_EQ(headers_of(client_.get("/v1/documents"), {"X-Quota"}), quota_headers(cap, cap, "true"));
  const Response refused = client_.get("/v1/documents", {{"X-Request-Id", "req-1"}});
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(headers_of(refused, {"X-Quota"}), quota_headers(cap, cap, "true"));
  EXPECT_EQ(refused.body, fmt::format(R"({{"error":{{"code":"QUOTA_EXCEEDED","message":"Daily request quota exceeded",)"
                                      R"("details":{{"period":"day","limit":{0},"used":{0},"remaining":0}}}},)"
                                      R"("meta":{{"request_id":"req-1","api_version":"v1"}}}})",
                                      cap));
  EXPECT_EQ(client_.get("/documents").body,
            fmt::format(R"({{"detail":{{"code":"QUOTA_EXCEEDED","message":"Daily request quota exceeded",)"
                        R"("period":"day","limit":{0},"used":{0},"remaining":0}}}})",
                        cap));
  EXPECT_EQ(operator_.get("/v1/corpora").status, 200) << "another tenant's quota is its own";
  limit(R"({"daily_requests_limit":null})");
  EXPECT_EQ(used(), cap + 1) << "refused requests were not counted";
}

TEST_F(EnforcedQuotasHttp, OfTheMonthAreNamedSo) {
  limit(fmt::format(R"({{"monthly_requests_limit":{}}})", used()));
  const Response refused = client_.get("/v1/documents");
  EXPECT_EQ(refused.status, 402);
  EXPECT_EQ(message_of(refused), "Monthly request quota exceeded");
  EXPECT_EQ(refused.json().at("error").at("details").at("period"), "month");
  EXPECT_EQ(value_of(refused, "X-Quota-Day-Limit"), "unlimited");
  EXPECT_EQ(value_of(refused, "X-Quota-Month-Remaining"), "0");
}

TEST_F(EnforcedQuotasHttp, LetNoRunBeginThatTheyCannotPay) {
  leave(2);
  const Response run = client_.post("/v1/run", R"({"session_id":"s1","corpus_id":"c1","message":"What?"})");
  EXPECT_EQ(run.status, 402) << "it costs 3";
  EXPECT_EQ(client_.get("/v1/documents").status, 200);
  EXPECT_EQ(client_.get("/v1/documents").status, 200);
  EXPECT_EQ(client_.get("/v1/documents").status, 402);
}

TEST_F(EnforcedQuotasHttp, ThatOnlyObserveRefuseNothing) {
  const std::int64_t cap = used();
  limit(fmt::format(R"({{"daily_requests_limit":{},"hard_cap_enabled":false}})", cap));
  const Response answer = client_.get("/v1/documents");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(headers_of(answer, {"X-Quota"}), quota_headers(cap, cap + 1, "true", "observe"));
}

TEST_F(EnforcedQuotasHttp, AreNotSpentByWhatIsRefusedAsItStands) {
  const std::int64_t before = used();
  EXPECT_EQ(code_of(client_.post("/v1/corpora", "{")), "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(code_of(client_.post("/v1/run", R"({"message":5})")), "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(code_of(client_.get("/v1/audit/events?limit=0")), "REQUEST_VALIDATION_ERROR");
  EXPECT_EQ(client_.patch("/v1/admin/api-keys/nope", R"({"active":true,"revoke":true})").status, 422);
  EXPECT_EQ(app_.anonymous().get("/v1/corpora").status, 401);
  EXPECT_EQ(app_.client(app_.make_key("reader")).get("/v1/admin/plans").status, 403);
  EXPECT_EQ(used(), before + 1);
}

TEST_F(EnforcedQuotasHttp, AreNotSpentByWhatThePlanLacks) {
  ASSERT_EQ(operator_.patch("/v1/admin/plans/t1", R"({"plan_id":"free"})").status, 200);
  const std::int64_t before = used();
  EXPECT_EQ(code_of(client_.get("/v1/audit/events")), "FEATURE_NOT_ENABLED");
  EXPECT_EQ(code_of(client_.patch("/v1/corpora/c1",
                                  R"({"provider_config_json":{"retrieval":{"provider":"local_pgvector"}}})")),
            "FEATURE_NOT_ENABLED")
      << "found inside the handler";
  EXPECT_EQ(used(), before + 1);
}

TEST_F(EnforcedQuotasHttp, AreSpentByAHandlersRefusal) {
  const std::int64_t before = used();
  EXPECT_EQ(client_.get("/v1/documents/nope").status, 404);
  EXPECT_EQ(used(), before + 2);
}

TEST_F(EnforcedQuotasHttp, ChangeOnlyByTheHandOfAnOperator) {
  const Response own = client_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":1000000})");
  EXPECT_EQ(own.status, 403);
  EXPECT_EQ(message_of(own), "This action is reserved for platform operators");
  limit(R"({"daily_requests_limit":500})");
  const boost::json::value limits = data_of(client_.get("/v1/admin/quotas/t1"));
  EXPECT_EQ(limits.at("daily_requests_limit").as_int64(), 500);
  EXPECT_EQ(data_of(client_.get("/v1/audit/events?event_type=quota.limits.updated")).at("items").as_array().size(), 1U)
      << "the tenant sees what was done to it";
}

// --- plans

/// An operator of the platform, and tenant t1 on plan free.
class EnforcedPlansHttp : public EnforcedQuotasHttp {
 protected:
  EnforcedPlansHttp() { put_on("free"); }
  void put_on(std::string_view plan) {
    const Response put = operator_.patch("/v1/admin/plans/t1", fmt::format(R"({{"plan_id":"{}"}})", plan));
    ASSERT_EQ(put.status, 200) << put.body;
    ASSERT_EQ(text_of(data_of(put).at("plan_id")), plan);
  }
};

TEST_F(EnforcedPlansHttp, ThatLackAFeatureCloseItsRows) {
  for (const char* path : {"/v1/audit/events", "/v1/audit/events/1", "/v1/audit/verify"}) {
    const Response refused = client_.get(path, {{"X-Request-Id", "req-1"}});
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_EQ(refused.body, R"({"error":{"code":"FEATURE_NOT_ENABLED","message":"Feature not enabled for tenant plan",)"
                            R"("details":{"feature_key":"feature.audit_access"}},)"
                            R"("meta":{"request_id":"req-1","api_version":"v1"}})")
        << path;
  }
  EXPECT_EQ(client_.get("/audit/events").body,
            R"({"detail":{"code":"FEATURE_NOT_ENABLED","message":"Feature not enabled for tenant plan",)"
            R"("feature_key":"feature.audit_access"}})");
  const Response test = client_.post("/v1/self-serve/billing/webhook-test", "");
  EXPECT_EQ(test.json().at("error").at("details").at("feature_key"), "feature.billing_webhook_test");
}

TEST_F(EnforcedPlansHttp, AreAskedAfterRoleAndInput) {
  EXPECT_EQ(code_of(app_.client(app_.make_key("editor")).get("/v1/audit/events")), "AUTH_FORBIDDEN");
  EXPECT_EQ(code_of(client_.get("/v1/audit/events?limit=0")), "REQUEST_VALIDATION_ERROR");
}

TEST_F(EnforcedPlansHttp, TakeEffectWithTheNextRequest) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(client_.get("/v1/audit/events").status, 403);
    put_on("pro");
    EXPECT_EQ(client_.get("/v1/audit/events").status, 200);
    put_on("free");
  }
}

TEST_F(EnforcedPlansHttp, GiveWayToOverridesFromTheNextRequestOn) {
  const auto override_with = [&](std::string_view enabled) {
    return operator_
        .patch("/v1/admin/plans/t1/overrides",
               fmt::format(R"({{"feature_key":"feature.audit_access","enabled":{}}})", enabled))
        .status;
  };
  EXPECT_EQ(override_with("true"), 200);
  EXPECT_EQ(client_.get("/v1/audit/events").status, 200);
  EXPECT_EQ(override_with("null"), 200);
  EXPECT_EQ(client_.get("/v1/audit/events").status, 403);
  put_on("enterprise");
  EXPECT_EQ(override_with("false"), 200);
  EXPECT_EQ(client_.get("/v1/audit/events").status, 403);
}

TEST_F(EnforcedPlansHttp, ChangeOnlyByTheHandOfAnOperator) {
  const std::pair<const char*, const char*> own[] = {
      {"/v1/admin/plans/t1", R"({"plan_id":"enterprise"})"},
      {"/v1/admin/plans/t1/overrides", R"({"feature_key":"feature.audit_access","enabled":true})"}};
  for (const auto& [path, body] : own) {
    const Response refused = client_.patch(path, body);
    EXPECT_EQ(refused.status, 403) << path;
    EXPECT_EQ(message_of(refused), "This action is reserved for platform operators");
  }
  EXPECT_EQ(data_of(client_.get("/v1/self-serve/plan")).at("plan_id"), "free");
}

}  // namespace
}  // namespace nexus::testing
