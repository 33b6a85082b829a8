#include "modules/billing/billing_api.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "base/ids.h"
#include "http/plain.h"
#include "modules/billing/message.h"
#include "modules/plans/plans_types.h"
#include "observe/log.h"

#include <boost/json/value.hpp>

#include <charconv>
#include <utility>

namespace nexus::billing {
namespace {

constexpr std::string_view kTestEvent = "billing.webhook.test";
constexpr std::size_t kUuidSize = 36;

/// Opaque to clients and not signed: a list is bound to its tenants by the query, whatever position it starts from.
std::string encode_cursor(const Delivery& last) {
  return base64url_encode(as_bytes(last.delivery_id + std::to_string(last.created_at.us)));
}

DeliveryPosition decode_cursor(std::string_view cursor) {
  const auto bytes = cursor.size() <= 2 * kUuidSize + 20 ? base64_decode(cursor) : std::nullopt;
  if (!bytes || bytes->size() <= kUuidSize) throw ApiError(errors::kInvalidCursor);
  const std::string_view text = as_text(*bytes);
  const std::string_view digits = text.substr(kUuidSize);
  DeliveryPosition position{.created_at = {}, .delivery_id = std::string(text.substr(0, kUuidSize))};
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), position.created_at.us);
  if (failure != std::errc{} || end != digits.data() + digits.size()) throw ApiError(errors::kInvalidCursor);
  return position;
}

}  // namespace

BillingApi::BillingApi(const Parts& parts, WebhookOptions options) : parts_(parts), options_(std::move(options)) {}

std::vector<http::Endpoint> BillingApi::endpoints() const {
  using Api = BillingApi;
  return {
      http::plain<&Api::test_webhook>(*this, {.verb = http::Verb::kPost,
                                              .path = "/self-serve/billing/webhook-test",
                                              .operation = "billing_webhook_test",
                                              .role = Role::kAdmin,
                                              .feature = plans::kBillingWebhookTest,
                                              .route_class = http::RouteClass::kMutation,
                                              .lane = http::LaneKind::kOutbound,
                                              .tag = "self-serve",
                                              .summary = "Send a test event to the billing webhook"}),
      http::plain<&Api::list_deliveries>(*this, {.verb = http::Verb::kGet,
                                                 .path = "/admin/billing/deliveries",
                                                 .operation = "list_billing_deliveries",
                                                 .role = Role::kAdmin,
                                                 .route_class = http::RouteClass::kRead,
                                                 .legacy_alias = false,
                                                 .tag = "admin",
                                                 .summary = "List billing events and their delivery, newest first"}),
      http::plain<&Api::retry_delivery>(*this, {.verb = http::Verb::kPost,
                                                .path = "/admin/billing/deliveries/{delivery_id}/retry",
                                                .operation = "retry_billing_delivery",
                                                .role = Role::kAdmin,
                                                .route_class = http::RouteClass::kMutation,
                                                .legacy_alias = false,
                                                .tag = "admin",
                                                .summary = "Deliver an event again that was given up (platform "
                                                           "operators)"}),
  };
}

WebhookTestResult BillingApi::test_webhook(http::Call& call) const {
  const std::string delivery_id = uuid4();
  if (const std::string_view problem = problem_of(options_); !problem.empty()) refuse_test(call, delivery_id, problem);
  const Timestamp now = parts_.clock.now();
  const std::string body = event_payload(kTestEvent, call.tenant().id(), {{"delivery_id", delivery_id}}, now);
  const Outcome outcome =
      attempt(parts_.client,
              signed_request(options_, {.event_type = kTestEvent, .delivery_id = delivery_id, .body = body}, now), now);
  record(call, delivery_id, outcome);
  return {.sent = outcome.delivered(),
          .status_code = outcome.status_code,
          .delivery_id = delivery_id,
          .message = outcome.message()};
}

void BillingApi::refuse_test(const http::Call& call, const std::string& delivery_id, std::string_view problem) const {
  audit::Event event = audit::event_of(call, "selfserve.billing_webhook_tested");
  event.success = false;
  event.metadata = {{"delivery_id", delivery_id}, {"reason", problem}};
  event.error_code = std::string(errors::kBillingWebhookNotConfigured.code);
  parts_.database.write([&](db::Tx& tx) { parts_.audit.record(tx, event); });
  throw ApiError(errors::kBillingWebhookNotConfigured, std::string(problem));
}

void BillingApi::record(const http::Call& call, const std::string& delivery_id, const Outcome& outcome) const {
  audit::Event event = audit::event_of(call, "selfserve.billing_webhook_tested");
  event.success = outcome.delivered();
  event.metadata = {
      {"delivery_id", delivery_id},
      {"status_code", outcome.status_code ? boost::json::value(*outcome.status_code) : boost::json::value(nullptr)},
      {"sent", outcome.delivered()}};
  parts_.database.write([&](db::Tx& tx) { parts_.audit.record(tx, event); });
  parts_.metrics
      .counter("nexusrag_billing_webhook_total",
               {{"event_type", std::string(kTestEvent)}, {"result", outcome.delivered() ? "delivered" : "failed"}})
      .add();
  if (!outcome.delivered())
    observe::log_warn("billing webhook test failed", {{"request_id", call.request_id},
                                                      {"delivery_id", delivery_id},
                                                      {"status_code", outcome.status_code.value_or(0)},
                                                      {"reason", outcome.error},
                                                      {"detail", outcome.detail}});
}

DeliveryPage BillingApi::list_deliveries(http::Call& call, const ListDeliveries& in) const {
  std::optional<TenantScope> tenant;
  if (in.tenant_id) {
    tenant = parts_.operators.scope_for(call, *in.tenant_id);
  } else if (!parts_.operators.spans_tenants(call)) {
    tenant = call.tenant();
  }
  std::optional<DeliveryPosition> after;
  if (in.cursor) after = decode_cursor(*in.cursor);
  return parts_.database.read([&](db::Snapshot& db) {
    DeliveryPage page;
    std::vector<Delivery> rows = repository_.list(db, tenant ? &*tenant : nullptr, in.state, after, in.limit + 1);
    if (std::cmp_greater(rows.size(), in.limit)) {
      rows.pop_back();
      page.next_cursor = encode_cursor(rows.back());
    }
    page.items.reserve(rows.size());
    for (Delivery& row : rows) page.items.push_back(view_of(db, call, std::move(row)));
    return page;
  });
}

DeliveryView BillingApi::retry_delivery(http::Call& call, const DeliveryPath& in) const {
  parts_.operators.require(call);
  const auto owner = parts_.database.read([&](db::Snapshot& db) { return repository_.tenant_of(db, in.delivery_id); });
  // Another tenant's id must look like one that does not exist.
  if (!owner || (*owner != call.tenant().id() && !parts_.operators.spans_tenants(call)))
    throw ApiError(errors::kNotFound, "Billing delivery not found");
  const TenantScope tenant = parts_.operators.scope_for(call, *owner);
  return parts_.database.write([&](db::Tx& tx) {
    const bool revived = parts_.outbox.revive(tx, tenant, in.delivery_id);
    std::optional<Delivery> delivery = repository_.find(tx, tenant, in.delivery_id);
    if (!delivery) throw ApiError(errors::kNotFound, "Billing delivery not found");
    if (!revived) throw ApiError(errors::kConflict, "Billing delivery is not dead", {{"state", delivery->state}});
    audit::Event event = audit::event_of(call, "billing.webhook.retried");
    event.tenant_id = tenant.id();
    event.resource_type = "billing";
    event.resource_id = in.delivery_id;
    event.metadata = {{"event_type", delivery->event_type}, {"delivery_id", in.delivery_id}};
    parts_.audit.record(tx, event);
    return view_of(tx, call, std::move(*delivery));
  });
}

DeliveryView BillingApi::view_of(db::Snapshot& db, const http::Call& call, Delivery&& delivery) const {
  DeliveryView view{.delivery_id = std::move(delivery.delivery_id),
                    .tenant_id = std::move(delivery.tenant_id),
                    .event_type = std::move(delivery.event_type),
                    .state = std::move(delivery.state),
                    .attempts = delivery.attempts,
                    .status_code = delivery.status_code,
                    .last_error = std::move(delivery.last_error),
                    .created_at = delivery.created_at,
                    .last_attempt_at = delivery.last_attempt_at,
                    .next_attempt_at = std::nullopt,
                    .finished_at = delivery.finished_at};
  if (view.state != state::kPending) return view;
  const TenantScope tenant = parts_.operators.scope_for(call, view.tenant_id);
  // Empty while an attempt is running.
  if (const std::optional<jobs::Job> job = jobs_.find(db, tenant, delivery.job_id); job && job->state == "queued")
    view.next_attempt_at = job->run_at;
  return view;
}

}  // namespace nexus::billing
