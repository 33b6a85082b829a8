#pragma once

#include "base/time.h"
#include "exec/backoff.h"
#include "exec/deadline.h"
#include "outbound/client.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::outbound {

struct RetryOptions {
  int attempts = 2;               ///< of a request that names none
  std::int64_t backoff_ms = 200;  ///< pause after attempt n: backoff · 2^(n−1) · U(0.5, 1.5)
  std::int64_t most_pause_ms = 30'000;
  double budget_share = 0.2;       ///< retries per request in the long run
  double budget_reserve = 10;      ///< retries that may come at once
  double budget_per_second = 0.1;  ///< retries that the rare caller gets besides
};

/// Keeps retries from multiplying an outage: every request pays in a share of a retry, every retry takes a whole one. A
/// bucket per integration, full at first. Thread-safe.
class RetryBudget {
 public:
  RetryBudget(const RetryOptions& options, const Clock& clock) : options_(options), clock_(clock) {}

  void pay_in(std::string_view integration);
  /// False when the budget is used up; nothing is taken then.
  [[nodiscard]] bool take(std::string_view integration);

 private:
  struct Bucket {
    double tokens = 0;
    std::int64_t at_us = 0;
  };
  Bucket& bucket(std::string_view integration);

  const RetryOptions options_;
  const Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Bucket, std::less<>> buckets_;
};

/// Runs the attempts of one request. Only timeouts and network errors are tried again (contract 01 §10): an answer with
/// whatever status is an answer. Thread-safe.
class Retries {
 public:
  /// Waits; throws Error(kCancelled) when the caller or the client stops.
  using Pause = std::function<void(std::int64_t us, const std::stop_token& stop)>;
  using Attempt = std::function<Response()>;

  /// `random` is called under a lock. `on_retry` runs before each attempt after the first.
  Retries(const RetryOptions& options, const Clock& clock, exec::Random random, Pause pause,
          std::function<void()> on_retry);

  /// The answer of the first attempt that has one, with their number; else throws what the last attempt threw. Nothing
  /// is tried again once a sink had a piece of the answer. No attempt starts after the deadline, and no pause is begun
  /// that would outlast it.
  [[nodiscard]] Response run(const Request& request, exec::Deadline deadline, const std::stop_token& stop,
                             const Attempt& attempt);

 private:
  [[nodiscard]] static bool may_repeat(const Request& request, const Error& error);

  const RetryOptions options_;
  const Clock& clock_;
  RetryBudget budget_;
  std::mutex random_mutex_;
  const exec::Random random_;
  const Pause pause_;
  const std::function<void()> on_retry_;
};

}  // namespace nexus::outbound
