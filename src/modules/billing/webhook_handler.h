#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/audit/ports.h"
#include "modules/billing/billing_repository.h"
#include "modules/billing/billing_types.h"
#include "modules/billing/outcome.h"
#include "modules/jobs/ports.h"
#include "observe/metrics.h"
#include "outbound/client.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::billing {

/// Delivers the events of the outbox, each by a job. At least once: a process that dies between the receiver's answer
/// and its own commit sends again, under the same delivery id. Events of one tenant may overtake each other.
/// Leases, backoff and the number of attempts are the worker's.
class WebhookHandler final : public jobs::Handler {
 public:
  WebhookHandler(db::Database& database, const Clock& clock, outbound::Client& client, audit::Log& audit,
                 WebhookOptions options, observe::Metrics& metrics);

  [[nodiscard]] std::string_view kind() const override { return kWebhookJob; }
  void run(jobs::Lease& lease) override;
  /// Marks the delivery dead and audits `billing.webhook.failure`.
  void on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
               bool permanent) override;

 private:
  void count(std::string_view event_type, std::string_view result);
  void settle(jobs::Lease& lease, const Delivery& delivery, const Outcome& outcome);

  db::Database& database_;
  const Clock& clock_;
  outbound::Client& client_;
  audit::Log& audit_;
  const WebhookOptions options_;
  observe::Metrics& metrics_;
  BillingRepository repository_;
};

/// Backoff of the worker of these jobs; with the default of BILLING_WEBHOOK_MAX_ATTEMPTS (16) a receiver may be away
/// for half a day.
inline constexpr std::int64_t kFirstBackoffUs = 5 * Timestamp::kSecond;
inline constexpr std::int64_t kMostBackoffUs = 3 * 3600 * Timestamp::kSecond;

}  // namespace nexus::billing
