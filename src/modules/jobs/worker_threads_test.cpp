// What a worker does with threads of its own.

#include "modules/jobs/worker_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

namespace nexus::jobs {
namespace {

TEST(Worker, StoppingGivesTheJobBackWithoutCountingTheAttempt) {
  QueueFixture q;
  q.add("j1");
  std::promise<void> begun;
  ScriptedHandler handler([&](Lease& lease) {
    begun.set_value();
    EXPECT_TRUE(wait_for_stop(lease.stopped()));
    throw std::runtime_error("the worker is stopping");
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.start();
  ASSERT_EQ(begun.get_future().wait_for(kPatience), std::future_status::ready);
  worker.stop();
  EXPECT_EQ(q.job("j1").state, "queued");
  EXPECT_EQ(q.job("j1").attempts, 0);
  EXPECT_EQ(q.job("j1").last_error, std::nullopt);
}

TEST(Worker, AJobClaimedWhileStoppingSeesItsStopTokenAtOnce) {
  QueueFixture q;
  q.add("j1");
  bool stopped = false;
  ScriptedHandler handler([&](Lease& lease) {
    stopped = lease.stopped().stop_requested();
    throw std::runtime_error("stopping");
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.stop();
  EXPECT_TRUE(worker.run_one());
  EXPECT_TRUE(stopped);
  EXPECT_EQ(q.job("j1").attempts, 0);
  worker.run_now("j1");  // a stopped worker takes nothing on
  EXPECT_EQ(q.job("j1").state, "queued");
}

TEST(Worker, SleepsLongWhileWorkIsAnnouncedAndIsStillWoken) {
  QueueFixture q;
  Tally done;
  ScriptedHandler handler([&](Lease& lease) {
    complete(q, lease);
    done.add(lease.job().id);
  });
  WorkerOptions options = sleepy();
  options.poll_us = 1'000;
  options.announced_poll_us = kHour;
  std::atomic<int> asked = 0;
  options.announced = [&] {
    ++asked;
    return true;
  };
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  worker.start();
  q.add("j1");
  worker.wake("work");
  EXPECT_TRUE(done.reaches(1));
  worker.stop();
  EXPECT_LE(asked, 5) << "a worker that polls each millisecond asks far more often";
}

TEST(Worker, EveryWakeIsHeardBetweenTwoLooks) {
  QueueFixture q;
  Tally done;
  ScriptedHandler handler([&](Lease& lease) {
    complete(q, lease);
    done.add(lease.job().id);
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.start();
  for (int i = 1; i <= 50; ++i) {
    q.add(fmt::format("j{}", i));
    worker.wake("else");
    worker.wake("work");
    ASSERT_TRUE(done.reaches(i)) << i;
  }
}

constexpr db::Statement kLeaseBeyond{"test.lease_beyond",
                                     "SELECT 1 FROM jobs WHERE state = 'leased' AND lease_until > $1"};

TEST(Worker, ExtendsTheLeaseOfARunningJob) {
  QueueFixture q;
  q.add("j1");
  WorkerOptions options = sleepy();
  options.lease_us = 60 * Timestamp::kSecond;
  options.heartbeat_us = 1000;
  std::promise<bool> outcome;
  ScriptedHandler handler([&](Lease& lease) {
    for (int i = 0; i < 10; ++i) {
      q.clock.advance_s(50);
      // Until the keeper has noticed; it looks once a millisecond.
      while (!q.database->read([&](db::Snapshot& snapshot) {
        return snapshot.query(kLeaseBeyond, q.clock.now() + 55 * Timestamp::kSecond).next();
      }))
        std::this_thread::yield();
    }
    complete(q, lease);
    outcome.set_value(true);
  });
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  worker.start();
  EXPECT_EQ(outcome.get_future().wait_for(kPatience), std::future_status::ready);
  worker.stop();
  EXPECT_EQ(q.job("j1").state, "done");
  EXPECT_EQ(q.job("j1").attempts, 1);
}

constexpr db::Statement kSteal{"test.steal", "UPDATE jobs SET lease_owner = 'thief' WHERE id = $1"};

TEST(Worker, TellsARunningJobThatItsLeaseIsLost) {
  QueueFixture q;
  q.add("j1");
  WorkerOptions options = sleepy();
  options.heartbeat_us = 1000;
  std::promise<bool> told;
  ScriptedHandler handler([&](Lease& lease) {
    q.in_write([&](db::Tx& tx) { return tx.exec(kSteal, "j1"); });
    told.set_value(wait_for_stop(lease.stopped()));
    throw std::runtime_error("lost");
  });
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  worker.start();
  EXPECT_TRUE(told.get_future().get());
  worker.stop();
  EXPECT_EQ(q.job("j1").state, "leased");  // the thief's
}

TEST(Worker, TwoWorkersOnOneDatabaseNeverRunOneJobTwice) {
  QueueFixture q;
  constexpr int kJobs = 64;
  for (int i = 0; i < kJobs; ++i) q.add(fmt::format("j{}", i), fmt::format("t{}", i % 3));
  Tally runs;
  ScriptedHandler handler([&](Lease& lease) {
    complete(q, lease);
    runs.add(lease.job().id);
  });
  WorkerOptions options = sleepy();
  options.threads = 2;
  Worker one(*q.database, q.clock, handler, options, q.metrics);
  Worker two(*q.database, q.clock, handler, options, q.metrics);
  one.start();
  two.start();
  EXPECT_TRUE(runs.reaches(kJobs));
  one.stop();
  two.stop();
  const std::map<std::string, int> counts = runs.counts();
  EXPECT_EQ(counts.size(), static_cast<std::size_t>(kJobs));
  for (const auto& [id, count] : counts) EXPECT_EQ(count, 1) << id;
  EXPECT_EQ(outcomes(q, "done"), static_cast<std::uint64_t>(kJobs));
}

}  // namespace
}  // namespace nexus::jobs
