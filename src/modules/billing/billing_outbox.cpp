#include "modules/billing/billing_outbox.h"

#include "base/ids.h"
#include "json/json.h"
#include "modules/billing/message.h"
#include "modules/maintenance/ports.h"

#include <string>
#include <utility>

namespace nexus::billing {

BillingOutbox::BillingOutbox(const Clock& clock, WebhookOptions options, AfterStored after_stored)
    : clock_(clock), options_(std::move(options)), after_stored_(std::move(after_stored)) {}

void BillingOutbox::enqueue(db::Tx& tx, const TenantScope& tenant, std::string_view event_type,
                            const boost::json::object& fields, std::string_view dedupe_key) {
  if (!problem_of(options_).empty()) return;
  const Timestamp now = clock_.now();
  const NewDelivery delivery{.delivery_id = uuid4(),
                             .event_type = event_type,
                             .dedupe_key = dedupe_key,
                             .payload = event_payload(event_type, tenant.id(), fields, now),
                             .job_id = uuid4(),
                             .created_at = now};
  if (repository_.insert(tx, tenant, delivery)) schedule(tx, tenant, delivery.delivery_id, delivery.job_id, now);
}

bool BillingOutbox::revive(db::Tx& tx, const TenantScope& tenant, std::string_view delivery_id) {
  const std::string job_id = uuid4();
  if (!repository_.revive(tx, tenant, delivery_id, job_id)) return false;
  schedule(tx, tenant, delivery_id, job_id, clock_.now());
  return true;
}

void BillingOutbox::schedule(db::Tx& tx, const TenantScope& tenant, std::string_view delivery_id,
                             const std::string& job_id, Timestamp now) {
  std::string payload;
  json::Writer(payload).begin_object().field("delivery_id", delivery_id).end_object();
  jobs_.enqueue(tx,
                {.id = job_id,
                 .tenant_id = tenant.id(),
                 .kind = std::string(kWebhookJob),
                 .payload = std::move(payload),
                 .dedupe_key = std::string(delivery_id),
                 .run_at = now},
                now);
  if (after_stored_) tx.after_commit(after_stored_);
}

std::int64_t BillingOutbox::prune(db::Database& database, Timestamp before, const std::stop_token& stop) const {
  constexpr std::int64_t kBatch = 1'000;
  return maintenance::in_batches(database, kBatch, stop,
                                 [&](db::Tx& tx) { return repository_.prune(tx, before, kBatch); });
}

}  // namespace nexus::billing
