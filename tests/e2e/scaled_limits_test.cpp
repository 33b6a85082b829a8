// Rate limits that two servers share through Redis, and what happens without it.
#include "e2e/scaled_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>

namespace nexus::e2e {
namespace {

using std::chrono::steady_clock;

constexpr int kRps = 20;
constexpr int kBurst = 30;

class ScaledLimits : public ScaledTest {
 protected:
  Environment changes() const override {
    Environment out{{"RATE_LIMIT_ENABLED", "true"}};
    for (const char* who : {"KEY", "TENANT"}) {
      out.emplace_back(fmt::format("RL_{}_READ_RPS", who), std::to_string(kRps));
      out.emplace_back(fmt::format("RL_{}_READ_BURST", who), std::to_string(kBurst));
    }
    return out;
  }

  static bool is_degraded(const Response& answer) {
    const std::string* status = answer.header("X-RateLimit-Status");
    return status != nullptr && *status == "degraded";
  }
};

TEST_F(ScaledLimits, TwoReplicasGrantOneKeyNoMoreThanOneBurstBeyondItsLimit) {
  constexpr int kClients = 8;
  constexpr std::chrono::seconds kHowLong{4};
  start_all();
  std::atomic<int> granted{0};
  std::atomic<int> refused{0};
  std::atomic<int> others{0};
  const TimePoint begin = steady_clock::now();
  {
    std::vector<std::jthread> crowd;
    for (int i = 0; i < kClients; ++i)
      crowd.emplace_back([&, client = fleet().client(static_cast<std::size_t>(i) % 2)]() mutable {
        while (steady_clock::now() < begin + kHowLong) {
          const Response got = client.get("/v1/corpora");
          if (got.status == 200) ++granted;
          if (got.status == 429) ++refused;
          if (got.status != 200 && got.status != 429) ++others;
        }
      });
  }
  const std::chrono::duration<double> took = steady_clock::now() - begin;
  EXPECT_EQ(others, 0) << fleet().logs();
  EXPECT_GT(refused, 0) << "the limit was never reached";
  EXPECT_LE(granted, kBurst + static_cast<int>(took.count() * kRps) + kBurst);
  EXPECT_GE(granted, kBurst) << "a key may use its burst";
}

TEST_F(ScaledLimits, ALostRedisIsSaidInHeadersAndEndsByItself) {
  start_all();
  fleet().start_worker(1);
  TestClient clients[] = {fleet().client(0), fleet().client(1)};
  const auto paced = [](TestClient& client) {
    for (;;) {
      Response got = client.get("/v1/corpora");
      if (got.status != 429) return got;
      std::this_thread::sleep_for(std::chrono::milliseconds(1000 / kRps));  // what the limit asks for
    }
  };
  for (TestClient& client : clients) EXPECT_FALSE(is_degraded(paced(client)));
  fleet().redis().kill();
  for (TestClient& client : clients)
    EXPECT_TRUE(eventually([&] {
      const Response got = paced(client);
      EXPECT_EQ(got.status, 200) << got.body;
      return is_degraded(got);
    })) << fleet().logs();
  const Planned document = plan_document("meanwhile", 60);
  ASSERT_EQ(send_text(clients[0], "c1", document).status, 202);
  EXPECT_TRUE(eventually([&] {
    return paced(clients[0]).status == 200 && status_of(clients[1], "meanwhile") == "succeeded";
  })) << "workers look for themselves when nobody wakes them";
  fleet().redis().start();
  for (TestClient& client : clients)
    EXPECT_TRUE(eventually([&] { return !is_degraded(paced(client)); })) << fleet().logs();
  testing::PgLink rows = fleet().rows();
  const auto told = rows.number("SELECT count(*) FROM audit_events WHERE event_type = 'system.rate_limit.degraded'");
  EXPECT_GE(told, 1);
  EXPECT_LE(told, 2) << "each replica says it once, when it begins";
}

}  // namespace
}  // namespace nexus::e2e
