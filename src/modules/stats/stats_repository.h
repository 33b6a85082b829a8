#pragma once

#include "db/database.h"
#include "modules/stats/stats_types.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace nexus::stats {

/// Queries of one latency.
struct LatencyGroup {
  std::int64_t latency_ms = 0;
  std::int64_t queries = 0;
  std::int64_t retrieved_chunks = 0;  ///< of all of them together
};

/// All SQL of the room. The public numbers are sums over every tenant, so nothing here has a scope. Stateless.
/// Throws db::Error.
class StatsRepository {
 public:
  [[nodiscard]] std::int64_t count_queries(db::Snapshot& db, std::int64_t most) const;
  [[nodiscard]] std::int64_t count_queries_since(db::Snapshot& db, Timestamp since, std::int64_t most) const;
  [[nodiscard]] std::int64_t count_chunks(db::Snapshot& db, std::int64_t most) const;
  /// The latest `most` queries since then, by latency, fastest first.
  [[nodiscard]] std::vector<LatencyGroup> latencies(db::Snapshot& db, Timestamp since, std::int64_t most) const;
  [[nodiscard]] std::optional<Timestamp> last_success(db::Snapshot& db) const;

  void mark_minute(db::Tx& tx, std::int64_t minute) const;
  void forget_minutes(db::Tx& tx, std::int64_t before) const;
  [[nodiscard]] std::optional<std::int64_t> first_minute(db::Snapshot& db, std::int64_t from) const;
  /// Marked minutes in [from, until).
  [[nodiscard]] std::int64_t count_minutes(db::Snapshot& db, std::int64_t from, std::int64_t until) const;
};

[[nodiscard]] db::StatementList stats_statements();

}  // namespace nexus::stats
