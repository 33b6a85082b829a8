#pragma once

#include <cstdint>

namespace nexus::limits {

/// One token in the unit that buckets count in. A rate of R tokens per second is then a whole number of units per
/// microsecond (R · 10⁶), so that refilling is exact however often a bucket is looked at: nobody who waited as long as
/// he was told is refused by a rounding error, and nobody gains from one.
inline constexpr std::int64_t kToken = 1'000'000'000'000;

/// How fast a bucket fills and how much it holds. Immutable.
class Rate {
 public:
  static constexpr double kLeastPerSecond = 0.001;
  static constexpr double kMostPerSecond = 1e6;
  static constexpr std::int64_t kMostBurst = 1'000'000;

  /// `per_second` counts to six decimals. Throws std::invalid_argument for what is outside the bounds, NaN included: a
  /// bucket that never fills would lock its owner out.
  Rate(double per_second, std::int64_t burst);

  [[nodiscard]] std::int64_t units_per_us() const { return units_per_us_; }
  [[nodiscard]] std::int64_t capacity() const { return capacity_; }  ///< units
  [[nodiscard]] std::int64_t burst() const { return capacity_ / kToken; }
  /// Time that an empty bucket takes to fill, rounded up to seconds.
  [[nodiscard]] std::int64_t window_s() const;

  friend bool operator==(const Rate&, const Rate&) = default;

 private:
  std::int64_t units_per_us_;
  std::int64_t capacity_;
};

/// A token bucket (contract 01 §6.2): a level and the moment it was true. Times are microseconds of a clock that does
/// not jump; a caller whose reading is older than the bucket's (it waited for a lock) finds the bucket as it is, and a
/// clock that does go back fills nothing twice.
struct Bucket {
  std::int64_t level = 0;  ///< units
  std::int64_t at_us = 0;

  [[nodiscard]] static Bucket full(const Rate& rate, std::int64_t now_us) { return {rate.capacity(), now_us}; }

  void refill(const Rate& rate, std::int64_t now_us);
  /// Milliseconds until `units` are there, rounded up; 0: they are. Waiting that long is always enough when `units` is
  /// at most the capacity.
  [[nodiscard]] std::int64_t wait_ms(const Rate& rate, std::int64_t units) const;
  /// When it is full if nobody takes any more.
  [[nodiscard]] std::int64_t full_at_us(const Rate& rate) const;
};

}  // namespace nexus::limits
