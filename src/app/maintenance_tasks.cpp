#include "app/maintenance_tasks.h"

#include "config/settings_table.h"
#include "modules/documents/object_sweep.h"
#include "modules/idempotency/ports.h"
#include "modules/jobs/ports.h"
#include "modules/quotas/counter_pruner.h"
#include "modules/usage/rollup_pruner.h"

#include <string>

namespace nexus::app {
namespace {

using maintenance::in_batches;
using maintenance::Order;

std::int64_t prune_audit(audit::AuditLog& log, std::int64_t days, const Order& order) {
  const std::vector<std::string> chains = order.tenant ? std::vector{order.tenant->id()} : log.chains();
  std::int64_t removed = 0;
  for (const std::string& chain : chains) {
    if (order.stop.stop_requested()) break;
    removed += log.prune(chain, order.now - days * Timestamp::kDay, order.stop).events;
  }
  return removed;
}

std::int64_t prune_idempotency(db::Database& db, const Order& order) {
  return in_batches(db, idempotency::kPruneBatch, order.stop, [&](db::Tx& tx) {
    return order.tenant ? idempotency::prune(tx, *order.tenant, order.now) : idempotency::prune(tx, order.now);
  });
}

/// Counts the counters that quotas are made of; the roll-ups of the dashboards go with them.
std::int64_t prune_usage(db::Database& db, const Clock& clock, std::int64_t days, const Order& order) {
  const quotas::CounterPruner counters(db, clock);
  const usage::RollUpPruner roll_ups(db, clock);
  if (order.tenant) {
    roll_ups.prune(*order.tenant, days);
    return counters.prune(*order.tenant, days);
  }
  roll_ups.prune_all(days);
  return counters.prune_all(days);
}

std::int64_t prune_jobs(db::Database& db, std::int64_t days, const Order& order) {
  db.write([&](db::Tx& tx) { jobs::JobsRepository().forget_workers(tx, order.now - Timestamp::kDay); });
  return in_batches(db, jobs::JobsRepository::kPruneBatch, order.stop,
                    [&](db::Tx& tx) { return jobs::JobsRepository().prune(tx, order.now - days * Timestamp::kDay); });
}

}  // namespace

std::vector<maintenance::Task> maintenance_tasks(const config::Settings& settings, db::Database& db,
                                                 audit::AuditLog& audit, const Clock& clock,
                                                 const documents::ObjectStore& objects,
                                                 const billing::BillingOutbox& billing) {
  const std::int64_t audit_days = settings.get(config::kAuditRetentionDays);
  const std::int64_t usage_days = settings.get(config::kUsageCounterRetentionDays);
  const std::int64_t job_days = settings.get(config::kJobRetentionDays);
  const std::int64_t billing_days = settings.get(config::kBillingWebhookRetentionDays);
  return {
      {"prune_idempotency", [&db](const Order& order) { return prune_idempotency(db, order); }},
      {"prune_audit", [&audit, audit_days](const Order& order) { return prune_audit(audit, audit_days, order); }},
      {"prune_usage",
       [&db, &clock, usage_days](const Order& order) { return prune_usage(db, clock, usage_days, order); }},
      {"prune_billing_deliveries",
       [&db, &billing, billing_days](const Order& order) {
         return billing.prune(db, order.now - billing_days * Timestamp::kDay, order.stop);
       }},
      {"prune_jobs", [&db, job_days](const Order& order) { return prune_jobs(db, job_days, order); }},
      {"sweep_objects",
       [&db, &objects](const Order& order) { return documents::sweep_objects(db, objects, order.now, order.stop); }},
  };
}

}  // namespace nexus::app
