#include "modules/stats/stats_api.h"

#include "http/router.h"
#include "modules/stats/aggregates.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <variant>

namespace nexus::stats {
namespace {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-stats-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  [[nodiscard]] std::filesystem::path file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

struct Desk {
  testing::TestCall t;
  Aggregates numbers;
  bool broken = false;
  TempFolder folder;
  StatsBoard board{t.clock, [this](Timestamp) {
                     if (broken) throw std::runtime_error("secret reason");
                     return numbers;
                   }};
  BenchmarkFile benchmark{t.clock, folder.file("latest.json")};

  [[nodiscard]] StatsApi api(const std::string& secret = "", std::optional<std::string> deployed = {}) {
    return StatsApi(
        t.clock, board, benchmark,
        {.heartbeat_secret = Secret(secret), .deployed_at = std::move(deployed), .started_at = t.clock.now()});
  }
  /// Through routing, decoding and encoding; the headers of the call come with the reply, as the pipeline sends them.
  [[nodiscard]] http::Reply send(const StatsApi& api, http::Verb verb, const std::string& path,
                                 const http::Pairs& headers = {}) const {
    const http::Router router(api.endpoints());
    const http::Match match = router.match(verb, path);
    if (match.kind != http::Match::Kind::kFound) throw std::logic_error("no row for " + path);
    http::Request request = testing::make_request(path);
    request.headers = headers;
    http::Call call(request, *match.endpoint);
    http::Reply reply = std::get<http::PlainHandler>(match.endpoint->run)(call, {});
    for (const auto& header : call.reply_headers) reply.headers.push_back(header);
    return reply;
  }
  void artifact(const std::string& text) const { std::ofstream(folder.file("latest.json")) << text; }
};

const http::Pairs kStatsHeaders{{"Cache-Control", "public, max-age=30, stale-while-revalidate=60"},
                                {"Access-Control-Allow-Origin", "*"},
                                {"Access-Control-Allow-Methods", "GET, OPTIONS"},
                                {"Access-Control-Allow-Headers", "Content-Type"}};
const http::Pairs kBenchmarkHeaders{{"Cache-Control", "public, max-age=300, stale-while-revalidate=600"},
                                    {"Access-Control-Allow-Origin", "*"},
                                    {"Access-Control-Allow-Methods", "GET, OPTIONS"},
                                    {"Access-Control-Allow-Headers", "Content-Type"}};

TEST(PublicStats, HaveTheContractsBytes) {
  Desk d;
  d.numbers = {.queries_total = 7,
               .queries_24h = 2,
               .queries_7d = 3,
               .p50_latency_ms = 11,
               .p95_latency_ms = 19,
               .avg_retrieval_size = 5,
               .indexed_chunks = 40,
               .last_active_at = d.t.clock.now() - 1};
  const http::Reply reply = d.send(d.api(), http::Verb::kGet, "/api/stats");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.headers, kStatsHeaders);
  EXPECT_EQ(
      reply.body,
      R"({"system":"nexusrag","mode":"live","workload":"production","status":"operational",)"
      R"("uptime_pct_30d":100.0,"last_deployed_at":"2026-02-17T10:00:00Z","last_active_at":"2026-02-17T09:59:59Z",)"
      R"("metrics":{"queries_total":7,"queries_24h":2,"queries_7d":3,"p50_latency_ms":11,"p95_latency_ms":19,)"
      R"("avg_retrieval_size":5,"indexed_chunks":40},"schema_version":1,"generated_at":"2026-02-17T10:00:00Z"})");
}

TEST(PublicStats, AreDegradedWithoutAReason) {
  Desk d;
  d.broken = true;
  const http::Reply reply = d.send(d.api(), http::Verb::kGet, "/api/stats");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers, kStatsHeaders);
  EXPECT_EQ(reply.body,
            R"({"system":"nexusrag","mode":"live","workload":"production","status":"degraded",)"
            R"("uptime_pct_30d":100.0,"last_deployed_at":"2026-02-17T10:00:00Z","last_active_at":null,)"
            R"("metrics":{"queries_total":0,"queries_24h":0,"queries_7d":0,"p50_latency_ms":0,"p95_latency_ms":0,)"
            R"("avg_retrieval_size":0,"indexed_chunks":0},"schema_version":1,"generated_at":"2026-02-17T10:00:00Z"})");
}

TEST(PublicStats, ADatabaseThatFailsIsDegraded) {
  testing::TestCall t;
  t.database->run_script("DROP TABLE query_log");
  StatsBoard board(t.clock, [&](Timestamp now) { return aggregate(*t.database, now); });
  EXPECT_TRUE(board.current()->degraded);
}

TEST(PublicStats, SayWhenTheDeploymentWasMade) {
  const Timestamp start = testing::FakeClock::kStart;
  const auto shown = [&](std::optional<std::string> text) {
    return deployment_time({.heartbeat_secret = {}, .deployed_at = std::move(text), .started_at = start});
  };
  EXPECT_EQ(shown(std::nullopt), "2026-02-17T10:00:00Z");
  EXPECT_EQ(shown(""), "2026-02-17T10:00:00Z");
  EXPECT_EQ(shown("1700000000"), "2023-11-14T22:13:20Z");
  EXPECT_EQ(shown("2026-01-02T03:04:05+02:00"), "2026-01-02T03:04:05+02:00");
  EXPECT_EQ(shown("-5"), "-5");
  EXPECT_EQ(shown("99999999999999999999"), "99999999999999999999");
}

TEST(PublicStats, PreflightsGetTheSameHeadersAndNoBody) {
  Desk d;
  d.broken = true;  // nothing is collected for them
  for (const auto& [path, headers] :
       {std::pair("/api/stats", kStatsHeaders), {"/api/benchmark-latest", kBenchmarkHeaders}}) {
    const http::Reply reply = d.send(d.api(), http::Verb::kOptions, path);
    EXPECT_EQ(reply.status, 204);
    EXPECT_TRUE(reply.body.empty());
    EXPECT_EQ(reply.headers, headers);
  }
}

TEST(StatsRows, ArePublicUnversionedAndBare) {
  Desk d;
  const StatsApi api = d.api();
  const http::Router router(api.endpoints());
  for (const http::Endpoint& row : router.endpoints()) {
    EXPECT_FALSE(row.spec.role) << row.spec.path;
    EXPECT_FALSE(row.spec.enveloped) << row.spec.path;
    EXPECT_EQ(row.spec.route_class, http::RouteClass::kNone) << row.spec.path;
    EXPECT_EQ(row.spec.hidden, row.spec.verb != http::Verb::kGet) << row.spec.path;
  }
  EXPECT_EQ(router.match(http::Verb::kGet, "/v1/api/stats").kind, http::Match::Kind::kNotFound);
  const http::Match wrong = router.match(http::Verb::kPost, "/api/stats");
  EXPECT_EQ(wrong.kind, http::Match::Kind::kMethodNotAllowed);
  EXPECT_EQ(wrong.allow, "GET, OPTIONS");
  EXPECT_EQ(router.match(http::Verb::kHead, "/api/stats").kind, http::Match::Kind::kMethodNotAllowed);
  EXPECT_EQ(router.match(http::Verb::kOptions, "/api/heartbeat").kind, http::Match::Kind::kMethodNotAllowed);
}

TEST(Heartbeat, IsOffWithoutASecret) {
  Desk d;
  for (const http::Pairs& headers :
       {http::Pairs{}, http::Pairs{{"Authorization", ""}}, http::Pairs{{"Authorization", "x"}}}) {
    const http::Reply reply = d.send(d.api(), http::Verb::kPost, "/api/heartbeat", headers);
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(reply.body, R"({"error":"heartbeat_disabled"})");
    EXPECT_EQ(reply.headers, (http::Pairs{{"Cache-Control", "no-store"}}));
  }
}

TEST(Heartbeat, AnswersOnlyThoseWhoKnowTheSecret) {
  Desk d;
  const StatsApi api = d.api("beat-1");
  for (const char* known : {"beat-1", "Bearer beat-1", "  Bearer   beat-1 ", " beat-1 ", "bearer beat-1"}) {
    const http::Reply reply = d.send(api, http::Verb::kPost, "/api/heartbeat", {{"authorization", known}});
    EXPECT_EQ(reply.status, 200) << known;
    EXPECT_EQ(reply.body, R"({"status":"ok","checked_at":"2026-02-17T10:00:00Z"})");
    EXPECT_EQ(reply.headers, (http::Pairs{{"Cache-Control", "no-store"}}));
    EXPECT_FALSE(reply.is_payload);
  }
  for (const char* wrong :
       {"", "Bearer", "Bearer ", "beat-2", "Bearer beat-10", "Bearer beat-", "Basic beat-1", "Bearer Bearer beat-1"}) {
    const http::Reply reply = d.send(api, http::Verb::kPost, "/api/heartbeat", {{"Authorization", wrong}});
    EXPECT_EQ(reply.status, 403) << wrong;
    EXPECT_EQ(reply.body, R"({"error":"unauthorized"})");
    EXPECT_EQ(reply.headers, (http::Pairs{{"Cache-Control", "no-store"}}));
  }
  EXPECT_EQ(d.send(api, http::Verb::kPost, "/api/heartbeat").status, 403);
}

std::string benchmark_of(Desk& d) {
  d.t.clock.advance_us(BenchmarkFile::kLifeUs);
  const http::Reply reply = d.send(d.api(), http::Verb::kGet, "/api/benchmark-latest");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers, kBenchmarkHeaders);
  const std::size_t end = reply.body.find(R"(,"generated_at":"2026-02-17T10:0)");
  EXPECT_NE(end, std::string::npos) << reply.body;
  return reply.body.substr(0, end);
}

TEST(BenchmarkLatest, IsPendingWithoutAnArtifact) {
  Desk d;
  const std::string pending =
      R"({"system":"nexusrag","schema_version":1,"status":"pending","latest":null,"previous_run":null)";
  EXPECT_EQ(benchmark_of(d), pending);
  BenchmarkFile none(d.t.clock, {});
  EXPECT_EQ(none.current().status, "pending");
}

TEST(BenchmarkLatest, ShowsTheArtifact) {
  Desk d;
  d.artifact(R"({"latest":{"p95_ms":1.5,"runs":[1,2]},"previous_run":null,"extra":1})");
  EXPECT_EQ(benchmark_of(d), R"({"system":"nexusrag","schema_version":1,"status":"ok","latest":{"p95_ms":1.5,)"
                             R"("runs":[1,2]},"previous_run":null)");
  d.artifact(R"({"status":"stale","latest":{},"previous_run":{"a":1}})");
  EXPECT_EQ(benchmark_of(d),
            R"({"system":"nexusrag","schema_version":1,"status":"stale","latest":{},"previous_run":{"a":1})");
  d.artifact(R"({"status":5,"latest":"text"})");
  EXPECT_EQ(benchmark_of(d),
            R"({"system":"nexusrag","schema_version":1,"status":"ok","latest":null,"previous_run":null)");
}

TEST(BenchmarkLatest, IsDegradedWhenTheArtifactCannotBeRead) {
  Desk d;
  const std::string degraded =
      R"({"system":"nexusrag","schema_version":1,"status":"degraded","latest":null,"previous_run":null)";
  for (const std::string& text : {std::string("{"), std::string("[]"), std::string(),
                                  R"({"latest":")" + std::string(1024 * 1024, 'x') + R"("})"}) {
    d.artifact(text);
    EXPECT_EQ(benchmark_of(d), degraded);
  }
}

TEST(BenchmarkLatest, IsReadAgainAfterAWhileOnly) {
  Desk d;
  d.artifact(R"({"status":"one"})");
  EXPECT_EQ(d.benchmark.current().status, "one");
  d.artifact(R"({"status":"two"})");
  EXPECT_EQ(d.benchmark.current().status, "one");
  d.t.clock.advance_us(BenchmarkFile::kLifeUs);
  EXPECT_EQ(d.benchmark.current().status, "two");
}

}  // namespace
}  // namespace nexus::stats
