#pragma once

#include "base/time.h"
#include "modules/stats/stats_types.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace nexus::stats {

/// Numbers and when they were taken. `degraded`: they could not be, and are all zero, except for the uptime, which is
/// the last that was known.
struct Report {
  Aggregates numbers;
  bool degraded = false;
  Timestamp generated_at;
};

using Collect = std::function<Aggregates(Timestamp now)>;

/// The last report, renewed on demand. One thread collects at a time; the others meanwhile get the report before, or
/// wait when there is none yet. So the public route costs a bounded share of the database however often it is called:
/// a report lives 50 times as long as it took to collect, within [kLeastLife, kMostLife]. Thread-safe; may block.
class StatsBoard {
 public:
  static constexpr std::int64_t kLeastLifeUs = 2 * Timestamp::kSecond;
  static constexpr std::int64_t kMostLifeUs = 300 * Timestamp::kSecond;

  StatsBoard(const Clock& clock, Collect collect) : clock_(clock), collect_(std::move(collect)) {}

  [[nodiscard]] std::shared_ptr<const Report> current();

 private:
  [[nodiscard]] Report take(double known_uptime) const;

  const Clock& clock_;
  const Collect collect_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Report> report_;  // guarded by mutex_
  std::int64_t stale_at_us_ = 0;          // guarded by mutex_; on the steady clock
  bool collecting_ = false;               // guarded by mutex_
};

}  // namespace nexus::stats
