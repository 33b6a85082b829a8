#include "outbound/breaker.h"

#include "observe/log.h"
#include "observe/metrics.h"

#include <exception>
#include <utility>

namespace nexus::outbound {
namespace {

double gauge_value(BreakerState state) {
  switch (state) {
    case BreakerState::kClosed:
      return 0;
    case BreakerState::kHalfOpen:
      return 0.5;
    case BreakerState::kOpen:
      return 1;
  }
  return 0;
}

}  // namespace

CircuitBreaker::CircuitBreaker(BreakerStore& store, BreakerPolicy policy, observe::Metrics& metrics, Hook hook)
    : store_(store),
      policy_(policy),
      metrics_(metrics),
      opened_(metrics.counter("nexusrag_circuit_breaker_open_total")),
      hook_(std::move(hook)) {}

CircuitBreaker::Permit::Permit(Permit&& other) noexcept
    : owner_(std::exchange(other.owner_, nullptr)),
      integration_(std::move(other.integration_)),
      ticket_(other.ticket_) {}

CircuitBreaker::Permit::~Permit() {
  try {
    settle(BreakerOutcome::kNeither);
  } catch (const std::exception& e) {
    observe::log_error("a circuit breaker was not told of a call's end",
                       {{"integration", integration_}, {"reason", e.what()}});
  }
}

void CircuitBreaker::Permit::settle(BreakerOutcome outcome) {
  if (owner_ == nullptr) return;
  CircuitBreaker& owner = *std::exchange(owner_, nullptr);
  owner.tell(integration_, owner.store_.settle(integration_, owner.policy_, ticket_, outcome));
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::admit(std::string_view integration) {
  const BreakerAdmission admission = store_.admit(integration, policy_);
  tell(integration, admission.changed_to);
  if (!admission.allowed) return std::nullopt;
  return Permit(*this, integration, admission.ticket);
}

void CircuitBreaker::reset(std::string_view integration) {
  tell(integration, store_.reset(integration) ? std::optional(BreakerState::kClosed) : std::nullopt);
}

void CircuitBreaker::tell(std::string_view integration, std::optional<BreakerState> changed) {
  if (!changed) return;
  const std::string name(integration);
  const std::string state(to_string(*changed));
  if (*changed == BreakerState::kOpen) opened_.add();
  metrics_.counter("nexusrag_circuit_breaker_transitions_total", {{"integration", name}, {"state", state}}).add();
  metrics_.gauge("nexusrag_circuit_breaker_state", {{"integration", name}}).set(gauge_value(*changed));
  observe::log(*changed == BreakerState::kOpen ? observe::Level::kWarn : observe::Level::kInfo,
               "circuit breaker changed", {{"integration", name}, {"state", state}});
  if (!hook_) return;
  try {
    hook_(integration, *changed);
  } catch (const std::exception& e) {
    observe::log_error("a hook of a circuit breaker failed", {{"integration", name}, {"reason", e.what()}});
  }
}

}  // namespace nexus::outbound
