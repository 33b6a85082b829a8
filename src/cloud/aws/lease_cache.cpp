#include "cloud/aws/lease_cache.h"

#include <algorithm>

namespace nexus::cloud::aws {

LeaseCache::LeaseCache(Fetch fetch, const Clock& clock, LeaseCacheOptions options)
    : fetch_(std::move(fetch)), clock_(clock), options_(options) {}

Credentials LeaseCache::get(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!is_fresh()) {
    const bool good = lease_ && is_good(*lease_);
    if (fetching_) {
      if (good) break;
      wait(lock, stop);
      continue;
    }
    if (failure_ && clock_.steady_us() < failure_->until_us) {
      if (good) break;
      throw CredentialsError(failure_->message);
    }
    try {
      renew(lock, stop);
    } catch (const CredentialsError&) {
      if (!lease_ || !is_good(*lease_)) throw;
    }
    break;
  }
  return lease_->credentials;
}

bool LeaseCache::is_fresh() const {
  return lease_ && is_good(*lease_) && (!lease_->renew_at || clock_.now() < *lease_->renew_at);
}

bool LeaseCache::is_good(const Lease& lease) const {
  return !lease.expires || *lease.expires - clock_.now() > options_.least_good_s * Timestamp::kSecond;
}

void LeaseCache::wait(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  if (!changed_.wait(lock, stop, [this] { return !fetching_; }))
    throw outbound::Error(outbound::Fault::kCancelled, "stopped while waiting for AWS credentials");
}

void LeaseCache::renew(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
  fetching_ = true;
  lock.unlock();
  std::optional<Lease> fetched;
  std::exception_ptr error;
  std::optional<Failure> failure;
  try {
    fetched = fetch_(stop);
    if (!is_good(*fetched))
      throw CredentialsError("the AWS credentials that were given end too soon; is the clock of this machine right?");
  } catch (const CredentialsError& refused) {
    error = std::current_exception();
    failure = Failure{refused.what(), clock_.steady_us() + options_.failure_memory_ms * 1'000};
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  fetching_ = false;
  failure_ = std::move(failure);
  if (!error) keep(*std::move(fetched));
  changed_.notify_all();
  if (error) std::rethrow_exception(error);
}

void LeaseCache::keep(Lease lease) {
  if (lease.expires && !lease.renew_at) {
    const Timestamp now = clock_.now();
    const Timestamp ahead = *lease.expires - options_.renew_ahead_s * Timestamp::kSecond;
    lease.renew_at = std::max(ahead, now + (*lease.expires - now) / 2);
  }
  lease_ = std::move(lease);
}

}  // namespace nexus::cloud::aws
