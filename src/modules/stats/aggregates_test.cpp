#include "modules/stats/aggregates.h"

#include "base/ids.h"
#include "modules/stats/uptime.h"
#include "support/call_fixture.h"
#include "support/sql_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::stats {
namespace {

struct Log {
  testing::TestCall t;

  void query(std::int64_t ago_s, std::int64_t latency_ms, std::int64_t chunks = 4, const std::string& status = "ok") {
    const Timestamp at = t.clock.now() - ago_s * Timestamp::kSecond;
    t.database->run_script(
        fmt::format("INSERT INTO query_log (id, query_id, started_at, completed_at, latency_ms, retrieved_chunks, "
                    "status) VALUES ('{0}', '{0}', {1}, {1}, {2}, {3}, '{4}')",
                    uuid4(), testing::sql_time(at), latency_ms, chunks, status));
  }
  [[nodiscard]] Aggregates now() { return aggregate(*t.database, t.clock.now()); }
};

constexpr std::int64_t kHourS = 3600;
constexpr std::int64_t kDayS = 24 * kHourS;

TEST(StatsAggregates, AreZeroOnAnEmptyInstallation) {
  Log log;
  const Aggregates n = log.now();
  EXPECT_EQ(n.queries_total + n.queries_24h + n.queries_7d + n.p50_latency_ms + n.p95_latency_ms, 0);
  EXPECT_EQ(n.avg_retrieval_size + n.indexed_chunks, 0);
  EXPECT_EQ(n.last_active_at, std::nullopt);
  EXPECT_EQ(n.uptime_pct_30d, 100.0);
}

TEST(StatsAggregates, CountEachQueryInItsWindows) {
  Log log;
  log.query(8 * kDayS, 9'000, 100);
  log.query(2 * kDayS, 9'000, 100);
  log.query(kDayS, 10, 3);  // just inside
  log.query(kHourS, 20, 4);
  log.query(60, 30, 8, "error");
  const Aggregates n = log.now();
  EXPECT_EQ(n.queries_total, 5);
  EXPECT_EQ(n.queries_7d, 4);
  EXPECT_EQ(n.queries_24h, 3);
  EXPECT_EQ(n.p50_latency_ms, 20);
  EXPECT_EQ(n.p95_latency_ms, 29);  // 20 + 0.9 * 10
  EXPECT_EQ(n.avg_retrieval_size, 5);
  EXPECT_EQ(n.last_active_at, log.t.clock.now() - kHourS * Timestamp::kSecond) << "errors are no activity";
}

TEST(StatsAggregates, CountChunksOfAllTenants) {
  Log log;
  for (const std::string tenant : {"t1", "t2", "t2"})
    log.t.database->run_script(
        fmt::format("INSERT INTO chunks (id, tenant_id, corpus_id, document_uri, chunk_index, text, metadata_json, "
                    "created_at) VALUES ('{}', '{}', 'c', 'u', 0, 'x', '{{}}', {})",
                    uuid4(), tenant, testing::sql_time({1})));
  EXPECT_EQ(log.now().indexed_chunks, 3);
}

TEST(StatsAggregates, AreCapped) {
  Log log;
  log.query(1, 3'000'000, 50'000);
  const Aggregates n = log.now();
  EXPECT_EQ(n.p50_latency_ms, 600'000);
  EXPECT_EQ(n.p95_latency_ms, 600'000);
  EXPECT_EQ(n.avg_retrieval_size, 10'000);
}

TEST(StatsRepository, CountsNoFurtherThanAsked) {
  Log log;
  for (int i = 0; i < 5; ++i) log.query(i, 100 + i);
  log.t.database->read([&](db::Snapshot& db) {
    const StatsRepository repository;
    EXPECT_EQ(repository.count_queries(db, 3), 3);
    EXPECT_EQ(repository.count_queries(db, 9), 5);
    EXPECT_EQ(repository.count_queries_since(db, {0}, 4), 4);
    const std::vector<LatencyGroup> latest = repository.latencies(db, {0}, 2);
    ASSERT_EQ(latest.size(), 2U);
    EXPECT_EQ(latest[0].latency_ms, 100);
    EXPECT_EQ(latest[1].latency_ms, 101);
  });
}

TEST(StatsRepository, PreparesAllItsStatements) {
  testing::TestCall t;
  EXPECT_EQ(t.database->check_statements(stats_statements()), std::vector<std::string>{});
}

TEST(StatsPercentile, InterpolatesAsPostgresDoes) {
  const std::vector<LatencyGroup> four{{10, 1, 0}, {20, 1, 0}, {30, 1, 0}, {40, 1, 0}};
  EXPECT_EQ(percentile(four, 0.5), 25);
  EXPECT_EQ(percentile(four, 0.95), 38);  // 38.5
  EXPECT_EQ(percentile(four, 0.0), 10);
  EXPECT_EQ(percentile(four, 1.0), 40);
  EXPECT_EQ(percentile(std::vector<LatencyGroup>{{7, 1, 0}}, 0.95), 7);
  EXPECT_EQ(percentile({}, 0.5), 0);
  const std::vector<LatencyGroup> grouped{{1, 99, 0}, {1'000, 1, 0}};
  EXPECT_EQ(percentile(grouped, 0.95), 1);
  EXPECT_EQ(percentile(grouped, 0.995), 505);  // place 98.505: 1 + 0.505 * 999
}

struct Marks {
  testing::TestCall t;
  UptimeMarks marks{*t.database, t.clock};

  void run_minutes(int minutes) {
    for (int beat = 0; beat < 3 * minutes; ++beat) {
      marks.beat();
      t.clock.advance_s(20);
    }
  }
  [[nodiscard]] double percent() {
    return t.database->read([&](db::Snapshot& db) { return uptime_percent(db, t.clock.now()); });
  }
  [[nodiscard]] std::int64_t stored() {
    return t.database->read(
        [&](db::Snapshot& db) { return StatsRepository().count_minutes(db, 0, std::int64_t{1} << 40); });
  }
};

TEST(StatsUptime, IsWholeWhileEveryMinuteIsMarked) {
  Marks m;
  EXPECT_EQ(m.percent(), 100.0) << "nothing is known";
  m.marks.beat();
  EXPECT_EQ(m.percent(), 100.0) << "no minute is over";
  m.run_minutes(10);
  EXPECT_EQ(m.percent(), 100.0);
  EXPECT_EQ(m.stored(), 10);
}

TEST(StatsUptime, FallsWithEveryMinuteDown) {
  Marks m;
  m.run_minutes(30);
  m.t.clock.advance_s(10 * 60);
  EXPECT_EQ(m.percent(), 75.0);
  m.run_minutes(5);
  EXPECT_EQ(m.percent(), 77.77);  // 35 of 45, rounded down
}

TEST(StatsUptime, LooksBackThirtyDaysAndForgetsTheRest) {
  Marks m;
  m.run_minutes(5);
  m.t.clock.advance_s(31 * kDayS);
  EXPECT_EQ(m.percent(), 100.0) << "no mark lies in the window";
  m.run_minutes(2);
  EXPECT_EQ(m.percent(), 100.0);
  EXPECT_EQ(m.stored(), 2);
}

TEST(StatsUptime, ReplicasMarkAMinuteOnce) {
  Marks m;
  UptimeMarks other(*m.t.database, m.t.clock);
  m.marks.beat();
  other.beat();
  EXPECT_EQ(m.stored(), 1);
}

}  // namespace
}  // namespace nexus::stats
