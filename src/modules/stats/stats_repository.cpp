#include "modules/stats/stats_repository.h"

namespace nexus::stats {
namespace {

using db::Statement;

constexpr Statement kCountQueries{"stats.count_queries", R"(
  SELECT count(*) FROM (SELECT 1 FROM query_log LIMIT $1) AS counted)"};

constexpr Statement kCountQueriesSince{"stats.count_queries_since", R"(
  SELECT count(*) FROM (SELECT 1 FROM query_log WHERE completed_at >= $1 LIMIT $2) AS counted)"};

constexpr Statement kCountChunks{"stats.count_chunks", R"(
  SELECT count(*) FROM (SELECT 1 FROM chunks LIMIT $1) AS counted)"};

constexpr Statement kLatencies{"stats.latencies", R"(
  SELECT latency_ms, count(*), CAST(sum(retrieved_chunks) AS bigint) FROM (
    SELECT latency_ms, retrieved_chunks FROM query_log WHERE completed_at >= $1
    ORDER BY completed_at DESC LIMIT $2) AS latest
  GROUP BY latency_ms ORDER BY latency_ms)"};

// Without the lower bound SQLite would scan and sort the table instead of walking the index from its end.
constexpr Statement kLastSuccess{"stats.last_success", R"(
  SELECT completed_at FROM query_log WHERE completed_at >= $1 AND status = 'ok' ORDER BY completed_at DESC LIMIT 1)"};

constexpr Statement kMarkMinute{"stats.mark_minute", R"(
  INSERT INTO uptime_minutes (minute) VALUES ($1) ON CONFLICT (minute) DO NOTHING)"};

constexpr Statement kForgetMinutes{"stats.forget_minutes", "DELETE FROM uptime_minutes WHERE minute < $1"};

constexpr Statement kFirstMinute{"stats.first_minute", "SELECT min(minute) FROM uptime_minutes WHERE minute >= $1"};

constexpr Statement kCountMinutes{"stats.count_minutes", R"(
  SELECT count(*) FROM uptime_minutes WHERE minute >= $1 AND minute < $2)"};

constexpr const Statement* kStatsStatements[] = {&kCountQueries,  &kCountQueriesSince, &kCountChunks,
                                                 &kLatencies,     &kLastSuccess,       &kMarkMinute,
                                                 &kForgetMinutes, &kFirstMinute,       &kCountMinutes};

std::int64_t only_number(db::Cursor row) {
  return row.next() ? row.i64(0) : 0;
}

}  // namespace

std::int64_t StatsRepository::count_queries(db::Snapshot& db, std::int64_t most) const {
  return only_number(db.query(kCountQueries, most));
}

std::int64_t StatsRepository::count_queries_since(db::Snapshot& db, Timestamp since, std::int64_t most) const {
  return only_number(db.query(kCountQueriesSince, since, most));
}

std::int64_t StatsRepository::count_chunks(db::Snapshot& db, std::int64_t most) const {
  return only_number(db.query(kCountChunks, most));
}

std::vector<LatencyGroup> StatsRepository::latencies(db::Snapshot& db, Timestamp since, std::int64_t most) const {
  db::Cursor rows = db.query(kLatencies, since, most);
  std::vector<LatencyGroup> groups;
  while (rows.next())
    groups.push_back({.latency_ms = rows.i64(0), .queries = rows.i64(1), .retrieved_chunks = rows.i64(2)});
  return groups;
}

std::optional<Timestamp> StatsRepository::last_success(db::Snapshot& db) const {
  db::Cursor row = db.query(kLastSuccess, Timestamp{0});
  return row.next() ? row.opt_time(0) : std::nullopt;
}

void StatsRepository::mark_minute(db::Tx& tx, std::int64_t minute) const {
  tx.exec(kMarkMinute, minute);
}

void StatsRepository::forget_minutes(db::Tx& tx, std::int64_t before) const {
  tx.exec(kForgetMinutes, before);
}

std::optional<std::int64_t> StatsRepository::first_minute(db::Snapshot& db, std::int64_t from) const {
  db::Cursor row = db.query(kFirstMinute, from);
  return row.next() ? row.opt_i64(0) : std::nullopt;
}

std::int64_t StatsRepository::count_minutes(db::Snapshot& db, std::int64_t from, std::int64_t until) const {
  return only_number(db.query(kCountMinutes, from, until));
}

db::StatementList stats_statements() {
  return kStatsStatements;
}

}  // namespace nexus::stats
