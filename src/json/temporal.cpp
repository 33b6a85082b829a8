#include "json/temporal.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace nexus::schema::detail {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;
constexpr double kMillisecondsFrom = 2e10;
constexpr double kYear10000 = 253'402'300'800.0;  // seconds
constexpr double kYear1600 = -11'676'096'000.0;

/// Reads a date and time front to back; the first problem stays.
class MomentReader {
 public:
  explicit MomentReader(std::string_view text) : text_(text) {}

  void date() {
    if (text_.size() < 10) return fail("input is too short");
    const int year = digits(0, 4, "invalid character in year");
    expect_dash(4);
    const int month = digits(5, 2, "invalid character in month");
    expect_dash(7);
    const int day = digits(8, 2, "invalid character in day");
    if (problem_) return;
    if (month < 1 || month > 12) return fail("month value is outside expected range of 1-12");
    const std::chrono::year_month_day ymd{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                          std::chrono::day(static_cast<unsigned>(day))};
    if (!ymd.ok()) return fail("day value is outside expected range");
    us_ = std::int64_t{std::chrono::sys_days(ymd).time_since_epoch().count()} * kDayUs;
    at_ = 10;
  }

  void separator() {
    if (problem_) return;
    if (at_ >= text_.size()) return fail("input is too short");
    const char c = text_[at_++];
    if (c != 'T' && c != 't' && c != ' ' && c != '_')
      fail("invalid datetime separator, expected `T`, `t`, `_` or space");
  }

  void time() {
    if (problem_) return;
    if (text_.size() - at_ < 5) return fail("input is too short");
    const int hour = digits(at_, 2, "invalid character in hour");
    if (!problem_ && text_[at_ + 2] != ':') fail("invalid time separator, expected `:`");
    const int minute = digits(at_ + 3, 2, "invalid character in minute");
    if (problem_) return;
    if (hour > 23) return fail("hour value is outside expected range of 0-23");
    if (minute > 59) return fail("minute value is outside expected range of 0-59");
    us_ += (hour * 3600 + minute * 60) * kSecondUs;
    at_ += 5;
    if (peek() == ':') second();
  }

  void offset() {
    if (problem_ || at_ == text_.size()) return;
    const char sign = text_[at_++];
    if (sign == 'Z' || sign == 'z') return;
    if (sign != '+' && sign != '-') {
      --at_;
      return;
    }
    const int hours = digits(at_, 2, "invalid timezone hour");
    at_ += 2;
    if (peek() == ':') ++at_;
    const int minutes = digits(at_, 2, "invalid timezone minute");
    at_ += 2;
    if (problem_) return;
    if (minutes > 59) return fail("timezone minute value is outside expected range of 0-59");
    if (hours > 23) return fail("timezone offset must be less than 24 hours");
    us_ += (hours * 3600 + minutes * 60) * (sign == '-' ? kSecondUs : -kSecondUs);
  }

  [[nodiscard]] Moment finish() {
    if (!problem_ && at_ < text_.size()) fail("unexpected extra characters at the end of the input");
    return {us_, problem_};
  }

 private:
  void fail(const char* problem) {
    if (!problem_) problem_ = problem;
  }
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  int digits(std::size_t at, std::size_t count, const char* problem) {
    int value = 0;
    for (std::size_t i = at; i < at + count && !problem_; ++i) {
      if (i >= text_.size()) {
        fail("input is too short");
      } else if (text_[i] < '0' || text_[i] > '9') {
        fail(problem);
      } else {
        value = value * 10 + (text_[i] - '0');
      }
    }
    return value;
  }
  void expect_dash(std::size_t at) {
    if (!problem_ && text_[at] != '-') fail("invalid date separator, expected `-`");
  }
  void second() {
    const int seconds = digits(at_ + 1, 2, "invalid character in second");
    if (problem_) return;
    if (seconds > 59) return fail("second value is outside expected range of 0-59");
    us_ += seconds * kSecondUs;
    at_ += 3;
    if (peek() != '.' && peek() != ',') return;
    ++at_;
    if (peek() < '0' || peek() > '9') return fail("second fraction value is missing");
    for (std::int64_t scale = kSecondUs / 10; peek() >= '0' && peek() <= '9'; ++at_, scale /= 10)
      us_ += (text_[at_] - '0') * scale;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t us_ = 0;
  const char* problem_ = nullptr;
};

bool number_text(std::string_view text, double& number) {
  if (text.empty() || text.find_first_not_of("+-.0123456789") != std::string_view::npos) return false;
  if (text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Moment read_unix_time(double number) {
  if (!std::isfinite(number)) return {0, "NaN values not permitted"};
  const double seconds = std::abs(number) > kMillisecondsFrom ? number / 1000.0 : number;
  if (seconds >= kYear10000) return {0, "dates after 9999 are not supported as unix timestamps"};
  if (seconds < kYear1600) return {0, "dates before 1600 are not supported as unix timestamps"};
  const double whole = std::floor(seconds);
  return {static_cast<std::int64_t>(whole) * kSecondUs +
              static_cast<std::int64_t>(std::llround((seconds - whole) * static_cast<double>(kSecondUs))),
          nullptr};
}

Moment read_date_text(std::string_view text) {
  MomentReader reader(text);
  reader.date();
  const Moment moment = reader.finish();
  double number = 0;
  return moment.problem != nullptr && number_text(text, number) ? read_unix_time(number) : moment;
}

Moment read_datetime_text(std::string_view text) {
  MomentReader reader(text);
  reader.date();
  reader.separator();
  reader.time();
  reader.offset();
  const Moment moment = reader.finish();
  double number = 0;
  return moment.problem != nullptr && number_text(text, number) ? read_unix_time(number) : moment;
}

}  // namespace nexus::schema::detail
