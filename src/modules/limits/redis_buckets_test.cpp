#include "modules/limits/redis_buckets.h"

#include "base/time.h"
#include "redis/server_fixture.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace nexus::limits {
namespace {

using http::RouteClass;
using redis::testing::kSecond;
using redis::testing::TestClient;

struct Rates {
  Rate key{1, 5};
  Rate tenant{3, 15};
};

Take take(const Rates& rates, std::int64_t cost, std::optional<std::int64_t> now_us = {}, std::string_view key = "k1",
          std::string_view tenant = "t1") {
  return {.credential_id = key,
          .tenant_id = tenant,
          .route_class = RouteClass::kRead,
          .cost = cost,
          .key_rate = rates.key,
          .tenant_rate = rates.tenant,
          .now_us = now_us ? *now_us : SystemClock().steady_us()};
}

class RedisBucketsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto url = redis::testing::shared_url();
    if (!url) GTEST_SKIP() << "NEXUSRAG_TEST_REDIS names no server";
    c = std::make_unique<TestClient>(*url);
    ASSERT_TRUE(c->client.wait_until_up(5 * kSecond));
  }
  [[nodiscard]] std::string prefix() { return base + ":" + std::to_string(++round); }

  const std::string base = redis::testing::random_prefix();
  int round = 0;
  std::unique_ptr<TestClient> c;
  LocalBuckets shadow{1'000};
};

bool same(const Decision& a, const Decision& b) {
  return a.lost == b.lost && a.allowed == b.allowed && a.denied == b.denied && a.retry_after_ms == b.retry_after_ms &&
         a.key_level == b.key_level && a.tenant_level == b.tenant_level;
}

TEST_F(RedisBucketsTest, DecidesLikeTheLocalBucketsToTheLastUnit) {
  EXPECT_TRUE(rc::check([this] {
    const auto rate = [] {
      // From a token in a thousand seconds to a million a second, with all six decimals.
      const double per_second = static_cast<double>(*rc::gen::inRange<std::int64_t>(1'000, 10'000'000)) / 1e6 *
                                *rc::gen::element(1.0, 1'000.0, 100'000.0);
      return Rate(std::clamp(per_second, Rate::kLeastPerSecond, Rate::kMostPerSecond),
                  *rc::gen::element<std::int64_t>(3, 5, 17, 1'000, 1'000'000));
    };
    const Rates rates{.key = rate(), .tenant = rate()};
    LocalBuckets local(100);
    LocalBuckets own(100);
    RedisBuckets shared(c->client, own, prefix(), RedisBuckets::Time::kCaller);
    std::int64_t now_us = *rc::gen::inRange<std::int64_t>(1, 2'000'000'000'000'000);
    const int steps = *rc::gen::inRange(1, 30);
    for (int i = 0; i < steps; ++i) {
      // Now and then ages pass.
      now_us += *rc::gen::weightedOneOf<std::int64_t>({{8, rc::gen::inRange<std::int64_t>(0, 3'000'000)},
                                                       {1, rc::gen::inRange<std::int64_t>(0, 2'000'000'000'000)}});
      const std::int64_t most = std::min(rates.key.burst(), rates.tenant.burst());
      const std::int64_t cost = *rc::gen::element<std::int64_t>(1, 3, most);
      const std::string key = "k" + std::to_string(*rc::gen::inRange(0, 2));
      const Take one = take(rates, cost, now_us, key);
      RC_ASSERT(same(shared.decide(one), local.decide(one)));
    }
  }));
}

TEST_F(RedisBucketsTest, AClockThatGoesBackCreditsNothingAndHoldsNobodyUp) {
  RedisBuckets buckets(c->client, shadow, prefix(), RedisBuckets::Time::kCaller);
  const Rates rates{.key = Rate(1, 10), .tenant = Rate(1, 10)};
  const std::int64_t then = 1'000 * kSecond;
  EXPECT_EQ(buckets.decide(take(rates, 5, then)).key_level, 5 * kToken);
  EXPECT_EQ(buckets.decide(take(rates, 1, then - kSecond / 2)).key_level, 4 * kToken);
  EXPECT_EQ(buckets.decide(take(rates, 1, then + kSecond)).key_level, 4 * kToken);
  // A server that took over may be minutes behind; the bucket goes on from its time.
  LocalBuckets other(10);
  RedisBuckets late(c->client, other, base + ":" + std::to_string(round), RedisBuckets::Time::kCaller);
  EXPECT_EQ(late.decide(take(rates, 1, then - 300 * kSecond)).key_level, 3 * kToken);
  EXPECT_EQ(late.decide(take(rates, 1, then - 299 * kSecond)).key_level, 3 * kToken);
}

TEST_F(RedisBucketsTest, GoesByTheServersClockAndForgetsABucketThatIsFull) {
  const std::string name = prefix();
  RedisBuckets buckets(c->client, shadow, name);
  const Rates rates{.key = Rate(20, 3), .tenant = Rate(1'000, 1'000)};
  EXPECT_TRUE(buckets.decide(take(rates, 3)).allowed);
  const Decision refused = buckets.decide(take(rates, 3));
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.denied, Scope::kApiKey);
  EXPECT_GT(refused.retry_after_ms, 0);
  EXPECT_LE(refused.retry_after_ms, 150);
  EXPECT_EQ(c->say({"EXISTS", name + ":{t1}:key:k1:read"}), "1");
  EXPECT_TRUE(redis::testing::eventually([&] { return buckets.decide(take(rates, 3)).allowed; }));
  EXPECT_TRUE(redis::testing::eventually([&] { return c->say({"EXISTS", name + ":{t1}:key:k1:read"}) == "0"; }));
  EXPECT_EQ(c->say({"EXISTS", name + ":{t1}:tenant:read"}), "0");
}

TEST_F(RedisBucketsTest, TwoReplicasShareOneBurst) {
  const std::string name = prefix();
  const Rates rates{.key = Rate(0.001, 100), .tenant = Rate(0.001, 60)};
  std::atomic<int> granted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      LocalBuckets own(100);
      RedisBuckets replica(c->client, own, name);
      for (int i = 0; i < 50; ++i)
        if (replica.decide(take(rates, 1, {}, "k" + std::to_string(t % 2))).allowed) ++granted;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(granted, 60);
  (void)c->call({"DEL", name + ":{t1}:tenant:read", name + ":{t1}:key:k0:read", name + ":{t1}:key:k1:read"});
}

TEST_F(RedisBucketsTest, IdsCannotReachTheBucketsOfOthers) {
  const std::string name = prefix();
  RedisBuckets buckets(c->client, shadow, name);
  const Rates rates{.key = Rate(0.001, 1), .tenant = Rate(0.001, 10)};
  EXPECT_TRUE(buckets.decide(take(rates, 1, {}, "k", "a}:key:b{")).allowed);
  EXPECT_TRUE(buckets.decide(take(rates, 1, {}, "k", "}")).allowed);
  EXPECT_TRUE(buckets.decide(take(rates, 1, {}, "k:read", "a")).allowed);
  EXPECT_TRUE(buckets.decide(take(rates, 1, {}, "k", "a")).allowed);
  EXPECT_EQ(c->say({"EXISTS", name + ":{a%7D%3Akey%3Ab%7B}:tenant:read"}), "1");
  for (const std::string id : {"a%7D%3Akey%3Ab%7B", "%7D", "a"})
    (void)c->call({"DEL", name + ":{" + id + "}:tenant:read", name + ":{" + id + "}:key:k:read",
                   name + ":{" + id + "}:key:k%3Aread:read"});
}

TEST_F(RedisBucketsTest, ABucketThatIsNoBucketCountsAsNone) {
  const std::string name = prefix();
  RedisBuckets buckets(c->client, shadow, name);
  const Rates rates;
  (void)c->call({"SET", name + ":{t1}:key:k1:read", "garbage"});
  const Decision decision = buckets.decide(take(rates, 1));
  EXPECT_TRUE(decision.allowed);
  EXPECT_EQ(decision.key_level, 4 * kToken);
  (void)c->call({"DEL", name + ":{t1}:key:k1:read", name + ":{t1}:tenant:read"});
}

TEST(LostRedisBucketsTest, SayLostAtOnceAndTheShadowKnowsWhatWasGranted) {
  if (!redis::testing::in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  redis::testing::Server server;
  TestClient c(server.url());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  LocalBuckets shadow(100);
  RedisBuckets buckets(c.client, shadow, "rl");
  const Rates rates{.key = Rate(0.001, 5), .tenant = Rate(0.001, 5)};
  int granted = 0;
  for (int i = 0; i < 3; ++i) granted += buckets.decide(take(rates, 1)).allowed ? 1 : 0;
  EXPECT_EQ(granted, 3);
  server.kill();
  ASSERT_TRUE(redis::testing::eventually([&] { return buckets.decide(take(rates, 1)).lost; }));
  for (int i = 0; i < 10; ++i)
    if (shadow.decide(take(rates, 1)).allowed) ++granted;
  EXPECT_EQ(granted, 5) << "the outage gives nobody a second burst";
  server.start();
  EXPECT_TRUE(redis::testing::eventually([&] { return !buckets.decide(take(rates, 1)).lost; }));
}

TEST(LostRedisBucketsTest, TwoReplicasStayWithinOneBurstOfTheLimitThroughAKillAndAnEmptyRestart) {
  if (!redis::testing::in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  redis::testing::Server server;
  TestClient c(server.url());
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  constexpr int kBurst = 20;
  const Rates rates{.key = Rate(0.001, kBurst), .tenant = Rate(0.001, kBurst)};
  struct Replica {
    explicit Replica(redis::Client& client) : shared(client, local, "rl") {}
    /// As the gate does it.
    bool ask(const Rates& limits) {
      const Decision decision = shared.decide(take(limits, 1));
      return decision.lost ? local.decide(take(limits, 1)).allowed : decision.allowed;
    }
    LocalBuckets local{100};
    RedisBuckets shared;
  };
  Replica one(c.client);
  Replica two(c.client);
  int granted = 0;
  const auto hammer = [&] {
    for (int i = 0; i < 3 * kBurst; ++i) granted += (one.ask(rates) ? 1 : 0) + (two.ask(rates) ? 1 : 0);
  };
  hammer();
  EXPECT_EQ(granted, kBurst);
  server.kill();
  hammer();
  EXPECT_LE(granted, 2 * kBurst);
  server.start();
  ASSERT_TRUE(redis::testing::eventually([&] { return c.say({"PING"}) == "PONG"; }));
  hammer();
  EXPECT_LE(granted, 2 * kBurst);
}

TEST(LostRedisBucketsTest, AServerThatHangsCostsItsTimeLimitOnceAndThenNothing) {
  if (!redis::testing::in_path("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  const redis::testing::Server server;
  TestClient c(server.url(), {});
  ASSERT_TRUE(c.client.wait_until_up(5 * kSecond));
  LocalBuckets shadow(100);
  RedisBuckets buckets(c.client, shadow, "rl");
  const Rates rates;
  server.freeze();
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(buckets.decide(take(rates, 1)).lost);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(3));
  server.thaw();
  EXPECT_TRUE(redis::testing::eventually([&] { return !buckets.decide(take(rates, 1)).lost; }));
}

}  // namespace
}  // namespace nexus::limits
