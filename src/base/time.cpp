#include "base/time.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace nexus {
namespace {

struct Civil {
  int year;
  unsigned month, day, hour, minute, second;
  std::int64_t fraction_us;
};

Civil civil(Timestamp t) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::microseconds(t.us));
  const std::chrono::year_month_day ymd{std::chrono::sys_days(days)};
  const std::int64_t in_day = t.us - std::chrono::microseconds(days).count();
  const std::int64_t seconds = in_day / Timestamp::kSecond;
  return {static_cast<int>(ymd.year()),
          static_cast<unsigned>(ymd.month()),
          static_cast<unsigned>(ymd.day()),
          static_cast<unsigned>(seconds / 3600),
          static_cast<unsigned>(seconds / 60 % 60),
          static_cast<unsigned>(seconds % 60),
          in_day % Timestamp::kSecond};
}

/// A cursor over the digits of an ISO text; every reader returns false instead of throwing.
class IsoReader {
 public:
  explicit IsoReader(std::string_view text) : text_(text) {}

  bool number(int digits, int& out) {
    if (text_.size() < static_cast<std::size_t>(digits)) return false;
    int value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = text_[static_cast<std::size_t>(i)];
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(static_cast<std::size_t>(digits));
    out = value;
    return true;
  }
  bool literal(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool done() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  void skip() { text_.remove_prefix(1); }

 private:
  std::string_view text_;
};

bool read_fraction(IsoReader& in, std::int64_t& us) {
  us = 0;
  std::int64_t scale = 100'000;
  int digits = 0;
  while (in.peek() >= '0' && in.peek() <= '9') {
    us += (in.peek() - '0') * scale;
    scale /= 10;
    in.skip();
    if (++digits > 9) return false;
  }
  return digits > 0;
}

bool read_offset(IsoReader& in, std::int64_t& offset_s) {
  offset_s = 0;
  if (in.done()) return true;
  if (in.literal('Z') || in.literal('z')) return in.done();
  const char sign = in.peek();
  if (sign != '+' && sign != '-') return false;
  in.skip();
  int hours = 0;
  int minutes = 0;
  if (!in.number(2, hours)) return false;
  const bool has_colon = in.literal(':');
  if ((has_colon || !in.done()) && !in.number(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  offset_s = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
  return in.done();
}

}  // namespace

std::string iso(Timestamp t) {
  const Civil c = civil(t);
  if (c.fraction_us == 0)
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}+00:00", c.year, c.month, c.day, c.hour, c.minute, c.second);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}+00:00", c.year, c.month, c.day, c.hour, c.minute,
                     c.second, c.fraction_us);
}

std::string iso_z(Timestamp t) {
  const Civil c = civil(t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

std::optional<Timestamp> parse_iso(std::string_view text) {
  IsoReader in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  if (!in.number(4, year) || !in.literal('-') || !in.number(2, month) || !in.literal('-') || !in.number(2, day))
    return std::nullopt;
  const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                        std::chrono::day(static_cast<unsigned>(day))};
  if (!ymd.ok()) return std::nullopt;
  const std::int64_t days_us = std::chrono::microseconds(std::chrono::sys_days(ymd).time_since_epoch()).count();
  if (in.done()) return Timestamp{days_us};
  if (!in.literal('T') && !in.literal('t') && !in.literal(' ')) return std::nullopt;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!in.number(2, hour) || !in.literal(':') || !in.number(2, minute)) return std::nullopt;
  std::int64_t fraction = 0;
  if (in.literal(':')) {
    if (!in.number(2, second)) return std::nullopt;
    if ((in.literal('.') || in.literal(',')) && !read_fraction(in, fraction)) return std::nullopt;
  }
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::int64_t offset_s = 0;
  if (!read_offset(in, offset_s)) return std::nullopt;
  return Timestamp{days_us + (hour * 3600 + minute * 60 + second - offset_s) * Timestamp::kSecond + fraction};
}

Timestamp SystemClock::now() const {
  return {std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::int64_t SystemClock::steady_us() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace nexus
