#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/stats/stats_repository.h"

#include <atomic>
#include <cstdint>

namespace nexus::stats {

inline constexpr std::int64_t kUptimeWindowMinutes = 30 * 24 * 60;

[[nodiscard]] constexpr std::int64_t minute_of(Timestamp at) {
  return at.us / (60 * Timestamp::kSecond);
}

/// Leaves a mark in every minute in which this process serves. Replicas mark the same minute once, so the installation
/// counts as up while any of them is. Thread-safe.
class UptimeMarks {
 public:
  UptimeMarks(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// Call it a few times a minute while requests are served; costs one small write a minute. Also forgets minutes
  /// that are older than the window. Throws db::Error.
  void beat();

 private:
  db::Database& database_;
  const Clock& clock_;
  StatsRepository repository_;
  std::atomic<std::int64_t> marked_{-1};
};

}  // namespace nexus::stats
