#pragma once

#include "base/time.h"
#include "outbound/breaker_store.h"
#include "redis/client.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::redis {

/// Breakers that all replicas share (contract 02 §12): a hash `<prefix>:<name>` with the described fields `state`,
/// `failures`, `opened_at` (seconds) and `half_open_trials`, and `generation`, `since_us`, `last_trial_us` of ours. The
/// scripts follow outbound::BreakerRecord step by step, on the server's clock. While Redis does not answer, breakers of
/// this process go on. Thread-safe; each call is one round trip, at most the client's command timeout.
class SharedBreakers final : public outbound::BreakerStore {
 public:
  /// Both outlive this. `prefix` is CB_REDIS_PREFIX; `keep_us` the time after which a breaker that nobody asks about is
  /// forgotten, and so closed: the contract's max(4 · CB_OPEN_SECONDS, 60 s).
  SharedBreakers(Client& client, const Clock& clock, std::string prefix, std::int64_t keep_us);

  [[nodiscard]] outbound::BreakerAdmission admit(std::string_view name, const outbound::BreakerPolicy& policy) override;
  std::optional<outbound::BreakerState> settle(std::string_view name, const outbound::BreakerPolicy& policy,
                                               outbound::BreakerTicket ticket,
                                               outbound::BreakerOutcome outcome) override;
  [[nodiscard]] outbound::BreakerState state(std::string_view name) const override;
  bool reset(std::string_view name) override;

 private:
  [[nodiscard]] std::string key_of(std::string_view name) const;

  Client& client_;
  const std::string prefix_;
  const std::int64_t keep_us_;
  outbound::LocalBreakerStore local_;
  const Script admit_;
  const Script settle_;
};

}  // namespace nexus::redis
