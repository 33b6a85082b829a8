#include "app/enforcement.h"

#include "app/tracing.h"
#include "base/encoding.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "exec/dice.h"
#include "exec/periodic.h"
#include "observe/log.h"

#include <algorithm>
#include <utility>

namespace nexus::app {
namespace {

constexpr std::int64_t kMs = 1000;

limits::Rate rate(const config::Settings& s, const config::Setting<double>& per_second,
                  const config::Setting<std::int64_t>& burst) {
  return {s.get(per_second), s.get(burst)};
}

limits::RateOptions rate_options(const config::Settings& s) {
  limits::RateOptions options;
  options.enabled = s.get(config::kRateLimitEnabled);
  options.max_buckets = static_cast<std::size_t>(s.get(config::kRlMaxBuckets));
  options.credential_header = s.get(config::kAuthApiKeyHeader);
  if (!options.enabled) return options;  // whatever the rates say then, it is no reason not to start
  options.fail_closed = ascii_lower(s.get(config::kRlFailMode)) == "closed";
  options.run = {rate(s, config::kRlKeyRunRps, config::kRlKeyRunBurst),
                 rate(s, config::kRlTenantRunRps, config::kRlTenantRunBurst)};
  options.mutation = {rate(s, config::kRlKeyMutationRps, config::kRlKeyMutationBurst),
                      rate(s, config::kRlTenantMutationRps, config::kRlTenantMutationBurst)};
  options.read = {rate(s, config::kRlKeyReadRps, config::kRlKeyReadBurst),
                  rate(s, config::kRlTenantReadRps, config::kRlTenantReadBurst)};
  options.ops = {rate(s, config::kRlKeyOpsRps, config::kRlKeyOpsBurst),
                 rate(s, config::kRlTenantOpsRps, config::kRlTenantOpsBurst)};
  options.failure = rate(s, config::kRlFailureRps, config::kRlFailureBurst);
  return options;
}

quotas::LedgerOptions ledger_options(const config::Settings& s) {
  quotas::LedgerOptions options;
  options.leases.most_units = s.get(config::kQuotaLeaseUnits);
  return options;
}

idempotency::IdempotencyOptions idempotency_options(const config::Settings& s) {
  idempotency::IdempotencyOptions options;
  options.enabled = s.get(config::kIdempotencyEnabled);
  options.ttl_us = s.get(config::kIdempotencyTtlHours) * 3600 * Timestamp::kSecond;
  options.lease_us = s.get(config::kIdempotencyLeaseS) * Timestamp::kSecond;
  options.max_body_bytes = static_cast<std::size_t>(s.get(config::kIdempotencyMaxBodyBytes));
  const Secret& keyring = s.get(config::kKeyringMasterKey);
  const Secret& pepper = s.get(config::kApiKeyPepper);
  options.secret = keyring.empty() ? pepper : keyring;
  if (!keyring.empty() && !pepper.empty()) options.former_secrets.push_back(pepper);
  return options;
}

outbound::ClientOptions client_options(const config::Settings& s, const std::string& ca_file) {
  outbound::ClientOptions options;
  options.timeout_ms = s.get(config::kExtCallTimeoutMs);
  options.max_response_bytes = static_cast<std::size_t>(s.get(config::kOutboundMaxResponseBytes));
  options.allow_private = s.get(config::kOutboundAllowPrivate);
  options.retry.attempts = static_cast<int>(s.get(config::kExtRetryMaxAttempts));
  options.retry.backoff_ms = s.get(config::kExtRetryBackoffMs);
  options.transfer.connect_timeout_ms = s.get(config::kOutboundConnectTimeoutMs);
  options.transfer.proxy = s.get(config::kOutboundProxy);
  options.transfer.no_proxy = s.get(config::kOutboundNoProxy);
  options.transfer.ca_file = ca_file.empty() ? s.get(config::kOutboundCaFile) : ca_file;
  options.loop.max_running = static_cast<std::size_t>(s.get(config::kOutboundMaxConcurrency));
  return options;
}

outbound::BreakerPolicy breaker_policy(const config::Settings& s) {
  return {.failure_threshold = static_cast<int>(s.get(config::kCbFailureThreshold)),
          .open_us = s.get(config::kCbOpenSeconds) * Timestamp::kSecond,
          .half_open_trials = static_cast<int>(s.get(config::kCbHalfOpenTrials))};
}

/// A change of a breaker's state concerns the platform, not a tenant.
outbound::CircuitBreaker::Hook audited(audit::Log& audit, const Clock& clock) {
  return [&audit, &clock](std::string_view integration, outbound::BreakerState to) {
    const std::string type = "system.circuit_breaker." + std::string(outbound::to_string(to));
    audit.record_soon({.occurred_at = clock.now(),
                       .actor_type = "system",
                       .event_type = type,
                       .resource_type = "system",
                       .resource_id = type,
                       .metadata = {{"integration", integration}}});
  };
}

jobs::WorkerOptions delivery_worker(const config::Settings& s) {
  return {.threads = 1,
          .max_attempts = static_cast<int>(s.get(config::kBillingWebhookMaxAttempts)),
          .lease_us = s.get(config::kJobLeaseS) * Timestamp::kSecond,
          .poll_us = s.get(config::kJobPollIntervalMs) * kMs,
          .backoff_us = billing::kFirstBackoffUs,
          .backoff_max_us = billing::kMostBackoffUs,
          .heartbeat_us = s.get(config::kJobHeartbeatS) * Timestamp::kSecond};
}

template <class Step>
void logged(const char* what, const Step& step) noexcept {
  try {
    step();
  } catch (const std::exception& e) {
    observe::log_error(what, {{"reason", e.what()}});
  }
}

}  // namespace

billing::WebhookOptions webhook_options(const config::Settings& s) {
  return {.enabled = s.get(config::kBillingWebhookEnabled),
          .url = s.get(config::kBillingWebhookUrl).value_or(""),
          .secret = s.get(config::kBillingWebhookSecret),
          .timeout_ms = std::min(s.get(config::kBillingWebhookTimeoutMs), s.get(config::kExtCallTimeoutMs))};
}

Entitled::Entitled(const config::Settings& settings, db::Database& db, audit::Log& audit, const Clock& clock)
    : operators(config::split_list(settings.get(config::kPlatformOperatorTenants))),
      entitlements(db, clock),
      plans(db, audit, entitlements, clock) {}

Outside::Outside(const config::Settings& settings, const SharedState& shared, audit::Log& audit, const Clock& clock,
                 observe::Metrics& metrics, const std::string& ca_file)
    : breaker_store(shared.breakers()),
      breaker(*breaker_store, breaker_policy(settings), metrics, audited(audit, clock)),
      client(client_options(settings, ca_file), clock, metrics, breaker,
             {.random = exec::dice(), .add_headers = [](const outbound::Request&, outbound::Headers& headers) {
                add_trace_headers(headers);
              }}) {}

Deliveries::Deliveries(const config::Settings& settings, SharedState& shared, db::Database& db, audit::Log& audit,
                       outbound::Client& client, const Clock& clock, observe::Metrics& metrics)
    : handler(db, clock, client, audit, webhook_options(settings), metrics),
      worker(db, clock, handler, delivery_worker(settings), metrics),
      listening(shared, worker, billing::kWebhookJob, false) {}

Enforcement::Enforcement(const config::Settings& settings, const SharedState& shared, db::Database& db,
                         audit::Log& audit, billing::Outbox& outbox, Entitled& entitled, const Clock& clock,
                         observe::Metrics& metrics)
    : buckets(static_cast<std::size_t>(settings.get(config::kRlMaxBuckets))),
      shared_buckets(shared.client() == nullptr ? nullptr
                                                : std::make_unique<limits::RedisBuckets>(
                                                      *shared.client(), buckets, settings.get(config::kRlRedisPrefix))),
      rates(shared_buckets ? static_cast<limits::BucketStore&>(*shared_buckets) : buckets, buckets, audit, clock,
            rate_options(settings), metrics),
      usage(db),
      ledger(db, audit, outbox, entitled.entitlements, clock, metrics, ledger_options(settings), {&usage}),
      idempotency(db, clock, idempotency_options(settings), metrics),
      settings_(settings),
      flusher_(clock, exec::dice()) {}

void Enforcement::start() {
  flusher_.add({.name = "usage.flush",
                .interval_us = settings_.get(config::kUsageFlushIntervalMs) * kMs,
                .jitter = 0,
                .run = [this](const std::stop_token&) { flush(); }});
  flusher_.start();
}

void Enforcement::flush() {
  try {
    ledger.flush();
    flush_fails_ = false;
  } catch (const db::Error& e) {
    if (!std::exchange(flush_fails_, true))
      observe::log_error("usage could not be written; it is kept and tried again", {{"reason", e.what()}});
  }
}

void Enforcement::schedule(exec::Periodic& periodic) {
  periodic.add({.name = "quotas.refresh", .interval_us = 500 * kMs, .run = [this](const std::stop_token&) {
                  ledger.refresh();
                }});
  periodic.add({.name = "idempotency.renew",
                .interval_us = settings_.get(config::kIdempotencyLeaseS) * Timestamp::kSecond / 4,
                .run = [this](const std::stop_token&) { idempotency.renew(); }});
}

void Enforcement::stop() noexcept {
  flusher_.stop();
  logged("usage that was not written is lost", [&] { ledger.stop(); });
}

}  // namespace nexus::app
