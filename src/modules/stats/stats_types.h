#pragma once

#include "base/time.h"

#include <cstdint>
#include <optional>

namespace nexus::stats {

/// What the public sees of the query log (contract 01 §14), over all tenants and already capped.
struct Aggregates {
  std::int64_t queries_total = 0;
  std::int64_t queries_24h = 0;
  std::int64_t queries_7d = 0;
  std::int64_t p50_latency_ms = 0;  ///< over 24 h, interpolated, truncated; 0 without queries
  std::int64_t p95_latency_ms = 0;
  std::int64_t avg_retrieval_size = 0;
  std::int64_t indexed_chunks = 0;
  std::optional<Timestamp> last_active_at;  ///< end of the last query that succeeded
  double uptime_pct_30d = 100.0;
};

/// Caps of the contract. They also bound the work: nothing is counted beyond them.
namespace cap {
inline constexpr std::int64_t kQueriesTotal = 10'000'000;
inline constexpr std::int64_t kQueries24h = 1'000'000;
inline constexpr std::int64_t kQueries7d = 7'000'000;
inline constexpr std::int64_t kLatencyMs = 600'000;
inline constexpr std::int64_t kRetrievalSize = 10'000;
inline constexpr std::int64_t kIndexedChunks = 100'000'000;
/// Latencies that percentiles and mean look at, the latest of the 24 h: exact below it.
inline constexpr std::int64_t kSampled = 100'000;
}  // namespace cap

}  // namespace nexus::stats
