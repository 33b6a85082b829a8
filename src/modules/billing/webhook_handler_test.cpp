#include "json/json.h"
#include "modules/billing/billing_fixture.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace nexus::billing {
namespace {

TEST(WebhookHandler, DeliversTheStoredBytesOnce) {
  BillingDesk d;
  d.enqueue();
  const Delivery stored = d.only();
  d.client.answer(204);
  EXPECT_TRUE(d.worker.run_one());
  EXPECT_FALSE(d.worker.run_one());
  ASSERT_EQ(d.client.sent.size(), 1U);
  EXPECT_EQ(d.client.sent[0].body, stored.payload);
  EXPECT_EQ(d.client.header(0, "X-Billing-Delivery-Id"), stored.delivery_id);
  EXPECT_EQ(d.client.header(0, "X-Billing-Event"), "quota.soft_cap_reached");
  const Delivery after = d.only();
  EXPECT_EQ(after.state, "delivered");
  EXPECT_EQ(after.attempts, 1);
  EXPECT_EQ(after.status_code, 204);
  EXPECT_EQ(after.last_error, std::nullopt);
  EXPECT_EQ(after.finished_at, d.t.clock.now());
  EXPECT_EQ(d.job_of(after).state, "done");
  EXPECT_EQ(d.counted("quota.soft_cap_reached", "delivered"), 1U);
  EXPECT_EQ(d.t.audit.size(), 0U);
}

TEST(WebhookHandler, TriesAgainWithGrowingPausesUnderTheSameDeliveryId) {
  BillingDesk d;
  d.enqueue();
  d.client.answer(503);
  d.client.fail(outbound::Fault::kTimeout);
  d.client.fail(outbound::Fault::kNetwork);
  std::int64_t base = kFirstBackoffUs;
  for (const char* error : {"http_status", "timeout", "network_error"}) {
    ASSERT_TRUE(d.worker.run_one());
    const Delivery row = d.only();
    EXPECT_EQ(row.state, "pending");
    EXPECT_EQ(row.last_error, error);
    EXPECT_EQ(d.job_of(row).last_error, error);
    EXPECT_FALSE(d.worker.run_one()) << "before its time";
    const std::int64_t pause = d.wait_for_next();
    EXPECT_GE(pause, base / 2);
    EXPECT_LE(pause, base + base / 2);
    base *= 2;
  }
  EXPECT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.only().state, "delivered");
  EXPECT_EQ(d.only().attempts, 4);
  ASSERT_EQ(d.client.sent.size(), 4U);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(d.client.sent[i].body, d.client.sent[0].body);
    EXPECT_EQ(d.client.header(i, "X-Billing-Delivery-Id"), d.client.header(0, "X-Billing-Delivery-Id"));
    EXPECT_EQ(d.client.header(i, "X-Billing-Signature"), d.client.header(0, "X-Billing-Signature"));
  }
  // The second signature is of the attempt, so that a receiver may refuse old ones.
  EXPECT_GT(d.client.header(3, "X-Billing-Timestamp"), d.client.header(0, "X-Billing-Timestamp"));
  EXPECT_NE(d.client.header(3, "X-Billing-Signature-V2"), d.client.header(0, "X-Billing-Signature-V2"));
  EXPECT_EQ(d.counted("quota.soft_cap_reached", "failed"), 3U);
}

TEST(WebhookHandler, WaitsAsLongAsTheReceiverAsks) {
  BillingDesk d;
  d.enqueue();
  d.client.answer(429, {{"retry-after", "600"}});
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.wait_for_next(), 600 * Timestamp::kSecond);
  d.client.answer(503, {{"retry-after", "1"}});
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_GE(d.wait_for_next(), kFirstBackoffUs);  // the backoff of a second failure is longer
  d.client.answer(503, {{"retry-after", "31536000"}});
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.wait_for_next(), kMostRetryAfterUs);
}

TEST(WebhookHandler, ARefusalIsGivenUpAtOnceAndAudited) {
  BillingDesk d;
  d.enqueue();
  d.client.answer(410);
  ASSERT_TRUE(d.worker.run_one());
  const Delivery row = d.only();
  EXPECT_EQ(row.state, "dead");
  EXPECT_EQ(row.attempts, 1);
  EXPECT_EQ(row.status_code, 410);
  EXPECT_EQ(d.job_of(row).state, "dead");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "billing.webhook.failure");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "system");
  EXPECT_EQ(event.actor_id, "billing_webhook");
  EXPECT_EQ(event.resource_type, "billing");
  EXPECT_FALSE(event.success);
  EXPECT_EQ(json::write(event.metadata), R"({"event_type":"quota.soft_cap_reached","delivery_id":")" + row.delivery_id +
                                             R"(","status_code":410,"reason":"http_status"})");
  EXPECT_EQ(d.counted("quota.soft_cap_reached", "dead"), 1U);
}

TEST(WebhookHandler, IsDeadAfterTheLastAttempt) {
  BillingDesk d;
  d.enqueue();
  for (int i = 0; i < 4; ++i) d.client.fail(outbound::Fault::kBreakerOpen);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(d.worker.run_one());
    EXPECT_EQ(d.t.audit.size(), 0U);
    d.wait_for_next();
  }
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.only().state, "dead");
  EXPECT_EQ(d.only().attempts, 4);
  EXPECT_EQ(d.t.audit.count("billing.webhook.failure"), 1U);
  EXPECT_EQ(d.t.audit.last().metadata.at("reason"), "breaker_open");
  EXPECT_TRUE(d.t.audit.last().metadata.at("status_code").is_null());
}

TEST(WebhookHandler, ADeathOfOtherCauseIsTold) {
  BillingDesk d;
  d.enqueue();
  const Delivery row = d.only();
  d.t.database->write([&](db::Tx& tx) {
    d.handler.on_dead(tx, tenant(), d.job_of(row), "every attempt ended without a word: /var/lib/x", false);
  });
  EXPECT_EQ(d.only().state, "dead");
  EXPECT_EQ(d.only().last_error, "internal_error");
  EXPECT_EQ(d.t.audit.last().metadata.at("reason"), "internal_error");
}

TEST(WebhookHandler, SendsNothingWhileUnconfigured) {
  BillingDesk d;
  d.enqueue();
  WebhookOptions off = webhook();
  off.enabled = false;
  WebhookHandler handler(*d.t.database, d.t.clock, d.client, d.t.audit, off, d.t.metrics);
  jobs::Worker worker(*d.t.database, d.t.clock, handler, worker_options(), d.t.metrics);
  ASSERT_TRUE(worker.run_one());
  EXPECT_TRUE(d.client.sent.empty());
  EXPECT_EQ(d.only().state, "pending");
  d.wait_for_next();
  ASSERT_TRUE(d.worker.run_one());  // switched on again
  EXPECT_EQ(d.only().state, "delivered");
}

TEST(WebhookHandler, AJobWhoseDeliveryIsFinishedOrGoneDoesNothing) {
  BillingDesk d;
  d.enqueue("a");
  d.t.database->run_script("UPDATE billing_outbox SET state = 'delivered', finished_at = created_at");
  ASSERT_TRUE(d.worker.run_one());
  d.enqueue("b");
  d.t.database->run_script("DELETE FROM billing_outbox WHERE state = 'pending'");
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_TRUE(d.client.sent.empty());
  EXPECT_EQ(d.job_of(d.only()).state, "done");
}

TEST(WebhookHandler, AStoppedProcessGivesTheAttemptBack) {
  BillingDesk d;
  d.enqueue();
  d.client.before_answer = [&] { d.worker.stop(); };
  d.client.fail(outbound::Fault::kCancelled);
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_TRUE(d.client.sent[0].stop.stop_requested());
  EXPECT_EQ(d.only().attempts, 0);
  EXPECT_EQ(d.job_of(d.only()).attempts, 0);
  EXPECT_EQ(d.job_of(d.only()).state, "queued");
}

TEST(WebhookHandler, AnotherHolderOfTheLeaseKeepsTheResult) {
  BillingDesk d;
  d.enqueue();
  d.client.before_answer = [&] {
    d.client.before_answer = nullptr;
    d.t.clock.advance_us(11 * kHour);
    ASSERT_TRUE(d.worker.run_one());  // takes the abandoned job and delivers
  };
  ASSERT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.client.sent.size(), 2U);  // at least once
  EXPECT_EQ(d.only().state, "delivered");
  EXPECT_EQ(d.only().attempts, 1);
}

TEST(WebhookHandler, TheSecretAndForeignTextsStayOutOfLogsRowsAndAudit) {
  BillingDesk d;
  d.enqueue();
  ::testing::internal::CaptureStderr();
  d.client.fail(outbound::Fault::kNetwork);
  ASSERT_TRUE(d.worker.run_one());
  d.wait_for_next();
  d.client.script.emplace_back(outbound::Response{.status = 404, .body = "no such hook: raw text of the receiver"});
  ASSERT_TRUE(d.worker.run_one());
  const std::string logged = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(logged.find("network_error"), std::string::npos);
  EXPECT_EQ(logged.find(kSecret), std::string::npos);
  EXPECT_EQ(logged.find("raw text of the receiver"), std::string::npos);
  EXPECT_EQ(logged.find(d.client.header(0, "X-Billing-Signature")), std::string::npos);
  const Delivery row = d.only();
  const std::string kept = json::write(d.t.audit.last().metadata) + row.payload + row.last_error.value() +
                           d.job_of(row).last_error.value() + d.job_of(row).payload;
  EXPECT_EQ(kept.find(kSecret), std::string::npos);
  EXPECT_EQ(kept.find("raw text"), std::string::npos);
}

}  // namespace
}  // namespace nexus::billing
