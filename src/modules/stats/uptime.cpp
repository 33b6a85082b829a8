#include "modules/stats/uptime.h"

namespace nexus::stats {

void UptimeMarks::beat() {
  const std::int64_t minute = minute_of(clock_.now());
  if (marked_.load() == minute) return;
  database_.write(
      [&](db::Tx& tx) {
        repository_.mark_minute(tx, minute);
        repository_.forget_minutes(tx, minute - kUptimeWindowMinutes);
      },
      db::Durability::kRelaxed);
  marked_.store(minute);
}

}  // namespace nexus::stats
