#include "cloud/google/cached_tokens.h"

#include "observe/log.h"
#include "outbound/client.h"

#include <algorithm>
#include <utility>

namespace nexus::cloud::google {
namespace {

/// What token() promises of a token while a newer one can be had.
constexpr std::int64_t kPromisedUs = 60 * Timestamp::kSecond;

}  // namespace

std::string CachedTokens::token(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (true) {
    const std::int64_t now_us = clock_.steady_us();
    if (is_fresh(now_us)) return current_->text;
    if (fetching_ && is_good(now_us, kPromisedUs)) return current_->text;
    if (fetching_) {
      wait_for_fetch(lock, stop);
    } else if (remembers_failure(now_us)) {
      return old_token_or_failure(now_us);
    } else {
      fetch(lock, stop);
      if (failure_) return old_token_or_failure(clock_.steady_us());
      return current_->text;
    }
  }
}

void CachedTokens::forget(const std::string& token) {
  const Lock lock(mutex_);
  if (current_ && current_->text == token) current_.reset();
}

std::string CachedTokens::quota_project() const {
  const Lock lock(mutex_);
  return quota_project_;
}

bool CachedTokens::is_fresh(std::int64_t now_us) const {
  return current_ && now_us < current_->end_us - std::min(options_.refresh_before_us, current_->lifetime_us / 2);
}

bool CachedTokens::is_good(std::int64_t now_us, std::int64_t for_us) const {
  return current_ && now_us + for_us <= current_->end_us;
}

bool CachedTokens::remembers_failure(std::int64_t now_us) const {
  return failure_ && now_us < failure_->until_us;
}

std::string CachedTokens::old_token_or_failure(std::int64_t now_us) const {
  if (is_good(now_us, 1)) return current_->text;
  throw CredentialsError(failure_->message);
}

/// Leaves either a new token and no failure, or a failure; throws what is neither. The lock is held before and after.
void CachedTokens::fetch(Lock& lock, const std::stop_token& stop) {
  fetching_ = true;
  std::optional<AccessToken> fresh;
  std::optional<Failure> failure;
  lock.unlock();
  try {
    fresh = fetch_(stop);
  } catch (const CredentialsError& error) {
    observe::log_warn("no new token of Google", {{"reason", error.what()}});
    failure = Failure{error.what(), clock_.steady_us() + options_.failure_memory_us};
  } catch (...) {
    lock.lock();
    fetching_ = false;
    fetched_.notify_all();
    throw;
  }
  lock.lock();
  fetching_ = false;
  if (fresh) {
    quota_project_ = fresh->quota_project;
    current_ = std::move(fresh);
  }
  failure_ = std::move(failure);
  fetched_.notify_all();
}

void CachedTokens::wait_for_fetch(Lock& lock, const std::stop_token& stop) {
  const bool ended = fetched_.wait(lock, stop, [this] { return !fetching_; });
  if (!ended) throw outbound::Error(outbound::Fault::kCancelled, "cancelled while waiting for a token of Google");
}

}  // namespace nexus::cloud::google
