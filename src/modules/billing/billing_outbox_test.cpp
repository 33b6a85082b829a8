#include "modules/billing/billing_fixture.h"
#include "support/sql_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <stdexcept>
#include <string>

namespace nexus::billing {
namespace {

TEST(BillingOutbox, StoresTheEventWithItsJobAndWakesTheWorker) {
  BillingDesk d;
  d.enqueue();
  const Delivery stored = d.only();
  EXPECT_TRUE(std::regex_match(stored.delivery_id,
                               std::regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
  EXPECT_EQ(stored.tenant_id, "t1");
  EXPECT_EQ(stored.event_type, "quota.soft_cap_reached");
  EXPECT_EQ(stored.payload,
            R"({"event_type":"quota.soft_cap_reached","tenant_id":"t1","period":"day","used":400,"limit":500,)"
            R"("soft_cap_ratio":0.8,"timestamp":"2026-02-17T10:00:00+00:00"})");
  EXPECT_EQ(stored.state, "pending");
  EXPECT_EQ(stored.attempts, 0);
  const jobs::Job job = d.job_of(stored);
  EXPECT_EQ(job.kind, "billing.webhook");
  EXPECT_EQ(job.state, "queued");
  EXPECT_EQ(job.run_at, d.t.clock.now());
  EXPECT_EQ(testing::as_stored(job.payload), testing::as_stored(R"({"delivery_id":")" + stored.delivery_id + R"("})"));
  EXPECT_EQ(d.woken, 1);
}

TEST(BillingOutbox, ARollBackOfTheCallerLeavesNothing) {
  BillingDesk d;
  EXPECT_THROW(d.t.database->write([&](db::Tx& tx) {
    d.outbox.enqueue(tx, tenant(), "quota.soft_cap_reached", {}, "day:1");
    throw std::runtime_error("the caller changed its mind");
  }),
               std::runtime_error);
  EXPECT_TRUE(d.all().empty());
  EXPECT_FALSE(d.worker.run_one());
  EXPECT_EQ(d.woken, 0);
  d.enqueue("day:1");  // and the key was not used
  EXPECT_EQ(d.all().size(), 1U);
}

TEST(BillingOutbox, AKeyIsUsedOnceForATenantAndAnEvent) {
  BillingDesk d;
  d.enqueue("day:2026-02-17");
  d.enqueue("day:2026-02-17");
  EXPECT_EQ(d.all().size(), 1U);
  EXPECT_EQ(d.woken, 1);
  d.enqueue("day:2026-02-18");
  d.enqueue("day:2026-02-17", "t1", "quota.hard_cap_blocked");
  d.enqueue("day:2026-02-17", "t2");
  EXPECT_EQ(d.all().size(), 3U);
  EXPECT_EQ(d.all("t2").size(), 1U);
  int delivered = 0;
  while (d.worker.run_one()) ++delivered;
  EXPECT_EQ(delivered, 4);
  d.enqueue("day:2026-02-17");  // delivered, and still the same key
  EXPECT_FALSE(d.worker.run_one());
}

TEST(BillingOutbox, StoresNothingWhileTheWebhookIsOff) {
  for (const bool disabled : {true, false}) {
    WebhookOptions options = webhook();
    options.enabled = !disabled;
    if (!disabled) options.url.clear();
    BillingDesk d(options);
    d.enqueue();
    EXPECT_TRUE(d.all().empty());
    EXPECT_FALSE(d.worker.run_one());
    EXPECT_EQ(d.woken, 0);
  }
}

TEST(BillingOutbox, PrunesWhatIsFinishedAndOld) {
  BillingDesk d;
  d.enqueue("old delivered");
  EXPECT_TRUE(d.worker.run_one());
  d.enqueue("old dead");
  d.client.answer(400);
  EXPECT_TRUE(d.worker.run_one());
  d.enqueue("old pending");
  d.t.clock.advance_s(86'400);
  const Timestamp before = d.t.clock.now();
  d.enqueue("new");
  d.client.answer(200);
  d.client.answer(200);
  EXPECT_TRUE(d.worker.run_one());
  EXPECT_TRUE(d.worker.run_one());
  EXPECT_EQ(d.outbox.prune(*d.t.database, before, {}), 2);
  EXPECT_EQ(d.all().size(), 2U);
  EXPECT_EQ(d.outbox.prune(*d.t.database, before, {}), 0);
  EXPECT_EQ(d.outbox.prune(*d.t.database, d.t.clock.now() + 1, {}), 2);
}

TEST(BillingOutbox, PrunesMoreThanOneTransactionHolds) {
  BillingDesk d;
  d.t.database->run_script(fmt::format(R"(
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
    INSERT INTO billing_outbox (delivery_id, tenant_id, event_type, dedupe_key, payload, state, job_id, created_at,
      finished_at) SELECT 'd' || i, 't1', 'e', 'k' || i, '{{}}', 'delivered', 'j', {}, {} FROM n)",
                                       testing::sql_time({1}), testing::sql_time({2})));
  EXPECT_EQ(d.outbox.prune(*d.t.database, {3}, {}), 2500);
}

TEST(BillingRepository, PreparesAllItsStatements) {
  testing::TestCall t;
  EXPECT_EQ(t.database->check_statements(billing_statements()), std::vector<std::string>{});
}

TEST(BillingRepository, ATenantCannotTouchAnothersDelivery) {
  BillingDesk d;
  d.enqueue();
  const std::string id = d.only().delivery_id;
  d.t.database->write([&](db::Tx& tx) {
    EXPECT_FALSE(d.repository.find(tx, tenant("t2"), id));
    EXPECT_FALSE(d.repository.bury(tx, tenant("t2"), id, "timeout", d.t.clock.now()));
    d.repository.record_attempt(tx, tenant("t2"), id, {.at = d.t.clock.now(), .delivered = true});
  });
  EXPECT_EQ(d.only().state, "pending");
  EXPECT_EQ(d.only().attempts, 0);
}

}  // namespace
}  // namespace nexus::billing
