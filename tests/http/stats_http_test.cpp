// Public numbers, the heartbeat and the benchmark: outside /v1, without envelope, for any origin.
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

namespace nexus::testing {
namespace {

constexpr std::string_view kAsk = R"({"session_id":"s","corpus_id":"c1","message":"What is old?"})";

/// "2026-02-17T09:30:00Z"
bool is_moment_z(const boost::json::value& value) {
  return value.is_string() && value.as_string().size() == 20 && text_of(value).ends_with("Z") &&
         parse_iso(text_of(value)).has_value();
}

void expect_open_to_browsers(const Response& answer, std::string_view caching) {
  ASSERT_NE(answer.header("Cache-Control"), nullptr);
  EXPECT_EQ(*answer.header("Cache-Control"), caching);
  EXPECT_EQ(*answer.header("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(*answer.header("Access-Control-Allow-Methods"), "GET, OPTIONS");
  EXPECT_EQ(*answer.header("Access-Control-Allow-Headers"), "Content-Type");
  EXPECT_EQ(answer.header("Deprecation"), nullptr) << "no alias of anything under /v1";
}

std::int64_t number(const boost::json::value& stats, std::string_view name) {
  return stats.at("metrics").at(name).as_int64();
}

TEST(StatsHttp, AreReadByAnybody) {
  TestApp app(Changes{{"VERCEL_GIT_COMMIT_AUTHOR_DATE", "1767225600"}});
  TestClient anybody = app.anonymous();
  const Response got = anybody.get("/api/stats");
  ASSERT_EQ(got.status, 200) << got.body;
  expect_open_to_browsers(got, "public, max-age=30, stale-while-revalidate=60");
  const boost::json::value stats = got.json();
  EXPECT_EQ(members_of(stats),
            "system mode workload status uptime_pct_30d last_deployed_at last_active_at metrics schema_version "
            "generated_at");
  EXPECT_EQ(members_of(stats.at("metrics")),
            "queries_total queries_24h queries_7d p50_latency_ms p95_latency_ms avg_retrieval_size indexed_chunks");
  EXPECT_EQ(stats.at("system"), "nexusrag");
  EXPECT_EQ(stats.at("mode"), "live");
  EXPECT_EQ(stats.at("workload"), "production");
  EXPECT_EQ(stats.at("status"), "operational");
  EXPECT_TRUE(stats.at("uptime_pct_30d").is_double());
  EXPECT_EQ(stats.at("last_deployed_at"), "2026-01-01T00:00:00Z");
  EXPECT_TRUE(stats.at("last_active_at").is_null());
  EXPECT_EQ(stats.at("schema_version").as_int64(), 1);
  EXPECT_TRUE(is_moment_z(stats.at("generated_at")));
  for (const auto& [name, value] : stats.at("metrics").as_object()) EXPECT_EQ(value.as_int64(), 0) << name;

  const Response preflight = anybody.request("OPTIONS", "/api/stats");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_TRUE(preflight.body.empty());
  expect_open_to_browsers(preflight, "public, max-age=30, stale-while-revalidate=60");
  EXPECT_EQ(anybody.request("POST", "/api/stats").status, 405);
  EXPECT_EQ(anybody.get("/v1/api/stats").status, 404);
}

/// The numbers may be some seconds old, so each of the next two looks at them once.
TEST(StatsHttp, CountNothingThatWasRefused) {
  TestApp app;
  app.make_corpus("c1");
  TestClient client = app.client();
  EXPECT_EQ(app.anonymous().post("/v1/run", kAsk).status, 401);
  EXPECT_EQ(client.post("/v1/run", "{}").status, 422);
  EXPECT_EQ(client.get("/v1/run").status, 405);
  EXPECT_EQ(client.post("/v1/running", kAsk).status, 404);
  EXPECT_EQ(number(client.get("/api/stats").json(), "queries_total"), 0);
}

TEST(StatsHttp, CountARunThatFinished) {
  TestApp app;
  app.make_corpus("c1");
  (void)app.add_document("c1", "The moon is old. The sun is older.");
  TestClient client = app.client();
  EXPECT_EQ(client.post("/v1/run", "{}").status, 422);
  const std::vector<SseFrame> frames = client.open_stream("/v1/run", kAsk).rest();
  ASSERT_EQ(event_types(frames).back(), "done");
  const boost::json::value stats = client.get("/api/stats").json();
  for (const char* name : {"queries_total", "queries_24h", "queries_7d"}) EXPECT_EQ(number(stats, name), 1) << name;
  EXPECT_EQ(number(stats, "avg_retrieval_size"), 1) << "the passages that the run was given";
  EXPECT_EQ(number(stats, "indexed_chunks"), 1);
  EXPECT_GE(number(stats, "p95_latency_ms"), number(stats, "p50_latency_ms"));
  EXPECT_TRUE(is_moment_z(stats.at("last_active_at")));
  EXPECT_THAT(json::write(stats), ::testing::Not(::testing::HasSubstr("t1"))) << "nobody's name";
}

TEST(StatsHttp, HeartbeatIsOffWithoutASecret) {
  TestApp app;
  TestClient anybody = app.anonymous();
  const Response off = anybody.request("POST", "/api/heartbeat", {{"Authorization", "Bearer "}});
  EXPECT_EQ(off.status, 503);
  EXPECT_EQ(off.body, R"({"error":"heartbeat_disabled"})");
  EXPECT_EQ(*off.header("Cache-Control"), "no-store");
}

TEST(StatsHttp, HeartbeatAnswersThoseWhoKnowTheSecret) {
  const std::string secret = "a-long-secret-0123456789";
  TestApp app(Changes{{"HEARTBEAT_SECRET", secret}});
  TestClient anybody = app.anonymous();
  struct Try {
    std::string authorization;
    int status;
  };
  for (const Try& t : {Try{"Bearer " + secret, 200}, Try{secret, 200}, Try{"bearer   " + secret + " ", 200},
                       Try{"Bearer wrong", 403}, Try{"Bearer", 403}, Try{"Basic " + secret, 403},
                       Try{"Bearer " + secret + "x", 403}, Try{secret.substr(1), 403}}) {
    const Response answer = anybody.request("POST", "/api/heartbeat", {{"Authorization", t.authorization}});
    EXPECT_EQ(answer.status, t.status) << t.authorization;
    EXPECT_EQ(*answer.header("Cache-Control"), "no-store");
    EXPECT_EQ(*answer.header("Deprecation"), "true");
    if (t.status == 403) {
      EXPECT_EQ(answer.body, R"({"error":"unauthorized"})");
      continue;
    }
    EXPECT_EQ(members_of(answer.json()), "status checked_at");
    EXPECT_EQ(answer.json().at("status"), "ok");
    EXPECT_TRUE(is_moment_z(answer.json().at("checked_at")));
  }
  EXPECT_EQ(anybody.request("POST", "/api/heartbeat").status, 403);
  EXPECT_EQ(anybody.get("/api/heartbeat").status, 405);
}

class BenchmarkHttp : public ::testing::Test {
 protected:
  /// What is shown of an artifact with these bytes.
  Response shown(std::string_view bytes) {
    const std::filesystem::path file = dir_.path() / "benchmark.json";
    std::ofstream(file, std::ios::binary) << bytes;
    TestApp app(Changes{{"BENCHMARK_ARTIFACT", file.string()}});
    TestClient anybody = app.anonymous();
    return anybody.get("/api/benchmark-latest");
  }

  TempDir dir_;
};

TEST_F(BenchmarkHttp, IsPendingWithoutResults) {
  TestApp app;
  TestClient anybody = app.anonymous();
  const Response got = anybody.get("/api/benchmark-latest");
  ASSERT_EQ(got.status, 200) << got.body;
  expect_open_to_browsers(got, "public, max-age=300, stale-while-revalidate=600");
  const boost::json::value data = got.json();
  EXPECT_EQ(members_of(data), "system schema_version status latest previous_run generated_at");
  EXPECT_EQ(data.at("status"), "pending");
  EXPECT_EQ(data.at("schema_version").as_int64(), 1);
  EXPECT_TRUE(data.at("latest").is_null());
  EXPECT_TRUE(data.at("previous_run").is_null());
  EXPECT_TRUE(is_moment_z(data.at("generated_at")));
  const Response preflight = anybody.request("OPTIONS", "/api/benchmark-latest");
  EXPECT_EQ(preflight.status, 204);
  expect_open_to_browsers(preflight, "public, max-age=300, stale-while-revalidate=600");
}

TEST_F(BenchmarkHttp, ShowsTheArtifactsResults) {
  struct Row {
    std::string_view artifact;
    std::string_view status;
    std::string_view latest;
  };
  for (const Row& row :
       {Row{R"({"latest":{"p95":3},"previous_run":{"p95":4}})", "ok", R"({"p95":3})"},
        Row{R"({"status":"stale","latest":{"p95":3}})", "stale", R"({"p95":3})"}, Row{R"({"latest":7})", "ok", "null"},
        Row{"{", "degraded", "null"}, Row{"[]", "degraded", "null"}, Row{"", "degraded", "null"}}) {
    const Response got = shown(row.artifact);
    EXPECT_EQ(got.status, 200) << row.artifact;
    EXPECT_EQ(text_of(got.json().at("status")), row.status) << row.artifact;
    EXPECT_EQ(json::write(got.json().at("latest")), row.latest) << row.artifact;
  }
}

}  // namespace
}  // namespace nexus::testing
