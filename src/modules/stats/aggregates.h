#pragma once

#include "db/database.h"
#include "modules/stats/stats_repository.h"
#include "modules/stats/stats_types.h"

#include <cstdint>
#include <span>

namespace nexus::stats {

/// All numbers of one moment, in one snapshot. Takes as long as counting up to the caps takes: seconds on a large
/// installation. Throws db::Error.
[[nodiscard]] Aggregates aggregate(db::Database& database, Timestamp now);

/// The continuous percentile (as PostgreSQL's percentile_cont) of groups sorted by latency, truncated; `share` in
/// [0, 1]; 0 without queries.
[[nodiscard]] std::int64_t percentile(std::span<const LatencyGroup> groups, double share);

/// Share of the known minutes of the last 30 days in which a server ran, in percent with two decimals, rounded down:
/// 100 means that none is missing. Known are the minutes since the first mark; the current minute is not over and does
/// not count. 100 when none is known.
[[nodiscard]] double uptime_percent(db::Snapshot& db, Timestamp now);

}  // namespace nexus::stats
