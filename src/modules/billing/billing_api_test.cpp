#include "http/plain.h"
#include "json/json.h"
#include "modules/billing/billing_fixture.h"
#include "modules/plans/plans_types.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::billing {
namespace {

template <class F>
ApiError refusal(F&& work) {
  try {
    work();
  } catch (const ApiError& e) {
    return e;
  }
  throw std::logic_error("nothing was refused");
}

TEST(WebhookTest, SendsOneEventAndSaysHowItWent) {
  BillingDesk d;
  d.client.answer(202);
  const WebhookTestResult result = d.api.test_webhook(d.t.call);
  EXPECT_TRUE(result.sent);
  EXPECT_EQ(schema::write(result), R"({"sent":true,"status_code":202,"delivery_id":")" + result.delivery_id +
                                       R"(","message":"Webhook delivered successfully"})");
  ASSERT_EQ(d.client.sent.size(), 1U);
  EXPECT_EQ(d.client.sent[0].body, R"({"event_type":"billing.webhook.test","tenant_id":"t1","delivery_id":")" +
                                       result.delivery_id + R"(","timestamp":"2026-02-17T10:00:00+00:00"})");
  EXPECT_EQ(d.client.header(0, "X-Billing-Event"), "billing.webhook.test");
  EXPECT_EQ(d.client.header(0, "X-Billing-Delivery-Id"), result.delivery_id);
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "selfserve.billing_webhook_tested");
  EXPECT_TRUE(event.success);
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.request_id, "req-1");
  EXPECT_EQ(json::write(event.metadata),
            R"({"delivery_id":")" + result.delivery_id + R"(","status_code":202,"sent":true})");
  EXPECT_TRUE(d.all().empty());
  EXPECT_EQ(d.counted("billing.webhook.test", "delivered"), 1U);
}

TEST(WebhookTest, AFailureIsAnAnswerInStableWords) {
  BillingDesk d;
  d.client.answer(500);
  WebhookTestResult result = d.api.test_webhook(d.t.call);
  EXPECT_FALSE(result.sent);
  EXPECT_EQ(result.status_code, 500);
  EXPECT_EQ(result.message, "Webhook responded with status 500");
  EXPECT_FALSE(d.t.audit.last().success);

  d.client.fail(outbound::Fault::kNetwork);
  result = d.api.test_webhook(d.t.call);
  EXPECT_EQ(schema::write(result), R"({"sent":false,"status_code":null,"delivery_id":")" + result.delivery_id +
                                       R"(","message":"Webhook delivery failed: network error"})");
  EXPECT_EQ(json::write(d.t.audit.last().metadata),
            R"({"delivery_id":")" + result.delivery_id + R"(","status_code":null,"sent":false})");
  EXPECT_EQ(d.client.sent.size(), 2U) << "one attempt each";
}

TEST(WebhookTest, IsRefusedWithTheReasonWhileUnconfigured) {
  WebhookOptions off;
  WebhookOptions half = webhook();
  half.secret = Secret();
  for (const auto& [options, reason] :
       {std::pair(off, "Billing webhook is disabled"), std::pair(half, "Billing webhook is not configured")}) {
    BillingDesk d(options);
    const ApiError e = refusal([&] { (void)d.api.test_webhook(d.t.call); });
    EXPECT_EQ(e.kind().code, "BILLING_WEBHOOK_NOT_CONFIGURED");
    EXPECT_EQ(e.kind().status, 400);
    EXPECT_EQ(e.message(), reason);
    EXPECT_TRUE(e.details().empty());
    EXPECT_TRUE(d.client.sent.empty());
    const audit::Event event = d.t.audit.last();
    EXPECT_EQ(event.event_type, "selfserve.billing_webhook_tested");
    EXPECT_FALSE(event.success);
    EXPECT_EQ(event.metadata.at("reason"), reason);
    EXPECT_EQ(event.metadata.at("delivery_id").as_string().size(), 36U);
  }
}

TEST(BillingApi, ItsRowsNameRoleFeatureAndLane) {
  BillingDesk d;
  const std::vector<http::Endpoint> rows = d.api.endpoints();
  EXPECT_EQ(rows[0].spec.path, "/self-serve/billing/webhook-test");
  EXPECT_EQ(rows[0].spec.feature, plans::kBillingWebhookTest);
  EXPECT_EQ(rows[0].spec.lane, http::LaneKind::kOutbound);
  EXPECT_EQ(rows[0].spec.route_class, http::RouteClass::kMutation);
  for (const http::Endpoint& row : rows) EXPECT_EQ(row.spec.role, Role::kAdmin) << row.spec.path;
}

TEST(BillingDeliveries, PagesNewestFirstWithoutSkippingOrRepeating) {
  BillingDesk d;
  for (int i = 0; i < 5; ++i) {
    d.enqueue("k" + std::to_string(i));
    if (i % 2 == 1) d.t.clock.advance_s(1);  // two of the same moment
  }
  d.enqueue("k", "t2");
  std::vector<std::string> seen;
  ListDeliveries in{.limit = 2};
  for (int page = 0; page < 3; ++page) {
    const DeliveryPage got = d.api.list_deliveries(d.t.call, in);
    for (const DeliveryView& item : got.items) {
      EXPECT_EQ(item.tenant_id, "t1");
      seen.push_back(item.delivery_id);
    }
    EXPECT_EQ(got.next_cursor.has_value(), page < 2);
    in.cursor = got.next_cursor;
    d.t.clock.advance_s(1);
    d.enqueue("later" + std::to_string(page));
  }
  std::vector<std::string> expected;
  for (const Delivery& row : d.all()) expected.push_back(row.delivery_id);
  expected.erase(expected.begin(), expected.begin() + 3);
  EXPECT_EQ(seen, expected);
}

TEST(BillingDeliveries, ShowStateAndNextAttempt) {
  BillingDesk d;
  d.enqueue();
  d.client.answer(503, {{"retry-after", "900"}});
  ASSERT_TRUE(d.worker.run_one());
  const DeliveryPage page = d.api.list_deliveries(d.t.call, {.state = "pending"});
  ASSERT_EQ(page.items.size(), 1U);
  EXPECT_EQ(schema::write(page.items[0]),
            R"({"delivery_id":")" + page.items[0].delivery_id +
                R"(","tenant_id":"t1","event_type":"quota.soft_cap_reached","state":"pending","attempts":1,)"
                R"("status_code":503,"last_error":"http_status","created_at":"2026-02-17T10:00:00+00:00",)"
                R"("last_attempt_at":"2026-02-17T10:00:00+00:00","next_attempt_at":"2026-02-17T10:15:00+00:00",)"
                R"("finished_at":null})");
  EXPECT_TRUE(d.api.list_deliveries(d.t.call, {.state = "dead"}).items.empty());
}

TEST(BillingDeliveries, OnlyNamedOperatorsSeeOtherTenants) {
  BillingDesk d;
  d.enqueue("k", "t1");
  d.enqueue("k", "t2");
  EXPECT_EQ(d.api.list_deliveries(d.t.call, {}).items.size(), 1U);
  EXPECT_EQ(refusal([&] { (void)d.api.list_deliveries(d.t.call, {.tenant_id = "t2"}); }).kind().status, 403);
  d.operators.named = {"t1"};
  EXPECT_EQ(d.api.list_deliveries(d.t.call, {}).items.size(), 2U);
  EXPECT_EQ(d.api.list_deliveries(d.t.call, {.tenant_id = "t2"}).items.size(), 1U);
}

TEST(BillingDeliveries, ForeignCursorsAreRefused) {
  BillingDesk d;
  for (const char* cursor : {"", "x", "!!!!", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2eHl6"})
    EXPECT_EQ(refusal([&] { (void)d.api.list_deliveries(d.t.call, {.cursor = cursor}); }).kind().code, "INVALID_CURSOR")
        << cursor;
}

TEST(BillingRetry, StartsADeadDeliveryAgainWithAllItsAttempts) {
  BillingDesk d;
  d.enqueue();
  d.client.answer(404);
  ASSERT_TRUE(d.worker.run_one());
  const std::string id = d.only().delivery_id;
  d.t.audit.clear();
  const DeliveryView view = d.api.retry_delivery(d.t.call, {.delivery_id = id});
  EXPECT_EQ(view.state, "pending");
  EXPECT_EQ(view.next_attempt_at, d.t.clock.now());
  EXPECT_EQ(view.finished_at, std::nullopt);
  EXPECT_EQ(d.t.audit.last().event_type, "billing.webhook.retried");
  EXPECT_EQ(json::write(d.t.audit.last().metadata),
            R"({"event_type":"quota.soft_cap_reached","delivery_id":")" + id + R"("})");
  EXPECT_EQ(d.woken, 2);
  const ApiError again = refusal([&] { (void)d.api.retry_delivery(d.t.call, {.delivery_id = id}); });
  EXPECT_EQ(again.kind().status, 409);
  EXPECT_EQ(json::write(again.details()), R"({"state":"pending"})");
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.only().state, "delivered");
  EXPECT_EQ(d.client.header(1, "X-Billing-Delivery-Id"), id);
}

TEST(BillingRetry, AnotherTenantsDeliveryLooksUnknown) {
  BillingDesk d;
  d.enqueue("k", "t2");
  d.client.answer(404);
  ASSERT_TRUE(d.worker.run_one());
  const std::string id = d.all("t2").front().delivery_id;
  const auto retry = [&] { (void)d.api.retry_delivery(d.t.call, {.delivery_id = id}); };
  const ApiError foreign = refusal(retry);
  const ApiError unknown = refusal([&] { (void)d.api.retry_delivery(d.t.call, {.delivery_id = "nothing"}); });
  EXPECT_EQ(foreign.kind().status, 404);
  EXPECT_EQ(foreign.message(), unknown.message());
  d.operators.named = {"t9"};
  EXPECT_EQ(refusal(retry).kind().status, 403);
  d.operators.named = {"t1"};
  retry();
  EXPECT_EQ(d.all("t2").front().state, "pending");
  EXPECT_EQ(d.t.audit.last().tenant_id, "t2");
}

}  // namespace
}  // namespace nexus::billing
