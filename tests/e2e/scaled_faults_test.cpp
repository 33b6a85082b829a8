// Two servers and a worker on one PostgreSQL and Redis, killed under load: what was acknowledged is there once.
#include "e2e/scaled_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nexus::e2e {
namespace {

using std::chrono::steady_clock;

constexpr std::string_view kCorpus = "c1";
constexpr int kPerSecond = 200;

class ScaledFaults : public ScaledTest {
 protected:
  Environment changes() const override { return {{"JOB_LEASE_S", "5"}, {"JOB_HEARTBEAT_S", "1"}}; }

  /// Nine reads and one document in ten requests. A document whose answer was lost is sent again by the same client.
  Response mixed(TestClient& client, int number) {
    if (number % 10 != 0) return client.get("/v1/corpora");
    const int writer = number / 10 % kWriters;
    const std::lock_guard only(writers_[static_cast<std::size_t>(writer)]);
    Response got = send_text(client, kCorpus, ledger_.next(writer, dice_.roll(20, 120)));
    if (got.status == 202 || got.status == 200) ledger_.acknowledged(writer);
    return got;
  }

  void expect_nothing_lost(std::size_t replica) {
    TestClient client = fleet().client(replica);
    ASSERT_GT(ledger_.count(), 0);
    ASSERT_TRUE(all_settled(client)) << fleet().logs();
    for (const Planned& document : ledger_.stored()) EXPECT_TRUE(is_whole(client, kCorpus, document));
    for (const Planned& document : ledger_.unknown()) {
      if (status_of(client, document.id)) {
        EXPECT_TRUE(is_whole(client, kCorpus, document));
      }
    }
    EXPECT_TRUE(audit_holds(client));
    EXPECT_EQ(fleet().damage(), std::vector<std::string>{});
  }

  static constexpr int kWriters = 8;
  Dice dice_;
  Ledger ledger_;
  std::mutex writers_[kWriters];  ///< one document of a client is on its way at a time
};

TEST_F(ScaledFaults, KilledReplicasAndWorkersLoseNoAcknowledgedDocumentAndDoNoJobTwice) {
  constexpr int kRounds = 3;
  start_all();
  fleet().start_worker(1);
  SteadyLoad load(fleet(), kPerSecond, [&](TestClient& client, int number) { return mixed(client, number); });
  for (int round = 0; round < kRounds; ++round) {
    const std::size_t victim = static_cast<std::size_t>(round) % 2;
    ASSERT_TRUE(load.more_succeed(kPerSecond)) << fleet().logs();
    dice_.pass_time(std::chrono::milliseconds(200));
    fleet().kill_replica(victim);
    fleet().kill_worker(victim);
    EXPECT_TRUE(load.more_succeed(kPerSecond / 2)) << "one replica carries on alone";
    fleet().start_replica(victim);
    fleet().start_worker(victim);
  }
  ASSERT_TRUE(load.more_succeed(kPerSecond)) << fleet().logs();
  const std::vector<SteadyLoad::Sample> samples = load.stop();
  for (const SteadyLoad::Sample& sample : samples)
    EXPECT_TRUE(sample.status == 0 || sample.status / 100 == 2) << sample.status << ' ' << sample.what;
  expect_nothing_lost(0);
}

TEST_F(ScaledFaults, AnOutageOfPostgresIsSeenWhileItLastsAndEndsByItself) {
  constexpr std::chrono::seconds kOutage{2};
  constexpr std::chrono::seconds kReconnect{10};
  start_all();
  SteadyLoad load(fleet(), kPerSecond, [&](TestClient& client, int number) { return mixed(client, number); });
  ASSERT_TRUE(load.more_succeed(2 * kPerSecond)) << fleet().logs();
  const TimePoint killed = steady_clock::now();
  fleet().postgres().kill();
  std::this_thread::sleep_for(kOutage);  // the length of the fault, not a way to wait for something
  fleet().postgres().start();
  const TimePoint back = steady_clock::now();
  EXPECT_TRUE(load.more_succeed(2 * kPerSecond)) << fleet().logs();
  const bool steady =
      eventually([&] { return steady_clock::now() > back + kReconnect && load.more_succeed(kPerSecond / 2); },
                 std::chrono::minutes(1));
  EXPECT_TRUE(steady) << fleet().logs();
  const std::vector<SteadyLoad::Sample> samples = load.stop();
  // A request that was under way when the server died belongs to the outage.
  EXPECT_EQ(failures(samples, TimePoint::min(), killed - std::chrono::seconds(1)), std::vector<std::string>{});
  EXPECT_EQ(failures(samples, back + kReconnect, TimePoint::max()), std::vector<std::string>{});
  for (const SteadyLoad::Sample& sample : samples)
    EXPECT_TRUE(sample.status / 100 == 2 || sample.status == 503) << sample.status << ' ' << sample.what;
  for (const std::size_t replica : {0U, 1U}) EXPECT_EQ(fleet().client(replica).get("/readyz").status, 200);
  expect_nothing_lost(1);
}

}  // namespace
}  // namespace nexus::e2e
