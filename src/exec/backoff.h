#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

namespace nexus::exec {

/// A number in [0, 1). Injected, so that tests own the dice.
using Random = std::function<double()>;

struct BackoffPolicy {
  std::int64_t first_us = 1'000;     ///< upper bound of the first wait
  std::int64_t most_us = 1'000'000;  ///< no wait is longer
  double factor = 2.0;               ///< growth per attempt, at least 1
  double jitter = 0.5;               ///< share of each wait that is drawn at random, 0…1
};

/// Growing waits between attempts. Each lies in [bound * (1 - jitter), bound), so that those who failed together do not
/// return together. Not thread-safe.
class Backoff {
 public:
  Backoff(BackoffPolicy policy, Random random)
      : policy_(policy), random_(std::move(random)), bound_us_(static_cast<double>(policy.first_us)) {}

  /// The wait before the next attempt, in microseconds.
  [[nodiscard]] std::int64_t next_us() {
    const double bound = std::min(bound_us_, static_cast<double>(policy_.most_us));
    bound_us_ = std::min(bound * std::max(policy_.factor, 1.0), static_cast<double>(policy_.most_us));
    ++attempts_;
    return static_cast<std::int64_t>(bound * (1.0 - policy_.jitter * (1.0 - random_())));
  }
  /// Starts over after a success.
  void reset() {
    bound_us_ = static_cast<double>(policy_.first_us);
    attempts_ = 0;
  }
  [[nodiscard]] int attempts() const { return attempts_; }

 private:
  BackoffPolicy policy_;
  Random random_;
  double bound_us_;
  int attempts_ = 0;
};

}  // namespace nexus::exec
