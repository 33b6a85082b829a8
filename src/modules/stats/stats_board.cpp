#include "modules/stats/stats_board.h"

#include "observe/log.h"

#include <algorithm>
#include <exception>

namespace nexus::stats {

std::shared_ptr<const Report> StatsBoard::current() {
  constexpr std::int64_t kRestPerWork = 50;
  std::unique_lock lock(mutex_);
  if (collecting_ && !report_) changed_.wait(lock, [&] { return !collecting_; });
  const std::int64_t begun = clock_.steady_us();
  if (report_ && (collecting_ || begun < stale_at_us_)) return report_;
  collecting_ = true;
  const double known_uptime = report_ ? report_->numbers.uptime_pct_30d : Aggregates{}.uptime_pct_30d;
  lock.unlock();
  auto fresh = std::make_shared<const Report>(take(known_uptime));
  lock.lock();
  const std::int64_t ended = clock_.steady_us();
  report_ = std::move(fresh);
  stale_at_us_ = ended + std::clamp((ended - begun) * kRestPerWork, kLeastLifeUs, kMostLifeUs);
  collecting_ = false;
  changed_.notify_all();
  return report_;
}

Report StatsBoard::take(double known_uptime) const {
  const Timestamp now = clock_.now();
  try {
    return {.numbers = collect_(now), .degraded = false, .generated_at = now};
  } catch (const std::exception& e) {
    observe::log_warn("public statistics are degraded", {{"reason", e.what()}});
    return {.numbers = {.uptime_pct_30d = known_uptime}, .degraded = true, .generated_at = now};
  }
}

}  // namespace nexus::stats
