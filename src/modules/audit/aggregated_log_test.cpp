#include "modules/audit/aggregated_log.h"

#include "db/database.h"
#include "modules/audit/redaction.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace nexus::audit {
namespace {

using testing::FakeClock;
using testing::RecordingLog;

/// Refuses while told to.
class FailingLog final : public Log {
 public:
  void record(db::Tx& tx, const Event& event) override { inner.record(tx, event); }
  void record_soon(Event event) override {
    if (failing) throw db::Error(db::ErrorCode::kBusy, "the audit queue is full");
    inner.record_soon(std::move(event));
  }
  RecordingLog inner;
  bool failing = false;
};

struct AggregatedFixture {
  explicit AggregatedFixture(AggregateOptions options = {})
      : aggregated(std::make_unique<AggregatedLog>(log, clock, options)) {}

  void fail(std::string address = "203.0.113.7", std::string type = "auth.access.failure",
            std::string code = "AUTH_UNAUTHORIZED") {
    Event event;
    event.occurred_at = clock.now();
    event.actor_type = "anonymous";
    event.event_type = std::move(type);
    event.success = false;
    event.resource_type = "auth";
    event.ip_address = std::move(address);
    event.error_code = std::move(code);
    event.metadata = {{"path", "/v1/run"}, {"method", "POST"}};
    aggregated->record_soon(std::move(event));
  }
  void limit(std::string tenant, std::string key, std::string scope = "api_key", std::string route_class = "run") {
    Event event;
    event.occurred_at = clock.now();
    event.tenant_id = std::move(tenant);
    event.actor_type = "api_key";
    event.actor_id = std::move(key);
    event.event_type = "security.rate_limited";
    event.success = false;
    event.metadata = {{"scope", std::move(scope)}, {"route_class", std::move(route_class)}};
    aggregated->record_soon(std::move(event));
  }
  [[nodiscard]] std::size_t written() const { return log.inner.size(); }
  /// Refusals that the written events stand for.
  [[nodiscard]] std::int64_t total() const {
    std::int64_t sum = 0;
    for (const Event& event : log.inner.events()) sum += count_of(event);
    return sum;
  }
  static std::int64_t count_of(const Event& event) {
    const auto* count = event.metadata.if_contains("count");
    return count != nullptr ? count->as_int64() : 1;
  }

  FakeClock clock;
  FailingLog log;
  std::unique_ptr<AggregatedLog> aggregated;
};

TEST(AggregatedLogTest, WritesTheFirstAtOnceAndCountsTheRest) {
  AggregatedFixture f;
  f.fail();
  ASSERT_EQ(f.written(), 1);
  EXPECT_FALSE(f.log.inner.last().metadata.contains("count"));
  for (int i = 0; i < 10; ++i) {
    f.clock.advance_s(1);
    f.fail();
  }
  EXPECT_EQ(f.written(), 1);
  f.clock.advance_s(50);
  f.aggregated->flush();
  ASSERT_EQ(f.written(), 2);
  const Event summary = f.log.inner.last();
  EXPECT_EQ(summary.event_type, "auth.access.failure");
  EXPECT_EQ(summary.ip_address, "203.0.113.7");
  EXPECT_EQ(summary.metadata.at("path").as_string(), "/v1/run");
  EXPECT_EQ(summary.metadata.at("count").as_int64(), 10);
  EXPECT_EQ(summary.metadata.at("first_at").as_string(), "2026-02-17T10:00:01+00:00");
  EXPECT_EQ(summary.metadata.at("last_at").as_string(), "2026-02-17T10:00:10+00:00");
}

TEST(AggregatedLogTest, WritesNothingBeforeTheWindowIsOver) {
  AggregatedFixture f;
  f.fail();
  f.fail();
  f.clock.advance_s(59);
  f.aggregated->flush();
  EXPECT_EQ(f.written(), 1);
  f.clock.advance_s(1);
  f.aggregated->flush();
  EXPECT_EQ(f.written(), 2);
}

TEST(AggregatedLogTest, OneSummaryAWindowWhileItGoesOn) {
  AggregatedFixture f;
  for (int second = 0; second < 600; ++second) {
    f.fail();
    f.clock.advance_s(1);
    f.aggregated->flush();
  }
  EXPECT_EQ(f.written(), 11);  // the first, and ten windows
  EXPECT_EQ(f.total(), 600);
}

TEST(AggregatedLogTest, NobodyWhoForgetsToFlushLosesACount) {
  AggregatedFixture f;
  for (int second = 0; second < 600; ++second) {
    f.fail();
    f.clock.advance_s(1);
  }
  f.aggregated->stop();
  EXPECT_EQ(f.total(), 600);
  EXPECT_LE(f.written(), 12);
}

TEST(AggregatedLogTest, AfterAQuietWindowTheNextIsNewsAgain) {
  AggregatedFixture f;
  f.fail();
  f.clock.advance_s(60);
  f.fail();
  EXPECT_EQ(f.written(), 2);
  EXPECT_FALSE(f.log.inner.last().metadata.contains("count"));
  f.clock.advance_s(60);
  f.aggregated->flush();
  EXPECT_EQ(f.aggregated->size(), 0);
}

TEST(AggregatedLogTest, KeepsApartWhatDiffersInWhoOrWhat) {
  AggregatedFixture f;
  f.fail("203.0.113.7");
  f.fail("203.0.113.8");
  f.fail("203.0.113.7", "auth.api_key.expired");
  f.fail("203.0.113.7", "auth.access.failure", "AUTH_REVOKED_KEY");
  f.limit("t1", "k1");
  f.limit("t1", "k2");
  f.limit("t2", "k1");
  f.limit("t1", "k1", "tenant");
  f.limit("t1", "k1", "api_key", "read");
  EXPECT_EQ(f.written(), 9);
  EXPECT_EQ(f.aggregated->size(), 9);
}

TEST(AggregatedLogTest, AnIpv6NetworkIsOneSource) {
  AggregatedFixture f;
  for (int i = 0; i < 100; ++i) f.fail("2001:db8:1:2::" + std::to_string(i));
  EXPECT_EQ(f.written(), 1);
  EXPECT_EQ(f.aggregated->size(), 1);
}

TEST(AggregatedLogTest, OtherEventsPassStraightThrough) {
  AggregatedFixture f;
  for (int i = 0; i < 5; ++i) f.fail("203.0.113.7", "auth.access.success");
  EXPECT_EQ(f.written(), 5);
  EXPECT_EQ(f.aggregated->size(), 0);
}

TEST(AggregatedLogTest, BeyondItsBoundATypeSharesOneEntryAndKeepsItsCount) {
  AggregatedFixture f({.window_s = 60, .most_kinds = 16});
  for (int i = 0; i < 1'000; ++i) f.fail("198.51.100." + std::to_string(i));
  for (int i = 0; i < 1'000; ++i) f.limit("tenant-" + std::to_string(i), "k");
  EXPECT_EQ(f.aggregated->size(), 18);
  EXPECT_EQ(f.written(), 18);
  f.clock.advance_s(60);
  f.aggregated->flush();
  EXPECT_EQ(f.written(), 20);
  EXPECT_EQ(f.total(), 2'000);
  for (const Event& event : f.log.inner.events()) {
    if (!event.metadata.contains("overflow")) continue;
    EXPECT_EQ(event.tenant_id, std::nullopt);
    EXPECT_EQ(event.actor_type, "system");
    EXPECT_EQ(event.ip_address, std::nullopt);
    EXPECT_FALSE(event.metadata.contains("path"));
  }
}

TEST(AggregatedLogTest, WhatTheLogRefusesStaysCounted) {
  AggregatedFixture f;
  f.log.failing = true;
  EXPECT_THROW(f.fail(), db::Error);
  for (int i = 0; i < 4; ++i) f.fail();
  f.clock.advance_s(60);
  EXPECT_THROW(f.aggregated->flush(), db::Error);
  EXPECT_THROW(f.aggregated->stop(), db::Error);
  EXPECT_EQ(f.written(), 0);
  f.log.failing = false;
  f.aggregated->stop();
  ASSERT_EQ(f.written(), 1);
  EXPECT_EQ(f.total(), 5);
  EXPECT_EQ(f.log.inner.last().metadata.at("first_at").as_string(), "2026-02-17T10:00:00+00:00");
}

TEST(AggregatedLogTest, AFailedFlushKeepsEveryEntryAndWritesNoneTwice) {
  AggregatedFixture f({.window_s = 60, .most_kinds = 16});
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 50; ++i) f.fail("198.51.100." + std::to_string(i));
  f.clock.advance_s(60);
  f.log.failing = true;
  EXPECT_THROW(f.aggregated->flush(), db::Error);
  f.log.failing = false;
  f.aggregated->stop();
  EXPECT_EQ(f.total(), 150);
}

TEST(AggregatedLogTest, TheDestructorWritesWhatIsLeftAndLaterEventsAreNotHeldBack) {
  AggregatedFixture f;
  f.fail();
  f.fail();
  f.aggregated->stop();
  f.fail();
  EXPECT_EQ(f.written(), 3);
  f.aggregated = std::make_unique<AggregatedLog>(f.log, f.clock, AggregateOptions{});
  f.fail();
  f.fail();
  f.aggregated.reset();
  EXPECT_EQ(f.total(), 5);
}

TEST(AggregatedLogTest, KeepsLongTextsShort) {
  AggregatedFixture f;
  f.fail();
  Event event;
  event.event_type = "auth.access.failure";
  event.actor_type = "anonymous";
  event.ip_address = "203.0.113.7";
  event.error_code = "AUTH_UNAUTHORIZED";
  event.user_agent = std::string(100'000, 'a');
  event.metadata = {{"path", std::string(100'000, 'p')}};
  f.aggregated->record_soon(event);
  f.aggregated->stop();
  const Event summary = f.log.inner.last();
  EXPECT_LE(summary.user_agent->size(), 1'024);
  EXPECT_LE(summary.metadata.at("path").as_string().size(), 4'096);
  EXPECT_NE(summary.occurred_at.us, 0);
}

TEST(AggregatedLogTest, LosesNoCountBetweenThreadsAndFlushes) {
  AggregatedFixture f({.window_s = 1, .most_kinds = 4});
  constexpr int kThreads = 8;
  constexpr int kEach = 2'000;
  std::atomic<int> running{kThreads};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) f.fail("198.51.100." + std::to_string((t + i) % 12));
        running.fetch_sub(1);
      });
    threads.emplace_back([&] {
      while (running.load() > 0) {
        f.clock.advance_us(300'000);
        f.aggregated->flush();
      }
    });
  }
  f.aggregated->stop();
  EXPECT_EQ(f.total(), kThreads * kEach);
}

TEST(AggregatedLogTest, ItsWordsAreOnTheAllowLists) {
  for (const char* type : {"auth.access.failure", "auth.api_key.expired", "rbac.forbidden", "security.rate_limited",
                           "system.rate_limit.degraded"}) {
    const EventRule* rule = rule_of(type);
    ASSERT_NE(rule, nullptr) << type;
    for (const char* key : {"count", "first_at", "last_at", "overflow"}) EXPECT_TRUE(allows(*rule, key)) << type;
  }
}

}  // namespace
}  // namespace nexus::audit
