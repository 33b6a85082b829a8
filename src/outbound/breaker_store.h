#pragma once

#include "base/time.h"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::outbound {

enum class BreakerState : std::uint8_t { kClosed, kHalfOpen, kOpen };
/// "closed", "half_open", "open".
[[nodiscard]] std::string_view to_string(BreakerState state);

enum class BreakerOutcome : std::uint8_t {
  kSuccess,
  kFailure,
  kNeither,  ///< says nothing about the service: a 4xx, a cancelled call
};

/// Settings CB_*.
struct BreakerPolicy {
  int failure_threshold = 5;          ///< failures in a row that open
  std::int64_t open_us = 30'000'000;  ///< refusing, before trials; also how long a trial may stay without a word
  int half_open_trials = 2;           ///< calls let through while half open
};

/// What a call needs to report its outcome.
struct BreakerTicket {
  std::uint64_t generation = 0;
  bool trial = false;
};

struct BreakerAdmission {
  bool allowed = false;
  BreakerTicket ticket;
  std::optional<BreakerState> changed_to;  ///< this call moved the breaker
};

/// The state of one breaker and its rules, without clock or lock: a store in another process follows the same steps. A
/// generation is the time between two changes of state; outcomes of calls from an earlier one are ignored, so that what
/// was sent before the breaker opened cannot close it.
struct BreakerRecord {
  BreakerState state = BreakerState::kClosed;
  int failures = 0;                ///< in a row, while closed
  int trials = 0;                  ///< let through and without a word yet, while half open
  std::int64_t since_us = 0;       ///< when it opened
  std::int64_t last_trial_us = 0;  ///< when the latest trial was let through
  std::uint64_t generation = 0;

  [[nodiscard]] BreakerAdmission admit(const BreakerPolicy& policy, std::int64_t now_us);
  /// The new state, when the outcome changed it.
  std::optional<BreakerState> settle(const BreakerPolicy& policy, BreakerTicket ticket, BreakerOutcome outcome,
                                     std::int64_t now_us);

 private:
  void move_to(BreakerState next);
};

/// Where breakers live: in this process, or shared by all replicas. Each call is one atomic step on the store's own
/// clock. Thread-safe. Does not throw when its service is down: it goes on with local state.
class BreakerStore {
 public:
  virtual ~BreakerStore() = default;
  [[nodiscard]] virtual BreakerAdmission admit(std::string_view name, const BreakerPolicy& policy) = 0;
  virtual std::optional<BreakerState> settle(std::string_view name, const BreakerPolicy& policy, BreakerTicket ticket,
                                             BreakerOutcome outcome) = 0;
  /// As stored: an open breaker whose time is up says so until the next call.
  [[nodiscard]] virtual BreakerState state(std::string_view name) const = 0;
  /// True when it was not closed.
  virtual bool reset(std::string_view name) = 0;
};

/// Breakers of this process. Names are literals of the code, so their number is bounded.
class LocalBreakerStore final : public BreakerStore {
 public:
  explicit LocalBreakerStore(const Clock& clock) : clock_(clock) {}
  [[nodiscard]] BreakerAdmission admit(std::string_view name, const BreakerPolicy& policy) override;
  std::optional<BreakerState> settle(std::string_view name, const BreakerPolicy& policy, BreakerTicket ticket,
                                     BreakerOutcome outcome) override;
  [[nodiscard]] BreakerState state(std::string_view name) const override;
  bool reset(std::string_view name) override;

 private:
  BreakerRecord& record(std::string_view name);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<std::string, BreakerRecord, std::less<>> records_;
};

}  // namespace nexus::outbound
