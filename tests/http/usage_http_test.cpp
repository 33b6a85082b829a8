// What a tenant's dashboards show of its use.
#include "base/time.h"
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>

namespace nexus::testing {
namespace {

constexpr std::string_view kSummary = "/v1/self-serve/usage/summary";
constexpr std::string_view kSeries = "/v1/self-serve/usage/timeseries";

class UsageHttp : public AdminTest {
 protected:
  explicit UsageHttp(const Changes& changes = {}) : AdminTest(changes) {}

  /// Requests by route class, with the total under "total".
  std::map<std::string, std::int64_t> requests() {
    const boost::json::value data = data_of(client_.get(kSummary));
    std::map<std::string, std::int64_t> counts{{"total", data.at("requests").at("total").as_int64()}};
    for (const auto& [name, count] : data.at("requests").at("by_route_class").as_object())
      counts[std::string(name)] = count.as_int64();
    return counts;
  }
};

TEST_F(UsageHttp, SummarisesInTheContractsShape) {
  const Response got = client_.get(kSummary);
  ASSERT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(members_of(got.json()), "data meta");
  const boost::json::value data = data_of(got);
  EXPECT_EQ(members_of(data), "window_days requests quota rate_limit_hits ingestion");
  EXPECT_EQ(members_of(data.at("requests")), "total by_route_class");
  EXPECT_EQ(members_of(data.at("requests").at("by_route_class")), "run read mutation ops");
  EXPECT_EQ(members_of(data.at("quota")), "day month soft_cap_reached hard_cap_mode");
  EXPECT_EQ(members_of(data.at("quota").at("month")), "limit used remaining");
  EXPECT_EQ(json::write(data.at("rate_limit_hits")), R"({"count":0,"last_at":null})");
  EXPECT_EQ(json::write(data.at("ingestion")), R"({"queued":0,"processing":0,"succeeded":0,"failed":0})");
  EXPECT_EQ(data.at("window_days").as_int64(), 30);
  EXPECT_EQ(newest("selfserve.usage.viewed").at("metadata_json"), (boost::json::object{{"window_days", 30}}));
}

TEST_F(UsageHttp, CountsRequestsByRouteClassAtOnce) {
  app_.make_corpus("c1");
  const auto before = requests();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"c2","name":"two"})").status, 201);
  (void)client_.open_stream("/v1/run", R"({"session_id":"s","corpus_id":"c1","message":"hello"})").rest();
  EXPECT_EQ(client_.get("/v1/audit/events").status, 200);
  EXPECT_EQ(app_.anonymous().get("/v1/corpora").status, 401);
  EXPECT_EQ(app_.client(app_.make_key("reader")).get("/v1/audit/events").status, 403);
  TestClient other = app_.client(app_.make_key("admin", "t2"));
  EXPECT_EQ(other.get("/v1/corpora").status, 200);
  auto after = requests();
  for (const auto& [name, count] : before) after[name] -= count;
  EXPECT_EQ(after,
            (std::map<std::string, std::int64_t>{{"total", 7}, {"run", 1}, {"read", 4}, {"mutation", 1}, {"ops", 1}}))
      << "with this look; without strangers, refused roles and other tenants";
}

TEST_F(UsageHttp, KeepsItsCountsOverARestart) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  const auto before = requests();
  app_.restart();
  client_ = app_.client();
  EXPECT_EQ(requests().at("read"), before.at("read") + 1);
}

TEST_F(UsageHttp, ShowsTheQuotaThatTheNextRequestMeets) {
  ASSERT_EQ(client_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":1000,"hard_cap_enabled":false})").status,
            200);
  const boost::json::value quota = data_of(client_.get(kSummary)).at("quota");
  EXPECT_EQ(quota.at("day").at("limit").as_int64(), 1000);
  EXPECT_EQ(quota.at("day").at("remaining").as_int64(), 1000 - quota.at("day").at("used").as_int64());
  EXPECT_TRUE(quota.at("month").at("limit").is_null());
  EXPECT_TRUE(quota.at("month").at("remaining").is_null());
  EXPECT_FALSE(quota.at("soft_cap_reached").as_bool());
  EXPECT_EQ(quota.at("hard_cap_mode"), "observe");
  const Response next = client_.get("/v1/corpora");
  EXPECT_EQ(*next.header("X-Quota-Day-Used"), std::to_string(quota.at("day").at("used").as_int64() + 1))
      << "looking costs what a read costs, and the numbers are those of the headers";
}

TEST_F(UsageHttp, CountsDocumentsByTheirState) {
  app_.make_corpus("c1");
  (void)app_.add_document("c1", "The moon is old.");
  (void)app_.add_document("c1", "The sun is older.");
  const boost::json::value data = data_of(client_.get(kSummary));
  EXPECT_EQ(json::write(data.at("ingestion")), R"({"queued":0,"processing":0,"succeeded":2,"failed":0})");
}

TEST_F(UsageHttp, ShowsDaysUpToAndWithToday) {
  const Response got = client_.get(std::string(kSeries) + "?metric=requests&granularity=day&days=3");
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value data = data_of(got);
  EXPECT_EQ(members_of(data), "metric granularity points");
  EXPECT_EQ(data.at("metric"), "requests");
  EXPECT_EQ(data.at("granularity"), "day");
  const boost::json::array& points = data.at("points").as_array();
  ASSERT_EQ(points.size(), 3U);
  const Timestamp now = SystemClock().now();
  for (std::int64_t back = 0; back < 3; ++back) {
    const boost::json::value& point = points[static_cast<std::size_t>(2 - back)];
    EXPECT_EQ(members_of(point), "ts value");
    EXPECT_EQ(text_of(point.at("ts")), iso(now - back * Timestamp::kDay).substr(0, 10));
    EXPECT_EQ(point.at("value").as_int64(), back == 0 ? 1 : 0) << "today's first request is this one";
  }
  EXPECT_EQ(newest("selfserve.usage.viewed").at("metadata_json"),
            (boost::json::object{{"metric", "requests"}, {"granularity", "day"}, {"days", 3}}));
  EXPECT_EQ(data_of(client_.get(kSeries)).at("points").as_array().size(), 30U);
}

TEST_F(UsageHttp, RefusesWindowsItDoesNotHave) {
  const std::string summary(kSummary);
  const std::string series(kSeries);
  expect_refused(
      client_,
      {{"GET", summary + "?window_days=0", "", 422, kBadInput, "greater_than_equal at query.window_days"},
       {"GET", summary + "?window_days=91", "", 422, kBadInput, "less_than_equal at query.window_days"},
       {"GET", summary + "?window_days=x", "", 422, kBadInput, "int_parsing at query.window_days"},
       {"GET", series + "?days=0", "", 422, kBadInput, "greater_than_equal at query.days"},
       {"GET", series + "?days=91", "", 422, kBadInput, "less_than_equal at query.days"},
       {"GET", series + "?metric=tokens", "", 422, kBadInput, "string_pattern_mismatch at query.metric"},
       {"GET", series + "?granularity=hour", "", 422, kBadInput, "string_pattern_mismatch at query.granularity"}});
  EXPECT_EQ(data_of(client_.get(summary + "?window_days=1")).at("window_days").as_int64(), 1);
  EXPECT_EQ(data_of(client_.get(series + "?days=90")).at("points").as_array().size(), 90U);
}

TEST_F(UsageHttp, IsForAdminsOnly) {
  expect_admins_only({{"GET", std::string(kSummary)}, {"GET", std::string(kSeries)}});
}

class LimitedUsageHttp : public UsageHttp {
 protected:
  LimitedUsageHttp()
      : UsageHttp(Changes{
            {"RATE_LIMIT_ENABLED", "true"}, {"RL_KEY_MUTATION_RPS", "0.001"}, {"RL_KEY_MUTATION_BURST", "1"}}) {}
};

TEST_F(LimitedUsageHttp, CountsRateLimitHits) {
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"c1","name":"one"})").status, 201);
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"c2","name":"two"})").status, 429);
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"c3","name":"three"})").status, 429);
  const boost::json::value hits = data_of(client_.get(kSummary)).at("rate_limit_hits");
  EXPECT_EQ(hits.at("count").as_int64(), 2);
  EXPECT_TRUE(is_moment(hits.at("last_at")));
  EXPECT_EQ(requests().at("mutation"), 3) << "refused or not, they were asked";
}

}  // namespace
}  // namespace nexus::testing
