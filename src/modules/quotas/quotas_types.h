#pragma once

#include "base/time.h"
#include "modules/quotas/ports.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::quotas {

enum class Period : std::uint8_t { kDay, kMonth };
/// "day", "month": as stored and as sent.
[[nodiscard]] std::string_view to_string(Period period);

/// The UTC day and month that a moment belongs to, by their first instants.
struct Periods {
  Timestamp day;
  Timestamp month;

  [[nodiscard]] Timestamp start(Period period) const { return period == Period::kDay ? day : month; }
  friend bool operator==(const Periods&, const Periods&) = default;
};
[[nodiscard]] Periods periods_of(Timestamp at);
/// "2026-02-17" or "2026-02".
[[nodiscard]] std::string period_name(Period period, Timestamp start);

/// What a tenant may use; a null limit is unlimited, 0 blocks everything. The initialisers are those of a tenant that
/// has no row.
struct Limits {
  std::optional<std::int64_t> daily_requests;
  std::optional<std::int64_t> monthly_requests;
  std::optional<std::int64_t> daily_tokens;
  std::optional<std::int64_t> monthly_tokens;
  double soft_cap_ratio = 0.8;
  bool hard_cap_enabled = true;

  [[nodiscard]] bool caps_requests() const { return hard_cap_enabled && (daily_requests || monthly_requests); }
  [[nodiscard]] const std::optional<std::int64_t>& requests(Period period) const {
    return period == Period::kDay ? daily_requests : monthly_requests;
  }
  [[nodiscard]] const std::optional<std::int64_t>& tokens(Period period) const {
    return period == Period::kDay ? daily_tokens : monthly_tokens;
  }
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// The limits that a plan gives: the rest is as for every tenant without a row.
[[nodiscard]] Limits limits_of(const DefaultLimits& plan);

/// One row of usage_counters.
struct Counted {
  std::int64_t requests = 0;
  std::optional<std::int64_t> tokens;  ///< empty: none were ever counted

  friend bool operator==(const Counted&, const Counted&) = default;
};

/// Where a tenant stands in the periods of one moment: limits and use, unflushed use of this process included.
struct Standing {
  Limits limits;
  std::int64_t day_requests = 0;
  std::int64_t month_requests = 0;
  std::int64_t day_tokens = 0;
  std::int64_t month_tokens = 0;

  [[nodiscard]] std::int64_t requests(Period period) const {
    return period == Period::kDay ? day_requests : month_requests;
  }
  [[nodiscard]] std::int64_t tokens(Period period) const { return period == Period::kDay ? day_tokens : month_tokens; }
  /// limit > 0 and used >= limit * ratio
  [[nodiscard]] bool soft_cap_reached(Period period) const;
  [[nodiscard]] bool over_limit(Period period) const {
    return limits.requests(period) && requests(period) > *limits.requests(period);
  }
};

/// Why a request is refused.
struct Refusal {
  Period period = Period::kDay;
  bool tokens = false;  ///< the token quota, not that of requests
};

}  // namespace nexus::quotas
