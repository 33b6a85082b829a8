#pragma once

#include <cstdint>
#include <string_view>

/// Dates and times as the original's input models read them: RFC 3339 with some latitude, and Unix times in seconds or
/// milliseconds. Internal to the schema reader, which puts the reasons into its problems.
namespace nexus::schema::detail {

struct Moment {
  std::int64_t us = 0;            ///< since 1970, UTC
  const char* problem = nullptr;  ///< why there is none
};

/// `YYYY-MM-DD`, or a Unix time; the time of day of a Unix time is kept.
[[nodiscard]] Moment read_date_text(std::string_view text);
/// `YYYY-MM-DD(T| |_)HH:MM[:SS[.f]][Z|±HH[:]MM]` or a Unix time. No offset means UTC.
[[nodiscard]] Moment read_datetime_text(std::string_view text);
/// Seconds, or milliseconds beyond ±2e10.
[[nodiscard]] Moment read_unix_time(double number);

}  // namespace nexus::schema::detail
