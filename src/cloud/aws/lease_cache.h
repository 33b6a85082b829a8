#pragma once

#include "cloud/aws/lease.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace nexus::cloud::aws {

struct LeaseCacheOptions {
  std::int64_t renew_ahead_s = 600;        ///< before the expiry; of a short lease, at half its time
  std::int64_t least_good_s = 60;          ///< what is handed out serves at least that long
  std::int64_t failure_memory_ms = 5'000;  ///< so long nobody asks again after a failure
};

/// Keeps one lease and renews it before it ends. One thread at a time fetches; the others go on with the old lease
/// while it is good, else they wait. Thread-safe.
class LeaseCache {
 public:
  using Fetch = std::function<Lease(const std::stop_token&)>;

  /// The clock must outlive it. `fetch` runs on the thread of a caller, never twice at once.
  LeaseCache(Fetch fetch, const Clock& clock, LeaseCacheOptions options = {});

  /// Throws what `fetch` throws while nothing good is left, CredentialsError for a failure that is remembered,
  /// outbound::Error(kCancelled) when stopped. A fetch that its caller stopped is no failure for the others.
  [[nodiscard]] Credentials get(const std::stop_token& stop);

 private:
  struct Failure {
    std::string message;
    std::int64_t until_us;
  };

  [[nodiscard]] bool is_fresh() const;
  [[nodiscard]] bool is_good(const Lease& lease) const;
  void wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void renew(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void keep(Lease lease);

  const Fetch fetch_;
  const Clock& clock_;
  const LeaseCacheOptions options_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool fetching_ = false;
  std::optional<Lease> lease_;
  std::optional<Failure> failure_;
};

}  // namespace nexus::cloud::aws
