#pragma once

#include "app/shared_state.h"
#include "base/time.h"
#include "config/settings.h"
#include "db/database.h"
#include "exec/periodic.h"
#include "modules/audit/ports.h"
#include "modules/auth/operators.h"
#include "modules/billing/billing_outbox.h"
#include "modules/billing/webhook_handler.h"
#include "modules/idempotency/idempotency_gate.h"
#include "modules/jobs/worker.h"
#include "modules/limits/local_buckets.h"
#include "modules/limits/rate_gate.h"
#include "modules/limits/redis_buckets.h"
#include "modules/plans/entitlement_cache.h"
#include "modules/plans/plans_service.h"
#include "modules/quotas/quota_ledger.h"
#include "modules/usage/usage_counters.h"
#include "observe/metrics.h"
#include "outbound/breaker.h"
#include "outbound/breaker_store.h"
#include "outbound/curl_client.h"

#include <atomic>
#include <memory>

namespace nexus::app {

/// What a tenant may do: its plan and the right to change it. The command line needs no more.
struct Entitled {
  Entitled(const config::Settings& settings, db::Database& db, audit::Log& audit, const Clock& clock);

  auth::Operators operators;
  plans::EntitlementCache entitlements;
  plans::PlansService plans;
};

/// The one way to other machines, with its breakers.
struct Outside {
  /// `ca_file` empty: OUTBOUND_CA_FILE.
  Outside(const config::Settings& settings, const SharedState& shared, audit::Log& audit, const Clock& clock,
          observe::Metrics& metrics, const std::string& ca_file = {});

  std::unique_ptr<outbound::BreakerStore> breaker_store;
  outbound::CircuitBreaker breaker;
  outbound::CurlClient client;  ///< close() ends what is under way
};

/// Delivers billing events, in the server and in worker processes.
struct Deliveries {
  Deliveries(const config::Settings& settings, SharedState& shared, db::Database& db, audit::Log& audit,
             outbound::Client& client, const Clock& clock, observe::Metrics& metrics);

  billing::WebhookHandler handler;
  jobs::Worker worker;
  SharedState::Listening listening;
};

/// How much a tenant may do: rates, quotas, repeated requests, and what follows from them. One server process.
class Enforcement {
 public:
  /// Borrows everything.
  Enforcement(const config::Settings& settings, const SharedState& shared, db::Database& db, audit::Log& audit,
              billing::Outbox& outbox, Entitled& entitled, const Clock& clock, observe::Metrics& metrics);

  limits::LocalBuckets buckets;
  std::unique_ptr<limits::RedisBuckets> shared_buckets;  ///< null without Redis
  limits::RateGate rates;
  usage::UsageCounters usage;
  quotas::QuotaLedger ledger;
  idempotency::IdempotencyGate idempotency;

  /// Begins to write counts behind the requests, on a thread of its own: other maintenance must not hold it up.
  void start();
  /// What else must happen now and then.
  void schedule(exec::Periodic& periodic);
  /// Writes what is still only in memory. After the last request. Failures are logged: the process ends anyway.
  void stop() noexcept;

 private:
  void flush();

  const config::Settings& settings_;
  bool flush_fails_ = false;  // said once, not twenty times a second
  exec::Periodic flusher_;
};

[[nodiscard]] billing::WebhookOptions webhook_options(const config::Settings& settings);

}  // namespace nexus::app
