#include "modules/stats/aggregates.h"

#include "modules/stats/uptime.h"

#include <algorithm>
#include <cmath>

namespace nexus::stats {
namespace {

/// The value at a place of the sorted queries, counted from 0.
std::int64_t value_at(std::span<const LatencyGroup> groups, std::int64_t place) {
  for (const LatencyGroup& group : groups) {
    if (place < group.queries) return group.latency_ms;
    place -= group.queries;
  }
  return groups.back().latency_ms;
}

std::int64_t queries_of(std::span<const LatencyGroup> groups) {
  std::int64_t total = 0;
  for (const LatencyGroup& group : groups) total += group.queries;
  return total;
}

std::int64_t mean_retrieval(std::span<const LatencyGroup> groups) {
  const std::int64_t queries = queries_of(groups);
  if (queries == 0) return 0;
  std::int64_t chunks = 0;
  for (const LatencyGroup& group : groups) chunks += group.retrieved_chunks;
  return std::llround(static_cast<double>(chunks) / static_cast<double>(queries));
}

}  // namespace

std::int64_t percentile(std::span<const LatencyGroup> groups, double share) {
  const std::int64_t queries = queries_of(groups);
  if (queries == 0) return 0;
  const double place = share * static_cast<double>(queries - 1);
  const auto below = static_cast<std::int64_t>(std::floor(place));
  const auto low = static_cast<double>(value_at(groups, below));
  const auto high = static_cast<double>(value_at(groups, std::min(below + 1, queries - 1)));
  return static_cast<std::int64_t>(low + (place - std::floor(place)) * (high - low));
}

double uptime_percent(db::Snapshot& db, Timestamp now) {
  const StatsRepository repository;
  const std::int64_t current = minute_of(now);
  const std::optional<std::int64_t> first = repository.first_minute(db, current - kUptimeWindowMinutes);
  if (!first || *first >= current) return 100.0;
  const std::int64_t hundredths = repository.count_minutes(db, *first, current) * 10'000 / (current - *first);
  return static_cast<double>(hundredths) / 100.0;
}

Aggregates aggregate(db::Database& database, Timestamp now) {
  const StatsRepository repository;
  return database.read([&](db::Snapshot& db) {
    const Timestamp day_ago = now - Timestamp::kDay;
    const std::vector<LatencyGroup> groups = repository.latencies(db, day_ago, cap::kSampled);
    return Aggregates{.queries_total = repository.count_queries(db, cap::kQueriesTotal),
                      .queries_24h = repository.count_queries_since(db, day_ago, cap::kQueries24h),
                      .queries_7d = repository.count_queries_since(db, now - 7 * Timestamp::kDay, cap::kQueries7d),
                      .p50_latency_ms = std::min(percentile(groups, 0.5), cap::kLatencyMs),
                      .p95_latency_ms = std::min(percentile(groups, 0.95), cap::kLatencyMs),
                      .avg_retrieval_size = std::min(mean_retrieval(groups), cap::kRetrievalSize),
                      .indexed_chunks = repository.count_chunks(db, cap::kIndexedChunks),
                      .last_active_at = repository.last_success(db),
                      .uptime_pct_30d = uptime_percent(db, now)};
  });
}

}  // namespace nexus::stats
