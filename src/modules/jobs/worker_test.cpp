#include "modules/jobs/worker.h"

#include "modules/jobs/worker_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace nexus::jobs {
namespace {

TEST(Worker, HandsTheJobAndItsTenantToTheHandlerAndMarksItDone) {
  QueueFixture q;
  q.add("j1", "t7");
  std::string seen;
  ScriptedHandler handler([&](Lease& lease) {
    seen = lease.job().id + "/" + lease.tenant().id();
    complete(q, lease);
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  EXPECT_TRUE(worker.run_one());
  EXPECT_FALSE(worker.run_one());
  EXPECT_EQ(seen, "j1/t7");
  EXPECT_EQ(q.job("j1", "t7").state, "done");
  EXPECT_EQ(outcomes(q, "done"), 1U);
}

TEST(Worker, BuriesAPermanentFailureAtOnce) {
  QueueFixture q;
  q.add("j1");
  ScriptedHandler handler([](Lease&) { throw PermanentFailure("the file is encrypted"); });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  EXPECT_TRUE(worker.run_one());
  EXPECT_EQ(q.job("j1").state, "dead");
  EXPECT_EQ(q.job("j1").last_error, "the file is encrypted");
  ASSERT_EQ(handler.burials().size(), 1U);
  EXPECT_EQ(handler.burials()[0].reason, "the file is encrypted");
  EXPECT_EQ(handler.burials()[0].tenant, "t1");
  EXPECT_TRUE(handler.burials()[0].permanent);
  EXPECT_EQ(outcomes(q, "dead"), 1U);
}

TEST(Worker, BuriesAJobWhoseAttemptsAreUsedUpWithAReasonForTheLog) {
  QueueFixture q;
  q.add("j1");
  int runs = 0;
  ScriptedHandler handler([&](Lease&) {
    ++runs;
    throw std::runtime_error("disk");
  });
  WorkerOptions options = sleepy();
  options.max_attempts = 3;
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(handler.burials().empty());
    EXPECT_TRUE(worker.run_one());
    q.clock.advance_s(3600);
  }
  EXPECT_FALSE(worker.run_one());
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(q.job("j1").state, "dead");
  ASSERT_EQ(handler.burials().size(), 1U);
  EXPECT_EQ(handler.burials()[0].reason, "disk");
  EXPECT_FALSE(handler.burials()[0].permanent);
}

TEST(Worker, WaitsWithoutCountingTheAttemptWhileTheDatabaseCannotTakeTheResult) {
  QueueFixture q;
  q.add("j1");
  bool full = true;
  ScriptedHandler handler([&](Lease& lease) {
    if (full) throw db::Error(db::ErrorCode::kFull, "no space left on the device");
    complete(q, lease);
  });
  WorkerOptions options = sleepy();
  options.max_attempts = 3;
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(worker.run_one()) << i;
    EXPECT_FALSE(worker.run_one()) << "it does not spin";
    EXPECT_EQ(q.job("j1").state, "queued");
    EXPECT_EQ(q.job("j1").attempts, 0);
    q.clock.advance_s(3600);
  }
  full = false;
  EXPECT_TRUE(worker.run_one());
  EXPECT_EQ(q.job("j1").state, "done");
  EXPECT_TRUE(handler.burials().empty());
}

TEST(Worker, WaitsLongerAfterEachFailureUpToTheMost) {
  QueueFixture q;
  q.add("j1");
  ScriptedHandler handler([](Lease&) { throw std::runtime_error("again"); });
  WorkerOptions options = sleepy();
  options.max_attempts = 100;
  options.backoff_us = 1000;
  options.backoff_max_us = 20'000;
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  for (int attempt = 1; attempt <= 40; ++attempt) {
    ASSERT_TRUE(worker.run_one()) << attempt;
    const std::int64_t base = attempt <= 5 ? 1000LL << (attempt - 1) : 20'000;
    const std::int64_t pause = q.job("j1").run_at - q.clock.now();
    EXPECT_GE(pause, base / 2) << attempt;
    EXPECT_LE(pause, base + base / 2) << attempt;
    EXPECT_FALSE(worker.run_one()) << "before its time, after attempt " << attempt;
    q.clock.advance_us(pause);
  }
}

TEST(Worker, WaitsAtLeastAsLongAsTheFailureAsks) {
  QueueFixture q;
  q.add("j1");
  std::int64_t asked = 30 * Timestamp::kSecond;
  ScriptedHandler handler([&](Lease&) { throw TryLater("come back", asked); });
  WorkerOptions options = sleepy();
  options.backoff_us = 8 * Timestamp::kSecond;
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  ASSERT_TRUE(worker.run_one());
  EXPECT_EQ(q.job("j1").run_at - q.clock.now(), asked);
  q.clock.advance_us(asked);
  asked = 1;
  ASSERT_TRUE(worker.run_one());
  EXPECT_GE(q.job("j1").run_at - q.clock.now(), options.backoff_us) << "the second backoff is at least that";
  q.clock.advance_s(60);
  ASSERT_TRUE(worker.run_one());
  EXPECT_EQ(q.job("j1").state, "dead") << "asking for time is not a way around the last attempt";
}

TEST(Worker, WritesNothingOfAJobThatWasTakenOver) {
  QueueFixture q;
  q.add("j1");
  ScriptedHandler handler([&](Lease& lease) {
    q.clock.advance_us(11 * kHour);
    EXPECT_EQ(q.claim_id("somebody"), "j1");
    q.database->write([&](db::Tx& tx) {
      q.jobs.enqueue(tx, {.id = "result", .tenant_id = "t1", .kind = "x", .payload = "{}", .run_at = q.clock.now()},
                     q.clock.now());
      lease.complete(tx);
    });
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  EXPECT_TRUE(worker.run_one());
  EXPECT_FALSE(q.database->read([&](db::Snapshot& s) { return q.jobs.is_open(s, "result"); }));
  EXPECT_EQ(q.job("j1").state, "leased");  // somebody's
  EXPECT_TRUE(handler.burials().empty());
  EXPECT_EQ(outcomes(q, "lost"), 1U);
}

TEST(Worker, AFailureAfterTheLeaseWasLostChangesNothing) {
  QueueFixture q;
  q.add("j1");
  ScriptedHandler handler([&](Lease&) {
    q.clock.advance_us(11 * kHour);
    EXPECT_EQ(q.claim_id("somebody"), "j1");
    throw PermanentFailure("too late to say so");
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.run_one();
  EXPECT_EQ(q.job("j1").state, "leased");
  EXPECT_TRUE(handler.burials().empty());
}

TEST(Worker, ItsOwnSecondHoldingOfAJobIsNotTheFirst) {
  QueueFixture q;
  q.add("j1");
  Worker* self = nullptr;
  int runs = 0;
  bool lost = false;
  ScriptedHandler handler([&](Lease& lease) {
    if (++runs == 2) return;  // holds it and has not finished
    q.clock.advance_us(11 * kHour);
    EXPECT_TRUE(self->run_one());  // another thread of the same worker, as it were
    try {
      complete(q, lease);
    } catch (const LeaseLost&) {
      lost = true;
      throw;
    }
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  self = &worker;
  worker.run_one();
  EXPECT_TRUE(lost);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(q.job("j1").state, "leased");
}

TEST(Worker, BuriesAJobThatKilledEveryHolderWithoutTryingItAgain) {
  QueueFixture q;
  q.add("j1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(q.claim_id(fmt::format("dead-{}", i), 60), "j1");
    q.clock.advance_s(61);
  }
  bool ran = false;
  ScriptedHandler handler([&](Lease&) { ran = true; });
  WorkerOptions options = sleepy();
  options.max_attempts = 2;
  options.max_deaths = 1;
  Worker worker(*q.database, q.clock, handler, options, q.metrics);
  EXPECT_TRUE(worker.run_one());
  EXPECT_FALSE(ran);
  EXPECT_EQ(q.job("j1").state, "dead");
  ASSERT_EQ(handler.burials().size(), 1U);
  EXPECT_FALSE(handler.burials()[0].permanent);
}

TEST(Worker, RunNowRetriesAtOnceUntilTheJobIsDone) {
  QueueFixture q;
  q.add("j1", "t1", 3600);
  int runs = 0;
  ScriptedHandler handler([&](Lease& lease) {
    if (++runs < 3) throw std::runtime_error("not yet");
    complete(q, lease);
  });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.run_now("j1");
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(q.job("j1").state, "done");
}

TEST(Worker, RunNowEndsWhenTheJobIsDead) {
  QueueFixture q;
  q.add("j1");
  ScriptedHandler handler([](Lease&) { throw std::runtime_error("never"); });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.run_now("j1");
  EXPECT_EQ(q.job("j1").state, "dead");
  EXPECT_EQ(q.job("j1").attempts, 3);
  EXPECT_EQ(handler.burials().size(), 1U);
}

TEST(Worker, RunNowLeavesAJobThatSomebodyHolds) {
  QueueFixture q;
  q.add("j1");
  q.claim("somebody");
  bool ran = false;
  ScriptedHandler handler([&](Lease&) { ran = true; });
  Worker worker(*q.database, q.clock, handler, sleepy(), q.metrics);
  worker.run_now("j1");
  worker.run_now("unknown");
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace nexus::jobs
