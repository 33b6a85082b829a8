#include "modules/jobs/queue_gauges.h"

#include "modules/jobs/worker_fixture.h"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace nexus::jobs {
namespace {

double depth(QueueFixture& q, const char* kind, const char* state) {
  return q.metrics.gauge("nexusrag_jobs_depth", {{"kind", kind}, {"state", state}}).value();
}

TEST(QueueGauges, ShowOpenJobsByKindAndStateAndForgetNone) {
  QueueFixture q;
  QueueGauges gauges(q.metrics);
  q.add("j1");
  q.add("j2", "t2");
  q.add("j3", "t1", 3600, std::nullopt, "other");
  ASSERT_TRUE(q.claim().has_value());
  gauges.refresh(*q.database);
  EXPECT_EQ(depth(q, "work", "queued"), 1);
  EXPECT_EQ(depth(q, "work", "leased"), 1);
  EXPECT_EQ(depth(q, "other", "queued"), 1);
  ASSERT_TRUE(q.claim().has_value());
  gauges.refresh(*q.database);
  EXPECT_EQ(depth(q, "work", "queued"), 0) << "a state that is empty now says so";
  EXPECT_EQ(depth(q, "work", "leased"), 2);
}

TEST(JobMetrics, TellWaitDeathsAndLostLeases) {
  QueueFixture q;
  const auto lost = [&] { return q.metrics.counter("nexusrag_jobs_leases_lost_total").value(); };
  const auto dead = [&] { return q.metrics.counter("nexusrag_jobs_dead_total", {{"kind", "work"}}).value(); };
  q.add("j1");
  q.clock.advance_s(7);
  ScriptedHandler failing([](Lease&) { throw PermanentFailure("no"); });
  Worker worker(*q.database, q.clock, failing, sleepy(), q.metrics);
  EXPECT_TRUE(worker.run_one());
  EXPECT_EQ(q.metrics.histogram("nexusrag_job_wait_seconds", {{"kind", "work"}}).sum(), 7);
  EXPECT_EQ(dead(), 1U);
  EXPECT_EQ(lost(), 0U);

  q.add("j2");
  ScriptedHandler slow([&](Lease&) {
    q.clock.advance_s(11 * 3600);  // longer than the lease
    ASSERT_TRUE(q.claim("somebody else").has_value());
    throw PermanentFailure("too late");
  });
  Worker other(*q.database, q.clock, slow, sleepy(), q.metrics);
  EXPECT_TRUE(other.run_one());
  EXPECT_EQ(lost(), 1U);
  EXPECT_EQ(dead(), 1U) << "the job lives on in other hands";
}

}  // namespace
}  // namespace nexus::jobs
