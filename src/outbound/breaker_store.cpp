#include "outbound/breaker_store.h"

namespace nexus::outbound {

using enum BreakerState;

std::string_view to_string(BreakerState state) {
  switch (state) {
    case kClosed:
      return "closed";
    case kHalfOpen:
      return "half_open";
    case kOpen:
      return "open";
  }
  return "closed";
}

void BreakerRecord::move_to(BreakerState next) {
  state = next;
  failures = 0;
  trials = 0;
  ++generation;
}

BreakerAdmission BreakerRecord::admit(const BreakerPolicy& policy, std::int64_t now_us) {
  BreakerAdmission out;
  if (state == kOpen && now_us - since_us >= policy.open_us) {
    move_to(kHalfOpen);
    out.changed_to = kHalfOpen;
  }
  if (state == kOpen) return out;
  if (state == kHalfOpen) {
    // A trial that never reports, because its process died, must not hold its place for ever.
    if (trials >= policy.half_open_trials && now_us - last_trial_us >= policy.open_us) trials = 0;
    if (trials >= policy.half_open_trials) return out;
    ++trials;
    last_trial_us = now_us;
    out.ticket.trial = true;
  }
  out.allowed = true;
  out.ticket.generation = generation;
  return out;
}

std::optional<BreakerState> BreakerRecord::settle(const BreakerPolicy& policy, BreakerTicket ticket,
                                                  BreakerOutcome outcome, std::int64_t now_us) {
  if (ticket.generation != generation) return std::nullopt;
  switch (outcome) {
    case BreakerOutcome::kNeither:
      if (ticket.trial && trials > 0) --trials;
      return std::nullopt;
    case BreakerOutcome::kSuccess:
      failures = 0;
      if (state == kClosed) return std::nullopt;
      move_to(kClosed);
      return kClosed;
    case BreakerOutcome::kFailure:
      if (state == kClosed && ++failures < policy.failure_threshold) return std::nullopt;
      move_to(kOpen);
      since_us = now_us;
      return kOpen;
  }
  return std::nullopt;
}

BreakerRecord& LocalBreakerStore::record(std::string_view name) {
  const auto found = records_.find(name);
  return found == records_.end() ? records_[std::string(name)] : found->second;
}

BreakerAdmission LocalBreakerStore::admit(std::string_view name, const BreakerPolicy& policy) {
  const std::lock_guard lock(mutex_);
  return record(name).admit(policy, clock_.steady_us());
}

std::optional<BreakerState> LocalBreakerStore::settle(std::string_view name, const BreakerPolicy& policy,
                                                      BreakerTicket ticket, BreakerOutcome outcome) {
  const std::lock_guard lock(mutex_);
  return record(name).settle(policy, ticket, outcome, clock_.steady_us());
}

BreakerState LocalBreakerStore::state(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = records_.find(name);
  return found == records_.end() ? kClosed : found->second.state;
}

bool LocalBreakerStore::reset(std::string_view name) {
  const std::lock_guard lock(mutex_);
  BreakerRecord& r = record(name);
  const bool changed = r.state != kClosed;
  const std::uint64_t generation = r.generation + 1;  // calls under way report to the past
  r = BreakerRecord{};
  r.generation = generation;
  return changed;
}

}  // namespace nexus::outbound
