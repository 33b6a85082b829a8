// Quotas while servers are crowded and killed.
#include "e2e/enforcement_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

namespace nexus::e2e {
namespace {

constexpr std::int64_t kCap = 2'000;

/// 64 clients on the given servers use a cap up, runs and reads mixed. Exactly the cap is granted, and counted.
void expect_the_cap_and_not_one_more(Server& server, const std::vector<std::uint16_t>& ports) {
  TestClient admin = server.client();
  make_corpus(admin, "c1");
  std::atomic<std::int64_t> granted{cap(admin, kCap)};
  std::atomic<int> others{0};
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < 64; ++i) clients.push_back(client_of(ports[i % ports.size()], server.key()));
  at_once(std::move(clients), [&](TestClient& client, int number) {
    const bool runs = number % 8 == 0;
    const std::string ask =
        fmt::format(R"({{"session_id":"s{}","corpus_id":"c1","message":"What are the gates?"}})", number);
    for (;;) {
      const Response got = runs ? client.post("/v1/run", ask) : client.get(kCheap);
      if (got.status == 402) return;
      if (got.status == 200) granted += runs ? 3 : 1;
      if (got.status != 200) ++others;
      if (others > 0) return;
    }
  });
  EXPECT_EQ(others, 0) << server.log();
  EXPECT_LE(granted, kCap);
  // A server may refuse for a moment what another one still holds, and a run what a read may have.
  std::vector<TestClient> rest;
  for (const std::uint16_t port : ports) rest.push_back(client_of(port, server.key()));
  EXPECT_TRUE(eventually([&] {
    for (TestClient& client : rest) granted += client.get(kCheap).status == 200 ? 1 : 0;
    return granted >= kCap;
  })) << granted;
  for (int i = 0; i < 200; ++i) granted += rest[static_cast<std::size_t>(i) % rest.size()].get(kCheap).status == 200;
  EXPECT_EQ(granted, kCap);
  EXPECT_TRUE(eventually([&] { return counted(server, "day") == kCap; })) << counted(server, "day");
  EXPECT_EQ(counted(server, "month"), kCap);
}

TEST(QuotaFaults, SixtyFourClientsGetExactlyTheCap) {
  Server server;
  server.start();
  expect_the_cap_and_not_one_more(server, {server.port()});
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(counted(server, "day"), kCap);
}

// Nobody is asked to run two servers on one folder; while one replaces another it happens all the same.
TEST(QuotaFaults, TwoServersOnOneDatabaseTogetherGrantExactlyTheCap) {
  Server server;
  server.start();
  const Serving second = start_serving(server.installation(), "second.log");
  expect_the_cap_and_not_one_more(server, {server.port(), second.port});
  EXPECT_EQ(server.stop(), 0);
  second.process->signal(SIGTERM);
  const std::optional<Ending> ending = second.process->wait(std::chrono::seconds(60));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->code, 0) << server.installation().output_of("second.log");
  EXPECT_EQ(counted(server, "day"), kCap);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM quota_leases"), 0) << "a server that ends gives back what it holds";
}

TEST(QuotaFaults, AKilledServerHasCountedWhatItGrantedUpToItsLastFlushAndItsUncountedRestIsNotGrantedAgain) {
  constexpr int kClients = 16;
  constexpr std::int64_t kFarCap = 6'000;
  Dice dice;
  Server server;
  server.start();
  TestClient admin = server.client();
  std::atomic<std::int64_t> granted{cap(admin, kFarCap)};
  std::int64_t surely_flushed = 0;
  {
    Crowd crowd(server, kClients, [&](TestClient& client, int) {
      if (client.get(kCheap).status == 200) ++granted;
    });
    const StoredState database(server.installation().database());
    const std::string sql = fmt::format("{}'day'", kToday);
    const auto flushed = [&] {
      const std::int64_t before = database.number(sql);
      return eventually([&] { return database.number(sql) != before; });
    };
    ASSERT_TRUE(flushed());
    dice.pass_time(std::chrono::milliseconds(100));
    surely_flushed = granted;
    // One flush may have begun before; the one after it takes along all that was granted by then.
    ASSERT_TRUE(flushed());
    ASSERT_TRUE(flushed());
    dice.pass_time(std::chrono::milliseconds(50));
    server.kill_hard();
    crowd.join();
  }
  const std::int64_t answered = granted;
  const std::int64_t used = counted(server, "day");
  ASSERT_LT(used, kFarCap) << "the kill came too late to mean anything";
  EXPECT_GE(used, surely_flushed);
  EXPECT_LE(used, answered + kClients) << "each client may have been granted one request that it never heard of";
  const std::int64_t leased = stored(server, "SELECT coalesce(sum(units), 0) FROM quota_leases");
  EXPECT_LE(used + leased, kFarCap);
  EXPECT_LE(answered, used + leased) << "nothing is granted that was not leased before";
  std::printf("kill -9: %ld answered, %ld counted, %ld leased\n", static_cast<long>(answered), static_cast<long>(used),
              static_cast<long>(leased));

  // What the dead one granted and did not count is part of its lease, which nobody else gets before it has run out.
  server.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(server.client());
  at_once(std::move(clients), [&](TestClient& client, int) {
    while (client.get(kCheap).status == 200) ++granted;
  });
  EXPECT_LE(granted, kFarCap);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(counted(server, "day"), used + granted - answered) << "what the second one granted is counted to a unit";
}

}  // namespace
}  // namespace nexus::e2e
