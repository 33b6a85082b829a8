#include "modules/limits/local_buckets.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace nexus::limits {
namespace {

using http::RouteClass;

constexpr std::int64_t kMs = 1'000;
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::size_t kRoom = 10'000;

struct Rates {
  Rate key{1, 5};
  Rate tenant{3, 15};
};

Take take(const Rates& rates, std::int64_t cost, std::int64_t now_us, std::string_view key = "k1",
          std::string_view tenant = "t1", RouteClass route_class = RouteClass::kRead) {
  return {.credential_id = key,
          .tenant_id = tenant,
          .route_class = route_class,
          .cost = cost,
          .key_rate = rates.key,
          .tenant_rate = rates.tenant,
          .now_us = now_us};
}

TEST(LocalBucketsTest, TakesTheCostFromBothBuckets) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  const Decision first = buckets.decide(take(rates, 3, 0));
  EXPECT_TRUE(first.allowed);
  EXPECT_FALSE(first.lost);
  EXPECT_EQ(first.key_level, 2 * kToken);
  EXPECT_EQ(first.tenant_level, 12 * kToken);
}

TEST(LocalBucketsTest, TakesFromNeitherWhenOneIsShort) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  (void)buckets.decide(take(rates, 3, 0));
  const Decision second = buckets.decide(take(rates, 3, 0));
  EXPECT_FALSE(second.allowed);
  EXPECT_EQ(second.key_level, 2 * kToken);
  EXPECT_EQ(second.tenant_level, 12 * kToken);
}

// ---- contract 01 §6.2, step 5 ----

TEST(LocalBucketsTest, NamesTheKeyWhenOnlyTheKeyIsShort) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  (void)buckets.decide(take(rates, 3, 0));
  const Decision denied = buckets.decide(take(rates, 3, 0));
  EXPECT_EQ(denied.denied, Scope::kApiKey);
  EXPECT_EQ(denied.retry_after_ms, 1'000);
}

TEST(LocalBucketsTest, NamesTheTenantWhenOnlyTheTenantIsShort) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(1, 5), .tenant = Rate(2, 5)};
  (void)buckets.decide(take(rates, 4, 0, "k1"));
  const Decision denied = buckets.decide(take(rates, 3, 0, "k2"));
  EXPECT_EQ(denied.denied, Scope::kTenant);
  EXPECT_EQ(denied.retry_after_ms, 1'000);
  EXPECT_EQ(denied.key_level, 5 * kToken);
}

TEST(LocalBucketsTest, NamesTheTenantWhenBothAreShortAndItsWaitIsLonger) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(2, 5), .tenant = Rate(1, 5)};
  (void)buckets.decide(take(rates, 5, 0));
  const Decision denied = buckets.decide(take(rates, 1, 0));
  EXPECT_EQ(denied.denied, Scope::kTenant);
  EXPECT_EQ(denied.retry_after_ms, 1'000);
}

TEST(LocalBucketsTest, NamesTheKeyWhenBothAreShortAndItsWaitIsLonger) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(1, 5), .tenant = Rate(2, 5)};
  (void)buckets.decide(take(rates, 5, 0));
  const Decision denied = buckets.decide(take(rates, 1, 0));
  EXPECT_EQ(denied.denied, Scope::kApiKey);
  EXPECT_EQ(denied.retry_after_ms, 1'000);
}

TEST(LocalBucketsTest, NamesTheKeyWhenBothWaitEquallyLong) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(1, 5), .tenant = Rate(1, 5)};
  (void)buckets.decide(take(rates, 5, 0));
  const Decision denied = buckets.decide(take(rates, 1, 0));
  EXPECT_EQ(denied.denied, Scope::kApiKey);
  EXPECT_EQ(denied.retry_after_ms, 1'000);
}

// ---- who shares what ----

TEST(LocalBucketsTest, EachClassHasItsOwnBuckets) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  for (const RouteClass one : {RouteClass::kRead, RouteClass::kMutation, RouteClass::kOps, RouteClass::kRun})
    EXPECT_TRUE(buckets.decide(take(rates, 5, 0, "k1", "t1", one)).allowed) << http::to_string(one);
}

TEST(LocalBucketsTest, TheSameKeyIdUnderAnotherTenantIsAnotherKey) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  EXPECT_TRUE(buckets.decide(take(rates, 5, 0, "dev-bypass", "t1")).allowed);
  EXPECT_TRUE(buckets.decide(take(rates, 5, 0, "dev-bypass", "t2")).allowed);
  EXPECT_FALSE(buckets.decide(take(rates, 5, 0, "dev-bypass", "t1")).allowed);
}

TEST(LocalBucketsTest, AClockThatGoesBackNeitherFillsNorStarves) {
  LocalBuckets buckets(kRoom);
  const Rates rates;
  EXPECT_TRUE(buckets.decide(take(rates, 5, 10 * kSecond)).allowed);
  EXPECT_FALSE(buckets.decide(take(rates, 1, 2 * kSecond)).allowed);
  EXPECT_FALSE(buckets.decide(take(rates, 1, 10 * kSecond)).allowed);
  EXPECT_TRUE(buckets.decide(take(rates, 1, 11 * kSecond)).allowed);
  EXPECT_FALSE(buckets.decide(take(rates, 1, 11 * kSecond)).allowed);
}

TEST(LocalBucketsTest, WaitingAsLongAsToldIsEnoughHoweverOftenOneAsks) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(0.7, 5), .tenant = Rate(1000, 1000)};
  (void)buckets.decide(take(rates, 5, 0));
  const std::int64_t wait_ms = buckets.decide(take(rates, 3, 0)).retry_after_ms;
  EXPECT_EQ(wait_ms, 4'286);
  for (std::int64_t ms = 1; ms < wait_ms; ++ms) ASSERT_FALSE(buckets.decide(take(rates, 3, ms * kMs)).allowed) << ms;
  EXPECT_TRUE(buckets.decide(take(rates, 3, wait_ms * kMs)).allowed);
}

TEST(LocalBucketsTest, StaysWithinItsBoundUnderAFloodOfTenants) {
  constexpr std::size_t kMost = 1'600;
  LocalBuckets buckets(kMost);
  const Rates rates;
  for (int i = 0; i < 20'000; ++i) (void)buckets.decide(take(rates, 1, i, "k", "tenant-" + std::to_string(i)));
  EXPECT_LE(buckets.size(), kMost);
  EXPECT_GT(buckets.size(), kMost / 2);
}

TEST(LocalBucketsTest, DecidesEvenWhereOnlyTwoBucketsHaveRoom) {
  LocalBuckets buckets(1);
  const Rates rates;
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(buckets.decide(take(rates, 5, 0, "k", "tenant-" + std::to_string(i % 100))).key_level % kToken, 0);
  EXPECT_LE(buckets.size(), 32);
}

TEST(LocalBucketsTest, ANewKeyDoesNotPushItsOwnTenantOut) {
  LocalBuckets buckets(1);  // room for two in a shard: the tenant's and one key's
  const Rates rates;
  (void)buckets.decide(take(rates, 1, 0, "k1"));
  // Both are full again, the tenant's bucket for longer than the key's.
  EXPECT_EQ(buckets.decide(take(rates, 1, 100 * kSecond, "k2")).tenant_level, 14 * kToken);
  EXPECT_EQ(buckets.decide(take(rates, 1, 100 * kSecond, "k2")).tenant_level, 13 * kToken);
  EXPECT_EQ(buckets.size(), 2);
}

// ---- against a naive model ----

struct Naive {
  struct State {
    std::int64_t level;  // trillionths of a token
    std::int64_t at_us;
  };
  std::map<std::string, State> states;

  State& refilled(const std::string& name, std::int64_t milli_rate, std::int64_t burst, std::int64_t now_us) {
    const std::int64_t most = std::int64_t{burst} * kToken;
    auto [at, added] = states.try_emplace(name, State{most, now_us});
    const std::int64_t passed = std::max<std::int64_t>(0, now_us - at->second.at_us);
    at->second.level = std::min(most, at->second.level + std::int64_t{passed} * milli_rate * 1'000);
    at->second.at_us = std::max(at->second.at_us, now_us);
    return at->second;
  }
};

TEST(LocalBucketsProperty, DecidesAsTheNaiveModelDoes) {
  rc::check([] {
    const std::int64_t key_milli = *rc::gen::inRange<std::int64_t>(1, 20'000);
    const std::int64_t tenant_milli = *rc::gen::inRange<std::int64_t>(1, 40'000);
    const std::int64_t key_burst = *rc::gen::inRange<std::int64_t>(3, 12);
    const std::int64_t tenant_burst = *rc::gen::inRange<std::int64_t>(3, 24);
    const Rates rates{.key = Rate(static_cast<double>(key_milli) / 1000.0, key_burst),
                      .tenant = Rate(static_cast<double>(tenant_milli) / 1000.0, tenant_burst)};
    LocalBuckets buckets(kRoom);
    Naive naive;
    std::int64_t now = 0;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, bool, std::int64_t>>>(
        rc::gen::tuple(rc::gen::inRange(0, 3), rc::gen::inRange(0, 2), rc::gen::arbitrary<bool>(),
                       rc::gen::inRange<std::int64_t>(-50 * kMs, 900 * kMs)));
    for (const auto& [key_no, tenant_no, is_run, passed] : steps) {
      now += passed;
      const std::int64_t cost = is_run ? 3 : 1;
      const std::string tenant = "t" + std::to_string(tenant_no);
      const std::string key = tenant + "-k" + std::to_string(key_no);
      auto& key_state = naive.refilled(key, key_milli, key_burst, now);
      auto& tenant_state = naive.refilled(tenant, tenant_milli, tenant_burst, now);
      const std::int64_t price = std::int64_t{cost} * kToken;
      const bool allowed = key_state.level >= price && tenant_state.level >= price;
      if (allowed) {
        key_state.level -= price;
        tenant_state.level -= price;
      }
      const Decision decision = buckets.decide(take(rates, cost, now, key, tenant));
      RC_ASSERT(decision.allowed == allowed);
      RC_ASSERT(decision.key_level == key_state.level);
      RC_ASSERT(decision.tenant_level == tenant_state.level);
      if (allowed) continue;
      // Smallest whole wait after which the named bucket can pay.
      const bool by_key = decision.denied == Scope::kApiKey;
      const std::int64_t missing = price - (by_key ? key_state.level : tenant_state.level);
      const std::int64_t per_ms = std::int64_t{by_key ? key_milli : tenant_milli} * 1'000'000;
      RC_ASSERT(missing <= decision.retry_after_ms * per_ms);
      RC_ASSERT(missing > (decision.retry_after_ms - 1) * per_ms);
    }
  });
}

// ---- concurrency ----

TEST(LocalBucketsConcurrency, SixtyFourThreadsGetNoMoreThanBurstAndRate) {
  constexpr int kThreads = 64;
  constexpr int kCalls = 2'000;
  constexpr std::int64_t kStep = 50;  // µs of the shared clock per call
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(400, 40), .tenant = Rate(1'000, 100)};
  std::atomic<std::int64_t> clock{0};
  std::atomic<std::int64_t> passed{0};
  std::array<std::atomic<std::int64_t>, 4> passed_by_key{};
  std::latch start(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        const std::size_t key_no = static_cast<std::size_t>(t) % passed_by_key.size();
        const std::string key = "k" + std::to_string(key_no);
        start.arrive_and_wait();
        for (int i = 0; i < kCalls; ++i) {
          // Read before the lock is taken, so that readings arrive out of order.
          const std::int64_t now = clock.fetch_add(kStep);
          if (!buckets.decide(take(rates, 1, now, key)).allowed) continue;
          passed.fetch_add(1);
          passed_by_key[key_no].fetch_add(1);
        }
      });
  }
  const std::int64_t elapsed = clock.load();  // 6.4 s
  EXPECT_LE(passed.load(), 100 + elapsed * 1'000 / kSecond);
  EXPECT_GE(passed.load(), 100);
  for (const auto& own : passed_by_key) EXPECT_LE(own.load(), 40 + elapsed * 400 / kSecond);
}

TEST(LocalBucketsConcurrency, WithoutTimeExactlyTheBurstPasses) {
  LocalBuckets buckets(kRoom);
  const Rates rates{.key = Rate(1, 1'000'000), .tenant = Rate(1, 1'000)};
  std::atomic<std::int64_t> passed{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 64; ++t)
      threads.emplace_back([&, t] {
        const std::string key = "k" + std::to_string(t);
        for (int i = 0; i < 100; ++i)
          if (buckets.decide(take(rates, 1, 0, key)).allowed) passed.fetch_add(1);
      });
  }
  EXPECT_EQ(passed.load(), 1'000);
}

}  // namespace
}  // namespace nexus::limits
