#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/billing/billing_repository.h"
#include "modules/billing/billing_types.h"
#include "modules/billing/ports.h"
#include "modules/jobs/ports.h"

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::billing {

/// Called after a commit that left something to deliver: wakes the worker. Must not block.
using AfterStored = std::function<void()>;

/// The outbox: an event and the job that will deliver it, stored by the caller's transaction. Thread-safe.
class BillingOutbox final : public Outbox {
 public:
  /// `options` is kept by value; `after_stored` may be empty (the worker then notices by polling).
  BillingOutbox(const Clock& clock, WebhookOptions options, AfterStored after_stored);

  /// The event is dated now. Stores nothing while problem_of(options) names one.
  void enqueue(db::Tx& tx, const TenantScope& tenant, std::string_view event_type, const boost::json::object& fields,
               std::string_view dedupe_key) override;

  /// Gives a dead delivery all its attempts again, from now; false when it is not dead.
  bool revive(db::Tx& tx, const TenantScope& tenant, std::string_view delivery_id);

  /// Maintenance, all tenants: deletes what was delivered or given up before `before`, in batches until there is none
  /// or `stop` is asked for. Returns how many. A deleted event's dedupe key can be used again, and some stand for a
  /// month: keep longer than that.
  std::int64_t prune(db::Database& database, Timestamp before, const std::stop_token& stop) const;

 private:
  void schedule(db::Tx& tx, const TenantScope& tenant, std::string_view delivery_id, const std::string& job_id,
                Timestamp now);

  const Clock& clock_;
  const WebhookOptions options_;
  const AfterStored after_stored_;
  BillingRepository repository_;
  jobs::JobsRepository jobs_;
};

}  // namespace nexus::billing
