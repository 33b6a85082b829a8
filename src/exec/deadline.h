#pragma once

#include "base/time.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace nexus::exec {

/// The moment on the steady clock after which nobody waits for an answer any more. A value; cheap to copy.
class Deadline {
 public:
  /// Never expires.
  [[nodiscard]] static constexpr Deadline none() { return Deadline(kNever); }
  /// `us` microseconds from now; negative counts as zero.
  [[nodiscard]] static Deadline after(const Clock& clock, std::int64_t us) {
    const std::int64_t now = clock.steady_us();
    const std::int64_t wait = std::max<std::int64_t>(us, 0);
    return Deadline(wait > kNever - now ? kNever : now + wait);
  }

  [[nodiscard]] constexpr bool is_none() const { return at_us_ == kNever; }
  [[nodiscard]] bool expired(const Clock& clock) const { return !is_none() && clock.steady_us() >= at_us_; }
  /// Microseconds left, at least 0; absent when there is no deadline.
  [[nodiscard]] std::optional<std::int64_t> remaining_us(const Clock& clock) const {
    if (is_none()) return std::nullopt;
    return std::max<std::int64_t>(at_us_ - clock.steady_us(), 0);
  }
  /// The earlier of two: a call inside a call never outlives it.
  [[nodiscard]] constexpr Deadline earlier(Deadline other) const { return Deadline(std::min(at_us_, other.at_us_)); }

  friend constexpr bool operator==(Deadline, Deadline) = default;

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  explicit constexpr Deadline(std::int64_t at_us) : at_us_(at_us) {}

  std::int64_t at_us_;
};

}  // namespace nexus::exec
