#include "modules/billing/webhook_handler.h"

#include "json/json.h"
#include "modules/billing/message.h"
#include "observe/log.h"

#include <boost/json/value.hpp>

#include <optional>
#include <stdexcept>
#include <utility>

namespace nexus::billing {
namespace {

std::string delivery_id_of(const jobs::Job& job) {
  return json::parse(job.payload).as_object().at("delivery_id").as_string().c_str();
}

std::string_view result_of(const Outcome& outcome) {
  return outcome.delivered() ? "delivered" : "failed";
}

}  // namespace

WebhookHandler::WebhookHandler(db::Database& database, const Clock& clock, outbound::Client& client, audit::Log& audit,
                               WebhookOptions options, observe::Metrics& metrics)
    : database_(database),
      clock_(clock),
      client_(client),
      audit_(audit),
      options_(std::move(options)),
      metrics_(metrics) {}

void WebhookHandler::count(std::string_view event_type, std::string_view result) {
  metrics_
      .counter("nexusrag_billing_webhook_total",
               {{"event_type", std::string(event_type)}, {"result", std::string(result)}})
      .add();
}

void WebhookHandler::run(jobs::Lease& lease) {
  const std::string id = delivery_id_of(lease.job());
  const std::optional<Delivery> delivery =
      database_.read([&](db::Snapshot& db) { return repository_.find(db, lease.tenant(), id); });
  if (!delivery || delivery->state != state::kPending) {
    database_.write([&](db::Tx& tx) { lease.complete(tx); });
    return;
  }
  if (!problem_of(options_).empty()) throw std::runtime_error("not_configured");
  const Timestamp now = clock_.now();
  const Outcome outcome =
      attempt(client_,
              signed_request(
                  options_,
                  {.event_type = delivery->event_type, .delivery_id = delivery->delivery_id, .body = delivery->payload},
                  now, lease.stopped()),
              now);
  settle(lease, *delivery, outcome);
}

void WebhookHandler::settle(jobs::Lease& lease, const Delivery& delivery, const Outcome& outcome) {
  // Stopped half-way: nobody knows whether it arrived, and the worker gives the attempt back.
  if (!outcome.delivered() && lease.stopped().stop_requested()) throw std::runtime_error(std::string(outcome.error));
  const Attempted attempted{
      .at = clock_.now(),
      .delivered = outcome.delivered(),
      .status_code = outcome.status_code,
      .error = outcome.delivered() ? std::nullopt : std::optional<std::string_view>(outcome.error)};
  database_.write([&](db::Tx& tx) {
    repository_.record_attempt(tx, lease.tenant(), delivery.delivery_id, attempted);
    if (outcome.delivered()) lease.complete(tx);
  });
  count(delivery.event_type, result_of(outcome));
  if (outcome.delivered()) return;
  observe::log_warn("billing webhook was not delivered", {{"delivery_id", delivery.delivery_id},
                                                          {"tenant_id", delivery.tenant_id},
                                                          {"event_type", delivery.event_type},
                                                          {"status_code", outcome.status_code.value_or(0)},
                                                          {"reason", outcome.error},
                                                          {"detail", outcome.detail}});
  if (outcome.kind == Outcome::Kind::kRefused) throw jobs::PermanentFailure(std::string(outcome.error));
  throw jobs::TryLater(std::string(outcome.error), outcome.least_wait_us);
}

void WebhookHandler::on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
                             bool /*permanent*/) {
  const std::string id = delivery_id_of(job);
  const std::optional<Delivery> delivery = repository_.find(tx, tenant, id);
  if (!delivery) return;
  // Whatever else a job can die of (the database, a killed process) is told in its own text, which is for the log.
  const bool judged = is_outcome_code(reason);
  const std::string_view code = judged || reason == "not_configured" ? reason : "internal_error";
  if (!repository_.bury(tx, tenant, id, code, clock_.now())) return;
  audit::Event event{.occurred_at = clock_.now(),
                     .tenant_id = tenant.id(),
                     .actor_type = "system",
                     .actor_id = "billing_webhook",
                     .event_type = "billing.webhook.failure",
                     .success = false,
                     .resource_type = "billing"};
  event.metadata = {{"event_type", delivery->event_type},
                    {"delivery_id", id},
                    {"status_code", judged && delivery->status_code ? boost::json::value(*delivery->status_code)
                                                                    : boost::json::value(nullptr)},
                    {"reason", code}};
  audit_.record(tx, event);
  tx.after_commit([this, type = delivery->event_type] { count(type, "dead"); });
}

}  // namespace nexus::billing
