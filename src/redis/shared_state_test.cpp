// Heartbeats, wake-ups and breakers over one real Redis.
#include "redis/heartbeats.h"
#include "redis/server_fixture.h"
#include "redis/shared_breakers.h"
#include "redis/wake_ups.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <atomic>
#include <memory>
#include <string>

namespace nexus::redis {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)
using outbound::BreakerOutcome;
using outbound::BreakerPolicy;
using outbound::BreakerState;

class SharedStateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto url = shared_url();
    if (!url) GTEST_SKIP() << "NEXUSRAG_TEST_REDIS names no server";
    a = std::make_unique<TestClient>(*url);
    b = std::make_unique<TestClient>(*url);
    ASSERT_TRUE(a->client.wait_until_up(5 * kSecond) && b->client.wait_until_up(5 * kSecond));
  }
  SystemClock clock;
  const std::string prefix = random_prefix();
  std::unique_ptr<TestClient> a;
  std::unique_ptr<TestClient> b;
};

TEST_F(SharedStateTest, TellsWhichWorkersLiveByTheServersClock) {
  Heartbeats writer(a->client, clock, {.key = prefix + ":beat", .forget_us = 60 * kSecond});
  Heartbeats reader(b->client, clock, {.key = prefix + ":beat", .forget_us = 60 * kSecond});
  EXPECT_FALSE(reader.age_us("ingest"));
  writer.beat("ingest", "w-1");
  writer.beat("ingest", "w-2");
  writer.beat("webhook", "w-3");
  ASSERT_TRUE(eventually([&] { return reader.workers()->size() == 3; }));
  EXPECT_LT(*reader.age_us("ingest"), 20 * kSecond);
  EXPECT_FALSE(reader.age_us("backup"));
  const std::string latest = b->say({"GET", prefix + ":beat"});
  EXPECT_TRUE(parse_iso(latest)) << latest;
  writer.leave("webhook", "w-3");
  EXPECT_TRUE(eventually([&] { return !reader.age_us("webhook"); }));
  (void)a->call({"DEL", prefix + ":beat", prefix + ":beats"});
}

TEST_F(SharedStateTest, ForgetsAWorkerThatIsSilent) {
  Heartbeats beats(a->client, clock, {.key = prefix + ":beat", .forget_us = 50 * kMs});
  beats.beat("ingest", "w-1");
  EXPECT_TRUE(eventually([&] { return beats.workers()->empty(); }));
  (void)a->call({"DEL", prefix + ":beat", prefix + ":beats"});
}

TEST_F(SharedStateTest, WakesTheWorkersOfOtherProcesses) {
  std::atomic<int> all = 0;
  std::atomic<int> ingest = 0;
  WakeUps sleeper(a->client, prefix + ":wake", [&](std::string_view kind) {
    if (kind.empty()) ++all;
    if (kind == "ingest") ++ingest;
  });
  WakeUps writer(b->client, prefix + ":wake", [](std::string_view) {});
  ASSERT_TRUE(eventually([&] { return sleeper.live() && writer.live(); }));
  EXPECT_EQ(all, 1) << "what came before was missed, so everybody looks once";
  writer.publish("ingest");
  EXPECT_TRUE(eventually([&] { return ingest > 0; }));
}

TEST_F(SharedStateTest, AThousandCommitsNeedFewMessagesAndTheLastIsNeverLost) {
  std::atomic<int> committed = 0;
  std::atomic<int> seen = 0;
  std::atomic<int> messages = 0;
  WakeUps sleeper(a->client, prefix + ":wake", [&](std::string_view kind) {
    seen = committed.load();
    if (!kind.empty()) ++messages;
  });
  WakeUps writer(b->client, prefix + ":wake", [](std::string_view) {});
  ASSERT_TRUE(eventually([&] { return sleeper.live(); }));
  for (int i = 0; i < 1'000; ++i) {
    ++committed;
    writer.publish("ingest");
  }
  EXPECT_TRUE(eventually([&] { return seen == 1'000; }));
  EXPECT_LE(messages, 1'000);
}

/// Names what a breaker answers, so that two stores can be compared.
std::string text_of(const outbound::BreakerAdmission& admission) {
  return std::string(admission.allowed ? "yes" : "no") + (admission.ticket.trial ? " trial" : "") +
         (admission.changed_to ? " " + std::string(to_string(*admission.changed_to)) : "");
}
std::string text_of(std::optional<BreakerState> state) {
  return state ? std::string(to_string(*state)) : "-";
}

TEST_F(SharedStateTest, BreakersFollowTheSameStepsAsThoseOfOneProcess) {
  EXPECT_TRUE(rc::check([this] {
    // With an open time of 0 or of an hour the clocks do not matter.
    const BreakerPolicy policy{.failure_threshold = *rc::gen::inRange(1, 4),
                               .open_us = *rc::gen::element<std::int64_t>(0, 3'600 * kSecond),
                               .half_open_trials = *rc::gen::inRange(1, 3)};
    SharedBreakers shared(a->client, clock, prefix, 60 * kSecond);
    SharedBreakers other(b->client, clock, prefix, 60 * kSecond);
    outbound::LocalBreakerStore local(clock);
    (void)shared.reset("x");
    std::vector<std::pair<outbound::BreakerTicket, outbound::BreakerTicket>> open;
    const int steps = *rc::gen::inRange(1, 25);
    for (int i = 0; i < steps; ++i) {
      SharedBreakers& one = i % 2 == 0 ? shared : other;
      if (open.empty() || *rc::gen::arbitrary<bool>()) {
        const auto expected = local.admit("x", policy);
        const auto got = one.admit("x", policy);
        RC_ASSERT(text_of(got) == text_of(expected));
        if (got.allowed) open.emplace_back(expected.ticket, got.ticket);
      } else {
        const auto at = static_cast<std::size_t>(*rc::gen::inRange(0, static_cast<int>(open.size())));
        const auto outcome =
            *rc::gen::element(BreakerOutcome::kSuccess, BreakerOutcome::kFailure, BreakerOutcome::kNeither);
        const auto expected = local.settle("x", policy, open[at].first, outcome);
        RC_ASSERT(text_of(one.settle("x", policy, open[at].second, outcome)) == text_of(expected));
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      }
      RC_ASSERT(one.state("x") == local.state("x"));
    }
  }));
  (void)a->call({"DEL", prefix + ":x"});
}

TEST_F(SharedStateTest, ABreakerThatOneReplicaOpenedIsOpenForAllAndReadsAsDescribed) {
  const BreakerPolicy policy{.failure_threshold = 1};
  SharedBreakers one(a->client, clock, prefix, 120 * kSecond);
  SharedBreakers two(b->client, clock, prefix, 120 * kSecond);
  EXPECT_EQ(one.settle("x", policy, one.admit("x", policy).ticket, BreakerOutcome::kFailure), BreakerState::kOpen);
  EXPECT_FALSE(two.admit("x", policy).allowed);
  EXPECT_EQ(a->say({"HGET", prefix + ":x", "state"}), "open");
  EXPECT_NE(a->say({"HGET", prefix + ":x", "opened_at"}), "");
  EXPECT_EQ(a->say({"HGET", prefix + ":x", "failures"}), "0");
  EXPECT_GT(a->call({"PTTL", prefix + ":x"}).value.integer, 100'000);
  EXPECT_TRUE(two.reset("x"));
  EXPECT_TRUE(one.admit("x", policy).allowed);
  (void)a->call({"DEL", prefix + ":x"});
}

TEST(SharedBreakersTest, GoOnInThisProcessWhileRedisIsAway) {
  TestClient nobody("redis://127.0.0.1:1");
  SystemClock clock;
  SharedBreakers breakers(nobody.client, clock, "nexusrag-test", 60 * kSecond);
  const BreakerPolicy policy{.failure_threshold = 2};
  for (int i = 0; i < 2; ++i) {
    const auto admission = breakers.admit("x", policy);
    ASSERT_TRUE(admission.allowed);
    (void)breakers.settle("x", policy, admission.ticket, BreakerOutcome::kFailure);
  }
  EXPECT_FALSE(breakers.admit("x", policy).allowed);
  EXPECT_EQ(breakers.state("x"), BreakerState::kOpen);
  EXPECT_TRUE(breakers.reset("x"));
  EXPECT_TRUE(breakers.admit("x", policy).allowed);
}

}  // namespace
}  // namespace nexus::redis
