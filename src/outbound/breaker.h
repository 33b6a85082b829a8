#pragma once

#include "outbound/breaker_store.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::observe {
class Counter;
class Metrics;
}  // namespace nexus::observe

namespace nexus::outbound {

/// Spares a service that fails, and its callers: after so many failures in a row its calls are refused for a while,
/// then a few trials decide (contract 02 §12). One per integration. Thread-safe; outlives its permits.
class CircuitBreaker {
 public:
  /// Told of every change of state, on the thread of the call that caused it. Should not throw; what it throws is
  /// logged.
  using Hook = std::function<void(std::string_view integration, BreakerState to)>;

  CircuitBreaker(BreakerStore& store, BreakerPolicy policy, observe::Metrics& metrics, Hook hook = {});

  /// The right to make one call. Says how it went; a permit that is dropped without a word counts as neither, and gives
  /// its trial back. Move-only.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// Anything that proves the service to be well.
    void succeeded() { settle(BreakerOutcome::kSuccess); }
    /// No answer, or a status of 500 and more.
    void failed() { settle(BreakerOutcome::kFailure); }

   private:
    friend class CircuitBreaker;
    Permit(CircuitBreaker& owner, std::string_view integration, BreakerTicket ticket)
        : owner_(&owner), integration_(integration), ticket_(ticket) {}
    void settle(BreakerOutcome outcome);

    CircuitBreaker* owner_;
    std::string integration_;
    BreakerTicket ticket_;
  };

  /// Empty when the call must not be made.
  [[nodiscard]] std::optional<Permit> admit(std::string_view integration);
  [[nodiscard]] BreakerState state(std::string_view integration) const { return store_.state(integration); }
  /// Closes it by hand.
  void reset(std::string_view integration);

 private:
  void tell(std::string_view integration, std::optional<BreakerState> changed);

  BreakerStore& store_;
  const BreakerPolicy policy_;
  observe::Metrics& metrics_;
  observe::Counter& opened_;
  const Hook hook_;
};

}  // namespace nexus::outbound
