#include "modules/limits/rate_gate.h"

#include "base/errors.h"
#include "modules/limits/caller.h"
#include "modules/limits/rate_headers.h"
#include "observe/log.h"

#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace nexus::limits {
namespace {

using http::RouteClass;

constexpr RouteClass kCharged[] = {RouteClass::kRead, RouteClass::kMutation, RouteClass::kOps, RouteClass::kRun};

std::size_t index(RouteClass route_class) {
  return static_cast<std::size_t>(route_class);
}

/// Of somebody who is not known yet.
audit::Event stranger_event(const http::Call& call) {
  audit::Event event{.occurred_at = call.now,
                     .actor_type = "anonymous",
                     .request_id = call.request_id,
                     .ip_address = call.request.client_ip};
  if (const std::string* agent = call.request.header("User-Agent")) event.user_agent = *agent;
  return event;
}

}  // namespace

std::int64_t cost_of(RouteClass route_class) {
  switch (route_class) {
    case RouteClass::kNone:
      return 0;
    case RouteClass::kRun:
      return 3;
    case RouteClass::kRead:
    case RouteClass::kMutation:
    case RouteClass::kOps:
      break;
  }
  return 1;
}

RateGate::RateGate(BucketStore& store, LocalBuckets& local, audit::Log& log, const Clock& clock, RateOptions options,
                   observe::Metrics& metrics)
    : store_(store),
      local_(local),
      log_(log),
      clock_(clock),
      options_(std::move(options)),
      failures_(options_.failure, options_.max_buckets),
      limited_total_(metrics.counter("nexusrag_rate_limited_total")),
      degraded_gauge_(metrics.gauge("nexusrag_rate_limit_degraded")) {
  for (const RouteClass route_class : kCharged) {
    const ClassRates& rates = rates_of(route_class);
    if (rates.key.burst() < cost_of(route_class) || rates.tenant.burst() < cost_of(route_class))
      throw std::invalid_argument("a burst below the cost of one request blocks class " +
                                  std::string(http::to_string(route_class)));
    policies_[index(route_class)] = rate_limit_policy(route_class, rates.key, rates.tenant);
  }
  for (const Scope scope : {Scope::kApiKey, Scope::kTenant, Scope::kAddress, Scope::kCredential})
    for (std::size_t i = 0; i < kClasses; ++i)
      limited_by_[static_cast<std::size_t>(scope)][i] = &metrics.counter(
          "nexusrag_rate_limited_by_total",
          {{"scope", std::string(to_string(scope))}, {"route_class", std::string(http::to_string(RouteClass(i)))}});
}

const ClassRates& RateGate::rates_of(RouteClass route_class) const {
  switch (route_class) {
    case RouteClass::kRun:
      return options_.run;
    case RouteClass::kMutation:
      return options_.mutation;
    case RouteClass::kOps:
      return options_.ops;
    case RouteClass::kRead:
    case RouteClass::kNone:
      break;
  }
  return options_.read;
}

// ---- before and after authentication ----

void RateGate::admit_stranger(const http::Call& call, const std::function<bool()>& is_known) {
  if (!options_.enabled || failures_.size() == 0) return;
  const std::int64_t now_us = clock_.steady_us();
  const auto address = failures_.state(Scope::kAddress, network_of(call.request.client_ip), now_us);
  if (address.clean) return;
  const auto key_id = claimed_key_id(call.request, options_.credential_header);
  const auto credential = key_id ? failures_.state(Scope::kCredential, *key_id, now_us) : FailureBuckets::State{};
  if ((address.wait_ms == 0 && credential.wait_ms == 0) || is_known()) return;
  audit::Event event = stranger_event(call);
  if (key_id) event.metadata["claimed_key_id"] = *key_id;
  if (credential.wait_ms > address.wait_ms) refuse(call, std::move(event), Scope::kCredential, credential.wait_ms);
  refuse(call, std::move(event), Scope::kAddress, address.wait_ms);
}

void RateGate::refused(const http::Call& call) {
  if (!options_.enabled) return;
  const std::int64_t now_us = clock_.steady_us();
  failures_.failed(Scope::kAddress, network_of(call.request.client_ip), now_us);
  if (const auto key_id = claimed_key_id(call.request, options_.credential_header))
    failures_.failed(Scope::kCredential, *key_id, now_us);
}

// ---- who is known ----

void RateGate::charge(http::Call& call) {
  const RouteClass route_class = call.endpoint.spec.route_class;
  if (!options_.enabled || route_class == RouteClass::kNone) return;
  const ClassRates& rates = rates_of(route_class);
  const Take take{.credential_id = call.principal().credential_id,
                  .tenant_id = call.tenant().id(),
                  .route_class = route_class,
                  .cost = cost_of(route_class),
                  .key_rate = rates.key,
                  .tenant_rate = rates.tenant,
                  .now_us = clock_.steady_us()};
  const Decision decision = decide(call, take);
  call.reply_headers.emplace_back("RateLimit-Policy", policies_[index(route_class)]);
  call.reply_headers.emplace_back("RateLimit", rate_limit(route_class, take, decision));
  if (!decision.allowed) refuse(call, audit::event_of(call, {}), decision.denied, decision.retry_after_ms);
}

Decision RateGate::decide(http::Call& call, const Take& take) {
  const Decision decision = store_.decide(take);
  if (!decision.lost) {
    if (degraded_.load(std::memory_order_relaxed) && degraded_.exchange(false)) {
      degraded_gauge_.set(0);
      observe::log_info("the store of the rate limiter answers again");
    }
    return decision;
  }
  note_lost(call);
  if (options_.fail_closed) throw ApiError(errors::kRateLimitUnavailable);
  call.reply_headers.emplace_back("X-RateLimit-Status", "degraded");
  return local_.decide(take);
}

void RateGate::note_lost(const http::Call& call) {
  if (degraded_.exchange(true)) return;  // said once, when it begins
  degraded_gauge_.set(1);
  observe::log_warn("the store of the rate limiter is lost",
                    {{"request_id", call.request_id}, {"refusing", options_.fail_closed}});
  if (options_.fail_closed) return;
  audit::Event event{.occurred_at = call.now,
                     .actor_type = "system",
                     .actor_id = "rate_limit",
                     .event_type = "system.rate_limit.degraded",
                     .success = false,
                     .resource_type = "rate_limit",
                     .request_id = call.request_id};
  event.metadata = {{"route_class", http::to_string(call.endpoint.spec.route_class)},
                    {"path", call.request.path},
                    {"fail_mode", "open"}};
  log_.record_soon(std::move(event));
}

void RateGate::refuse(const http::Call& call, audit::Event event, Scope scope, std::int64_t retry_after_ms) {
  const RouteClass route_class = call.endpoint.spec.route_class;
  limited_total_.add();
  limited_by_[static_cast<std::size_t>(scope)][index(route_class)]->add();
  event.event_type = "security.rate_limited";
  event.success = false;
  event.resource_type = "rate_limit";
  event.error_code = std::string(errors::kRateLimited.code);
  event.metadata["scope"] = to_string(scope);
  event.metadata["route_class"] = http::to_string(route_class);
  event.metadata["retry_after_ms"] = retry_after_ms;
  event.metadata["path"] = call.request.path;
  log_.record_soon(std::move(event));
  throw ApiError(
      errors::kRateLimited, std::string(errors::kRateLimited.message),
      {{"scope", to_string(scope)}, {"route_class", http::to_string(route_class)}, {"retry_after_ms", retry_after_ms}})
      .with_header("Retry-After", retry_after(retry_after_ms))
      .with_header("X-RateLimit-Scope", std::string(to_string(scope)))
      .with_header("X-RateLimit-Route-Class", std::string(http::to_string(route_class)))
      .with_header("X-RateLimit-Retry-After-Ms", std::to_string(retry_after_ms));
}

}  // namespace nexus::limits
