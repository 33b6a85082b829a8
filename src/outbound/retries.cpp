#include "outbound/retries.h"

#include "outbound/transfer.h"

#include <algorithm>
#include <limits>

namespace nexus::outbound {
namespace {

constexpr double kUsPerSecond = 1e6;

}  // namespace

RetryBudget::Bucket& RetryBudget::bucket(std::string_view integration) {
  const std::int64_t now = clock_.steady_us();
  auto found = buckets_.find(integration);
  if (found == buckets_.end())
    found = buckets_.emplace(std::string(integration), Bucket{options_.budget_reserve, now}).first;
  Bucket& bucket = found->second;
  const double waited = static_cast<double>(std::max<std::int64_t>(now - bucket.at_us, 0)) / kUsPerSecond;
  bucket.tokens = std::min(bucket.tokens + waited * options_.budget_per_second, options_.budget_reserve);
  bucket.at_us = now;
  return bucket;
}

void RetryBudget::pay_in(std::string_view integration) {
  const std::lock_guard lock(mutex_);
  Bucket& b = bucket(integration);
  b.tokens = std::min(b.tokens + options_.budget_share, options_.budget_reserve);
}

bool RetryBudget::take(std::string_view integration) {
  const std::lock_guard lock(mutex_);
  Bucket& b = bucket(integration);
  if (b.tokens < 1) return false;
  b.tokens -= 1;
  return true;
}

Retries::Retries(const RetryOptions& options, const Clock& clock, exec::Random random, Pause pause,
                 std::function<void()> on_retry)
    : options_(options),
      clock_(clock),
      budget_(options, clock),
      random_(std::move(random)),
      pause_(std::move(pause)),
      on_retry_(std::move(on_retry)) {}

bool Retries::may_repeat(const Request& request, const Error& error) {
  if (error.fault() != Fault::kTimeout && error.fault() != Fault::kNetwork) return false;
  if (dynamic_cast<const BrokenOff*>(&error) != nullptr) return false;
  return request.idempotent || dynamic_cast<const NothingSent*>(&error) != nullptr;
}

Response Retries::run(const Request& request, exec::Deadline deadline, const std::stop_token& stop,
                      const Attempt& attempt) {
  const int most = std::max(request.attempts > 0 ? request.attempts : options_.attempts, 1);
  // U(0.5, 1.5) · base is the upper third-to-whole of 1.5 · base.
  exec::Backoff backoff({.first_us = options_.backoff_ms * 1500,
                         .most_us = options_.most_pause_ms * 1000,
                         .factor = 2,
                         .jitter = 2.0 / 3.0},
                        [this] {
                          const std::lock_guard lock(random_mutex_);
                          return random_();
                        });
  budget_.pay_in(request.integration);
  for (int n = 1;; ++n) {
    std::int64_t pause_us = 0;
    try {
      Response response = attempt();
      response.attempts = n;
      return response;
    } catch (const Error& error) {
      if (n >= most || !may_repeat(request, error)) throw;
      pause_us = backoff.next_us();
      if (deadline.remaining_us(clock_).value_or(std::numeric_limits<std::int64_t>::max()) <= pause_us) throw;
      if (!budget_.take(request.integration)) throw;
    }
    pause_(pause_us, stop);
    on_retry_();
  }
}

}  // namespace nexus::outbound
