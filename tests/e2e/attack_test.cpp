// Floods of wrong keys and of requests; counts that wait for a shut-down.
#include "e2e/enforcement_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

namespace nexus::e2e {
namespace {

// ---- what a proper end writes ----

/// Refusals of a type that the audit log knows of; one event may stand for many.
std::string refusals(std::string_view type) {
  return fmt::format(
      "SELECT coalesce(sum(coalesce(json_extract(metadata_json, '$.count'), 1)), 0) FROM audit_events"
      " WHERE event_type = '{}'",
      type);
}

std::string rows(std::string_view type) {
  return fmt::format("SELECT count(*) FROM audit_events WHERE event_type = '{}'", type);
}

std::string wrong_key(int number) {
  return fmt::format("nrgk_{:032x}_{:043}", number, number);
}

TEST(Shutdown, WritesCountsAndRefusalsThatWereOnlyInMemory) {
  Server server(Environment{{"USAGE_FLUSH_INTERVAL_MS", "60000"}, {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(server.client());
  at_once(std::move(clients), [&](TestClient& client, int) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get(kCheap).status, 200);
  });
  TestClient stranger(server.port());
  for (int i = 0; i < 25; ++i)
    EXPECT_EQ(stranger.get(kCheap, {{"Authorization", "Bearer " + wrong_key(i)}}).status, 401);
  EXPECT_LT(counted(server, "day"), 40) << "it was flushed early: nothing is shown";
  EXPECT_LT(stored(server, refusals("auth.access.failure")), 25) << "it was written early: nothing is shown";
  EXPECT_EQ(server.stop(), 0);

  EXPECT_EQ(counted(server, "day"), 40);
  EXPECT_EQ(counted(server, "month"), 40);
  EXPECT_EQ(stored(server, "SELECT sum(count) FROM usage_rollups WHERE tenant_id = 't1' AND kind = 'request'"), 40);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), 25);
  EXPECT_LE(stored(server, rows("auth.access.failure")), 2);
  server.start();
  TestClient after = server.client();
  const Response summary = after.get("/v1/self-serve/usage/summary");
  ASSERT_EQ(summary.status, 200) << summary.body;
  const boost::json::value body = summary.json();
  EXPECT_EQ(body.at("data").at("quota").at("day").at("used"), 41) << "forty and this one";
  EXPECT_EQ(body.at("data").at("requests").at("total"), 41);
  EXPECT_TRUE(audit_holds(after));
  EXPECT_EQ(server.stop(), 0);
}

// ---- attackers ----

constexpr int kGuesses = 5'000;
constexpr int kGuessers = 16;

bool claims_a_real_id(int guess) {
  return guess % 50 == 0;
}

/// 5,000 wrong keys from the addresses that `address_of` names. Returns how often each status came.
std::map<int, int> guess(Server& server, const std::function<std::string(int)>& address_of) {
  std::mutex mutex;
  std::map<int, int> statuses;
  const std::string id = server.key().substr(0, server.key().rfind('_'));
  std::vector<TestClient> clients;
  for (int i = 0; i < kGuessers; ++i) clients.emplace_back(server.port(), std::chrono::seconds(60));
  at_once(std::move(clients), [&](TestClient& client, int first) {
    for (int i = first; i < kGuesses; i += kGuessers) {
      const std::string key = claims_a_real_id(i) ? fmt::format("{}_{:043}", id, i) : wrong_key(i);
      const int status =
          client.get(kCheap, {{"Authorization", "Bearer " + key}, {"X-Forwarded-For", address_of(i)}}).status;
      const std::lock_guard lock(mutex);
      ++statuses[status];
    }
  });
  return statuses;
}

TEST(Attack, WithFiveThousandWrongKeysLeavesFewAuditRowsAndTheKeyItAimsAtWorksOn) {
  Server server(Environment{{"RATE_LIMIT_ENABLED", "true"},
                            {"RL_FAILURE_BURST", "10"},
                            {"RL_KEY_READ_RPS", "100000"},
                            {"RL_KEY_READ_BURST", "100000"},
                            {"RL_TENANT_READ_RPS", "100000"},
                            {"RL_TENANT_READ_BURST", "100000"},
                            {"AUDIT_AGGREGATE_MAX_KINDS", "16"},
                            {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  std::atomic<bool> over{false};
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  std::map<int, int> statuses;
  {
    const std::jthread owner([&] {
      TestClient client = server.client();
      do {
        ++(client.get(kCheap, {{"X-Forwarded-For", "198.51.100.4"}}).status == 200 ? served : refused);
      } while (!over);
    });
    // One address that tries keys at random; and many that aim at one key, so that its id alone would be suspicious.
    statuses = guess(server, [](int i) {
      return claims_a_real_id(i) ? fmt::format("10.0.{}.1", i / 50) : std::string("203.0.113.7");
    });
    over = true;
  }
  EXPECT_GT(served, 0);
  EXPECT_EQ(refused, 0) << "guesses at a key must not lock its owner out";
  EXPECT_EQ(statuses[401] + statuses[429], kGuesses);
  EXPECT_GT(statuses[429], statuses[401]) << "an address that only fails has to wait";
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), statuses[401]);
  EXPECT_EQ(stored(server, refusals("security.rate_limited")), statuses[429]);
  EXPECT_LE(stored(server, rows("auth.access.failure")) + stored(server, rows("security.rate_limited")), 2 * (16 + 2));
}

TEST(Attack, FromFiveThousandAddressesNeitherFillsTheAuditLogNorHidesAFailure) {
  Server server(Environment{{"AUDIT_AGGREGATE_MAX_KINDS", "16"}, {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  const std::map<int, int> statuses = guess(server, [](int i) { return fmt::format("10.{}.{}.1", i / 250, i % 250); });
  EXPECT_EQ(statuses, (std::map<int, int>{{401, kGuesses}}));
  TestClient client = server.client();
  EXPECT_EQ(client.get(kCheap).status, 200);
  const std::string metrics = client.get("/v1/metrics").body;
  EXPECT_NE(metrics.find(fmt::format("nexusrag_auth_failures_total{{code=\"AUTH_UNAUTHORIZED\"}} {}\n", kGuesses)),
            std::string::npos)
      << metrics;
  EXPECT_TRUE(audit_holds(client));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), kGuesses);
  EXPECT_LE(stored(server, rows("auth.access.failure")), 2 * (16 + 1));
}

// ---- rates ----

TEST(RateFaults, ThirtyTwoThreadsGetNoMoreThanBurstAndRateAllow) {
  constexpr double kKeyRate = 20;
  constexpr double kKeyBurst = 30;
  constexpr double kTenantRate = 50;
  constexpr double kTenantBurst = 80;
  constexpr std::size_t kKeys = 4;
  constexpr int kRequests = 100;
  Server server(Environment{{"RATE_LIMIT_ENABLED", "true"},
                            {"RL_KEY_READ_RPS", "20"},
                            {"RL_KEY_READ_BURST", "30"},
                            {"RL_TENANT_READ_RPS", "50"},
                            {"RL_TENANT_READ_BURST", "80"}});
  std::vector<std::string> keys{server.key()};
  while (keys.size() < kKeys) keys.push_back(server.installation().make_key("reader"));
  server.start();
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < 32; ++i) clients.push_back(client_of(server.port(), keys[i % kKeys]));
  std::array<std::atomic<int>, kKeys> accepted{};
  std::atomic<int> limited{0};
  const auto begin = std::chrono::steady_clock::now();
  at_once(std::move(clients), [&](TestClient& client, int number) {
    for (int i = 0; i < kRequests; ++i) {
      const Response got = client.get(kCheap);
      if (got.status == 200) ++accepted[static_cast<std::size_t>(number) % kKeys];
      if (got.status != 429) continue;
      ++limited;
      EXPECT_GE(number_in(got, "Retry-After"), 1);
      EXPECT_GE(number_in(got, "X-RateLimit-Retry-After-Ms"), 1);
    }
  });
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  int all = 0;
  for (const std::atomic<int>& count : accepted) {
    EXPECT_LE(count, kKeyBurst + kKeyRate * elapsed);
    all += count;
  }
  std::printf("rates: %d of %d accepted in %.2f s\n", all, 32 * kRequests, elapsed);
  EXPECT_LE(all, kTenantBurst + kTenantRate * elapsed);
  EXPECT_GE(all, kTenantBurst);
  EXPECT_EQ(all + limited, 32 * kRequests) << "whatever is not limited is answered";
  const std::string metrics = TestClient(server.port()).get("/v1/metrics").body;
  EXPECT_NE(metrics.find(fmt::format("nexusrag_rate_limited_total {}\n", limited.load())), std::string::npos);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("security.rate_limited")), limited);
}

}  // namespace
}  // namespace nexus::e2e
