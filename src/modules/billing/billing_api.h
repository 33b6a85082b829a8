#pragma once

#include "base/time.h"
#include "db/database.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/auth/ports.h"
#include "modules/billing/billing_outbox.h"
#include "modules/billing/billing_repository.h"
#include "modules/billing/billing_types.h"
#include "modules/billing/outcome.h"
#include "modules/jobs/ports.h"
#include "observe/metrics.h"
#include "outbound/client.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::billing {

struct WebhookTestResult {
  bool sent = false;
  std::optional<std::int64_t> status_code;
  std::string delivery_id;
  std::string message;
};

struct ListDeliveries {
  std::optional<std::string> tenant_id;
  std::optional<std::string> state;
  std::int64_t limit = 50;
  std::optional<std::string> cursor;
};

struct DeliveryPath {
  std::string delivery_id;
};

/// A delivery without its payload, which may quote a tenant's words.
struct DeliveryView {
  std::string delivery_id;
  std::string tenant_id;
  std::string event_type;
  std::string state;
  std::int64_t attempts = 0;
  std::optional<std::int64_t> status_code;
  std::optional<std::string> last_error;
  Timestamp created_at;
  std::optional<Timestamp> last_attempt_at;
  std::optional<Timestamp> next_attempt_at;
  std::optional<Timestamp> finished_at;
};

struct DeliveryPage {
  std::vector<DeliveryView> items;
  std::optional<std::string> next_cursor;
};

/// `POST /v1/self-serve/billing/webhook-test` (contract 01 §11.3) and the operators' view of the outbox. Borrows
/// everything; must outlive its rows.
class BillingApi {
 public:
  struct Parts {
    db::Database& database;
    const Clock& clock;
    audit::Log& audit;
    outbound::Client& client;
    BillingOutbox& outbox;
    const auth::OperatorGate& operators;
    observe::Metrics& metrics;
  };
  BillingApi(const Parts& parts, WebhookOptions options);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  /// Sends one event now and tells what came of it. Nothing is stored but the audit event.
  [[nodiscard]] WebhookTestResult test_webhook(http::Call& call) const;
  /// The caller's deliveries; all tenants' for an operator of a named tenant.
  [[nodiscard]] DeliveryPage list_deliveries(http::Call& call, const ListDeliveries& in) const;
  /// Starts a dead delivery again. Audits `billing.webhook.retried`.
  [[nodiscard]] DeliveryView retry_delivery(http::Call& call, const DeliveryPath& in) const;

 private:
  void refuse_test(const http::Call& call, const std::string& delivery_id, std::string_view problem) const;
  void record(const http::Call& call, const std::string& delivery_id, const Outcome& outcome) const;
  [[nodiscard]] DeliveryView view_of(db::Snapshot& db, const http::Call& call, Delivery&& delivery) const;

  Parts parts_;
  WebhookOptions options_;
  BillingRepository repository_;
  jobs::JobsRepository jobs_;
};

}  // namespace nexus::billing

namespace nexus {
template <>
const schema::Fields<billing::WebhookTestResult>& schema::fields_of();
template <>
const schema::Fields<billing::ListDeliveries>& schema::fields_of();
template <>
const schema::Fields<billing::DeliveryPath>& schema::fields_of();
template <>
const schema::Fields<billing::DeliveryView>& schema::fields_of();
template <>
const schema::Fields<billing::DeliveryPage>& schema::fields_of();
}  // namespace nexus
