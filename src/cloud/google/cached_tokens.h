#pragma once

#include "base/time.h"
#include "cloud/google/tokens.h"
#include "cloud/google/wire.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace nexus::cloud::google {

struct CacheOptions {
  /// A token is refreshed this long before its end, or at half of its life when that is later.
  std::int64_t refresh_before_us = 240 * Timestamp::kSecond;
  /// How long a failure stands before anybody asks again.
  std::int64_t failure_memory_us = 5 * Timestamp::kSecond;
};

/// One token for all threads. At most one fetch runs; it runs on the thread that noticed the need, so nothing is left
/// to end at shut-down. While a token is good for a minute, the others go on with it; without one they wait for that
/// fetch and share its outcome. When a refresh fails, the old token is used to its end, and a failure is repeated from
/// memory, so that an outage costs one attempt every few seconds. A fetch that its caller cancels is no failure: the
/// next waiter takes it over. Thread-safe; must outlive its callers.
class CachedTokens final : public TokenSource {
 public:
  /// Throws CredentialsError, outbound::Error(kCancelled). Never runs twice at the same time.
  using Fetch = std::function<AccessToken(const std::stop_token& stop)>;

  CachedTokens(const CacheOptions& options, Fetch fetch, const Clock& clock)
      : options_(options), fetch_(std::move(fetch)), clock_(clock) {}

  [[nodiscard]] std::string token(const std::stop_token& stop) override;
  void forget(const std::string& token) override;
  [[nodiscard]] std::string quota_project() const override;

 private:
  struct Failure {
    std::string message;
    std::int64_t until_us = 0;
  };
  using Lock = std::unique_lock<std::mutex>;

  [[nodiscard]] bool is_fresh(std::int64_t now_us) const;
  [[nodiscard]] bool is_good(std::int64_t now_us, std::int64_t for_us) const;
  [[nodiscard]] bool remembers_failure(std::int64_t now_us) const;
  [[nodiscard]] std::string old_token_or_failure(std::int64_t now_us) const;
  void fetch(Lock& lock, const std::stop_token& stop);
  void wait_for_fetch(Lock& lock, const std::stop_token& stop);

  const CacheOptions options_;
  const Fetch fetch_;
  const Clock& clock_;

  mutable std::mutex mutex_;
  std::condition_variable_any fetched_;
  bool fetching_ = false;
  std::optional<AccessToken> current_;
  std::optional<Failure> failure_;
  std::string quota_project_;  // of the last token; a forgotten one leaves it for the calls under way
};

}  // namespace nexus::cloud::google
