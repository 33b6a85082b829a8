#pragma once

#include "base/errors.h"
#include "modules/billing/billing_api.h"
#include "modules/billing/billing_outbox.h"
#include "modules/billing/webhook_handler.h"
#include "modules/jobs/worker.h"
#include "support/call_fixture.h"

#include <deque>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

/// For the tests of this room only.
namespace nexus::billing {

inline constexpr std::string_view kSecret = "whsec-test-1";
inline constexpr std::int64_t kHour = 3600 * Timestamp::kSecond;

inline TenantScope tenant(std::string id = "t1") {
  return testing::TenantScopeFactory::make(std::move(id));
}

/// Answers by script, then 200; remembers what was sent.
class ScriptedClient final : public outbound::Client {
 public:
  std::deque<std::variant<outbound::Response, outbound::Fault>> script;
  std::vector<outbound::Request> sent;
  std::function<void()> before_answer;

  outbound::Response send(const outbound::Request& request) override {
    sent.push_back(request);
    if (before_answer) before_answer();
    if (script.empty()) return {.status = 200};
    const auto next = script.front();
    script.pop_front();
    if (const auto* fault = std::get_if<outbound::Fault>(&next))
      throw outbound::Error(*fault, "raw text of a library, host hooks.example");
    return std::get<outbound::Response>(next);
  }
  /// The scripted answer in one piece.
  outbound::Response stream(const outbound::Request& request, const outbound::PieceSink& sink) override {
    outbound::Response response = send(request);
    if (response.status / 100 != 2) return response;
    if (!response.body.empty()) response.stopped = !sink(response.body);
    response.body.clear();
    return response;
  }
  void answer(int status, outbound::Headers headers = {}) {
    script.emplace_back(outbound::Response{.status = status, .headers = std::move(headers)});
  }
  void fail(outbound::Fault fault) { script.emplace_back(fault); }
  [[nodiscard]] std::string header(std::size_t at, std::string_view name) const {
    for (const auto& [key, value] : sent.at(at).headers)
      if (key == name) return value;
    throw std::logic_error("no header " + std::string(name));
  }
};

/// `*`: every admin operates its own tenant. Named tenants: their admins operate all.
class StubOperators final : public auth::OperatorGate {
 public:
  std::set<std::string, std::less<>> named;  ///< empty: `*`

  [[nodiscard]] TenantScope scope_for(const http::Call& call, std::string_view tenant_id) const override {
    if (tenant_id != call.tenant().id() && !spans_tenants(call))
      throw ApiError(errors::kAuthForbidden, "Tenant scope does not match admin key");
    return testing::TenantScopeFactory::make(std::string(tenant_id));
  }
  void require(const http::Call& call) const override {
    if (!named.empty() && !spans_tenants(call)) throw ApiError(errors::kAuthForbidden, "Platform operator required");
  }
  [[nodiscard]] bool spans_tenants(const http::Call& call) const override { return named.contains(call.tenant().id()); }
};

inline WebhookOptions webhook() {
  return {.enabled = true, .url = "https://hooks.example/billing", .secret = Secret(std::string(kSecret))};
}

inline jobs::WorkerOptions worker_options() {
  jobs::WorkerOptions options;
  options.threads = 1;
  options.max_attempts = 4;
  options.lease_us = 10 * kHour;
  options.backoff_us = kFirstBackoffUs;
  options.backoff_max_us = kMostBackoffUs;
  return options;
}

/// The room over a scratch database, with a worker that runs when told to.
struct BillingDesk {
  explicit BillingDesk(WebhookOptions given = webhook()) : options(std::move(given)) {}

  testing::TestCall t;
  WebhookOptions options;
  ScriptedClient client;
  int woken = 0;
  BillingRepository repository;
  BillingOutbox outbox{t.clock, options, [this] { ++woken; }};
  WebhookHandler handler{*t.database, t.clock, client, t.audit, options, t.metrics};
  jobs::Worker worker{*t.database, t.clock, handler, worker_options(), t.metrics};
  StubOperators operators;
  BillingApi api{{.database = *t.database,
                  .clock = t.clock,
                  .audit = t.audit,
                  .client = client,
                  .outbox = outbox,
                  .operators = operators,
                  .metrics = t.metrics},
                 options};

  void enqueue(const std::string& key = "day:2026-02-17", const std::string& tenant_id = "t1",
               const std::string& event = "quota.soft_cap_reached") {
    t.database->write([&](db::Tx& tx) {
      outbox.enqueue(tx, tenant(tenant_id), event,
                     {{"period", "day"}, {"used", 400}, {"limit", 500}, {"soft_cap_ratio", 0.8}}, key);
    });
  }
  /// Newest first.
  [[nodiscard]] std::vector<Delivery> all(const std::string& tenant_id = "t1") {
    const TenantScope scope = tenant(tenant_id);
    return t.database->read([&](db::Snapshot& db) { return repository.list(db, &scope, {}, {}, 1'000); });
  }
  [[nodiscard]] Delivery only() {
    const std::vector<Delivery> rows = all();
    if (rows.size() != 1) throw std::logic_error("not one delivery");
    return rows.front();
  }
  [[nodiscard]] jobs::Job job_of(const Delivery& delivery) {
    return t.database->read([&](db::Snapshot& db) {
      return jobs::JobsRepository().find(db, tenant(delivery.tenant_id), delivery.job_id).value();
    });
  }
  /// Makes the queued job of the only delivery due; returns how long that took.
  std::int64_t wait_for_next() {
    const std::int64_t pause = job_of(only()).run_at - t.clock.now();
    if (pause > 0) t.clock.advance_us(pause);
    return pause;
  }
  [[nodiscard]] std::uint64_t counted(std::string event_type, std::string result) {
    return t.metrics
        .counter("nexusrag_billing_webhook_total",
                 {{"event_type", std::move(event_type)}, {"result", std::move(result)}})
        .value();
  }
};

}  // namespace nexus::billing
