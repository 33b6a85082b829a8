#include "modules/jobs/jobs_repository.h"

#include "db/sqlite/test_database.h"
#include "db/tokens.h"
#include "modules/jobs/jobs_fixture.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace nexus::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(JobsRepository, PreparesEveryStatement) {
  const QueueFixture q;
  EXPECT_EQ(q.database->check_statements(jobs_statements()), std::vector<std::string>{});
}

TEST(JobsRepository, TakesTheOldestDueJobFirst) {
  QueueFixture q;
  q.add("late", "t1", 3);
  q.add("b", "t1", 1);
  q.add("a", "t1", 1);
  q.add("first", "t1", 0);
  q.clock.advance_s(5);
  EXPECT_EQ(q.claim_id(), "first");
  EXPECT_EQ(q.claim_id(), "a");
  EXPECT_EQ(q.claim_id(), "b");
  EXPECT_EQ(q.claim_id(), "late");
  EXPECT_EQ(q.claim_id(), "");
}

TEST(JobsRepository, LeavesAJobWhoseTimeHasNotCome) {
  QueueFixture q;
  q.add("later", "t1", 10);
  EXPECT_EQ(q.claim_id(), "");
  q.clock.advance_s(9);
  EXPECT_EQ(q.claim_id(), "");
  q.clock.advance_s(1);
  EXPECT_EQ(q.claim_id(), "later");
}

TEST(JobsRepository, LeavesJobsOfAnotherKind) {
  QueueFixture q;
  q.add("other", "t1", 0, std::nullopt, "else");
  EXPECT_EQ(q.claim_id(), "");
}

TEST(JobsRepository, CountsTheAttemptAndTellsTheWholeJob) {
  QueueFixture q;
  q.add("j1");
  q.clock.advance_s(2);
  const std::optional<Job> job = q.claim();
  ASSERT_TRUE(job);
  EXPECT_EQ(job->tenant_id, "t1");
  EXPECT_EQ(job->kind, "work");
  EXPECT_EQ(job->payload, "{}");
  EXPECT_EQ(job->state, "leased");
  EXPECT_EQ(job->attempts, 1);
  EXPECT_EQ(job->last_error, std::nullopt);
  EXPECT_EQ(job->created_at, testing::FakeClock::kStart);
  EXPECT_EQ(job->updated_at, q.clock.now());
}

TEST(JobsRepository, ServesTenantsInTurnsHoweverManyJobsOneHas) {
  QueueFixture q;
  q.in_write([&](db::Tx& tx) {
    for (int i = 0; i < 1000; ++i)
      q.jobs.enqueue(tx,
                     {.id = fmt::format("big-{:04}", i),
                      .tenant_id = "big",
                      .kind = "work",
                      .payload = "{}",
                      .dedupe_key = std::nullopt,
                      .run_at = q.clock.now()},
                     q.clock.now());
    return true;
  });
  for (const char* id : {"a-1", "a-2", "a-3"}) q.add(id, "a");
  for (const char* id : {"z-1", "z-2"}) q.add(id, "z");
  std::vector<std::string> order;
  for (int i = 0; i < 9; ++i) {
    q.clock.advance_us(1);
    order.push_back(q.claim_id());
  }
  EXPECT_THAT(order, ElementsAre("a-1", "big-0000", "z-1", "a-2", "big-0001", "z-2", "a-3", "big-0002", "big-0003"));
  q.clock.advance_us(1);
  q.add("new", "newcomer");
  EXPECT_EQ(q.claim_id(), "new");  // who was never served comes first
}

TEST(JobsRepository, ATenantWhoseJobsAreNotDueDoesNotHoldUpTheOthers) {
  QueueFixture q;
  q.add("a-later", "a", 100);
  q.add("b-now", "b");
  EXPECT_EQ(q.claim_id(), "b-now");
}

TEST(JobsRepository, TakesOverALeaseThatRanOut) {
  QueueFixture q;
  q.add("j1");
  EXPECT_EQ(q.claim_id("w1", 60), "j1");
  q.clock.advance_s(60);
  EXPECT_EQ(q.claim_id("w2", 60), "");  // to its very end it is held
  q.clock.advance_us(1);
  const std::optional<Job> again = q.claim("w2", 60);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, "j1");
  EXPECT_EQ(again->attempts, 2);
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w1", q.clock.now()); }));
  EXPECT_TRUE(q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w2", q.clock.now()); }));
}

TEST(JobsRepository, AnExtendedLeaseIsNotTakenOver) {
  QueueFixture q;
  q.add("j1");
  EXPECT_EQ(q.claim_id("w1", 60), "j1");
  q.clock.advance_s(50);
  EXPECT_TRUE(
      q.in_write([&](db::Tx& tx) { return q.jobs.extend(tx, "j1", "w1", q.clock.now() + 60 * Timestamp::kSecond); }));
  q.clock.advance_s(59);
  EXPECT_EQ(q.claim_id("w2"), "");
}

TEST(JobsRepository, AnswersAForeignOwnerWithFalseAndChangesNothing) {
  QueueFixture q;
  q.add("j1");
  q.claim("w1");
  const Timestamp now = q.clock.now();
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.extend(tx, "j1", "w2", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w2", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.retry(tx, "j1", "w2", "no", now, now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.bury(tx, "j1", "w2", "no", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.release(tx, "j1", "w2", now); }));
  const Job job = q.job("j1");
  EXPECT_EQ(job.state, "leased");
  EXPECT_EQ(job.attempts, 1);
  EXPECT_EQ(job.last_error, std::nullopt);
}

TEST(JobsRepository, AnswersFalseOnceTheJobIsFinished) {
  QueueFixture q;
  q.add("j1");
  q.claim("w1");
  const Timestamp now = q.clock.now();
  EXPECT_TRUE(q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w1", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w1", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.extend(tx, "j1", "w1", now); }));
  EXPECT_FALSE(q.in_write([&](db::Tx& tx) { return q.jobs.release(tx, "j1", "w1", now); }));
  EXPECT_EQ(q.job("j1").state, "done");
}

TEST(JobsRepository, RetryKeepsTheReasonAndTheAttempt) {
  QueueFixture q;
  q.add("j1");
  q.claim("w1");
  const Timestamp due = q.clock.now() + 7 * Timestamp::kSecond;
  EXPECT_TRUE(q.in_write([&](db::Tx& tx) { return q.jobs.retry(tx, "j1", "w1", "disk", due, q.clock.now()); }));
  EXPECT_EQ(q.job("j1").state, "queued");
  EXPECT_EQ(q.job("j1").attempts, 1);
  EXPECT_EQ(q.job("j1").last_error, "disk");
  EXPECT_EQ(q.job("j1").run_at, due);
  EXPECT_EQ(q.claim_id(), "");
  q.clock.advance_s(7);
  EXPECT_EQ(q.claim()->attempts, 2);
}

TEST(JobsRepository, ReleaseTakesTheAttemptBack) {
  QueueFixture q;
  q.add("j1");
  q.claim("w1");
  EXPECT_TRUE(q.in_write([&](db::Tx& tx) { return q.jobs.release(tx, "j1", "w1", q.clock.now()); }));
  EXPECT_EQ(q.job("j1").state, "queued");
  EXPECT_EQ(q.job("j1").attempts, 0);
  EXPECT_EQ(q.claim("w2")->attempts, 1);
}

TEST(JobsRepository, ADedupeKeyAdmitsOneOpenJobOfATenantAndKind) {
  QueueFixture q;
  EXPECT_TRUE(q.add("j1", "t1", 0, "k"));
  EXPECT_FALSE(q.add("j2", "t1", 0, "k"));
  EXPECT_TRUE(q.add("j3", "t2", 0, "k"));
  EXPECT_TRUE(q.add("j4", "t1", 0, "k", "else"));
  EXPECT_TRUE(q.add("j5", "t1", 0, "other"));
  EXPECT_EQ(q.claim_id(), "j1");
  EXPECT_FALSE(q.add("j6", "t1", 0, "k"));  // running counts as open
  q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, "j1", "w1", q.clock.now()); });
  EXPECT_TRUE(q.add("j7", "t1", 0, "k"));
}

TEST(JobsRepository, ADeadJobFreesItsDedupeKey) {
  QueueFixture q;
  q.add("j1", "t1", 0, "k");
  q.claim("w1");
  q.in_write([&](db::Tx& tx) { return q.jobs.bury(tx, "j1", "w1", "broken", q.clock.now()); });
  EXPECT_EQ(q.job("j1").state, "dead");
  EXPECT_EQ(q.job("j1").last_error, "broken");
  EXPECT_TRUE(q.add("j2", "t1", 0, "k"));
}

TEST(JobsRepository, RefusesAnIdThatIsThere) {
  QueueFixture q;
  EXPECT_TRUE(q.add("j1"));
  EXPECT_FALSE(q.add("j1"));
}

TEST(JobsRepository, ClaimsByIdWhateverTheHourButOnlyWhatIsQueued) {
  QueueFixture q;
  q.add("j1", "t1", 3600);
  const auto take = [&](std::string_view id) {
    return q.in_write([&](db::Tx& tx) { return q.jobs.claim_by_id(tx, id, "w1", q.clock.now(), q.clock.now()); });
  };
  EXPECT_FALSE(take("unknown"));
  EXPECT_EQ(take("j1")->attempts, 1);
  EXPECT_FALSE(take("j1"));
}

TEST(JobsRepository, FindsAJobOnlyForItsTenant) {
  QueueFixture q;
  q.add("j1", "t1");
  q.database->read([&](db::Snapshot& s) {
    EXPECT_TRUE(q.jobs.find(s, QueueFixture::scope("t1"), "j1"));
    EXPECT_FALSE(q.jobs.find(s, QueueFixture::scope("t2"), "j1"));
    EXPECT_TRUE(q.jobs.is_open(s, "j1"));
    EXPECT_FALSE(q.jobs.is_open(s, "j2"));
  });
}

TEST(JobsRepository, CountsWhatWaitsAndTellsWhenTheNextIsDue) {
  QueueFixture q;
  q.database->read([&](db::Snapshot& s) {
    EXPECT_EQ(q.jobs.waiting(s, "work"), 0);
    EXPECT_EQ(q.jobs.next_due(s, "work"), std::nullopt);
  });
  q.add("j1", "t1", 5);
  q.add("j2", "t1", 3);
  q.add("j3", "t2", 0);
  EXPECT_EQ(q.claim_id(), "j3");
  q.database->read([&](db::Snapshot& s) {
    EXPECT_EQ(q.jobs.waiting(s, "work"), 2);
    EXPECT_EQ(q.jobs.next_due(s, "work"), q.clock.now() + 3 * Timestamp::kSecond);
    EXPECT_EQ(q.jobs.waiting_of(s, QueueFixture::scope("t1"), "work", 10), 2);
    EXPECT_EQ(q.jobs.waiting_of(s, QueueFixture::scope("t1"), "work", 1), 1);
    EXPECT_EQ(q.jobs.waiting_of(s, QueueFixture::scope("t2"), "work", 10), 0);
  });
}

TEST(JobsRepository, PrunesOnlyFinishedJobsOlderThanTheLimit) {
  QueueFixture q;
  for (const char* id : {"1-old", "2-leased", "3-new"}) q.add(id);
  q.add("4-queued", "t1", 1000);
  const auto finish = [&](const char* id) {
    q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, id, "w1", q.clock.now()); });
  };
  for (int i = 0; i < 3; ++i) q.claim("w1", 100'000);
  finish("1-old");
  q.clock.advance_s(100);
  finish("3-new");
  const Timestamp limit = q.clock.now() - 50 * Timestamp::kSecond;
  EXPECT_EQ(q.in_write([&](db::Tx& tx) { return q.jobs.prune(tx, limit); }), 1);
  q.database->read([&](db::Snapshot& s) {
    EXPECT_FALSE(q.jobs.find(s, QueueFixture::scope("t1"), "1-old"));
    for (const char* id : {"2-leased", "3-new", "4-queued"})
      EXPECT_TRUE(q.jobs.find(s, QueueFixture::scope("t1"), id)) << id;
  });
}

TEST(JobsRepository, PrunesTheOldestFirstInBoundedBatches) {
  QueueFixture q;
  for (const char* id : {"1", "2", "3"}) {
    q.add(id);
    q.claim("w1", 100'000);
    q.in_write([&](db::Tx& tx) { q.jobs.complete(tx, id, "w1", q.clock.now()); });
    q.clock.advance_s(1);
  }
  EXPECT_EQ(q.in_write([&](db::Tx& tx) { return q.jobs.prune(tx, q.clock.now(), 2); }), 2);
  q.database->read([&](db::Snapshot& s) {
    EXPECT_FALSE(q.jobs.find(s, QueueFixture::scope("t1"), "1"));
    EXPECT_TRUE(q.jobs.find(s, QueueFixture::scope("t1"), "3"));
  });
  EXPECT_EQ(q.in_write([&](db::Tx& tx) { return q.jobs.prune(tx, q.clock.now(), 2); }), 1);
}

constexpr db::Statement kHeartbeats{"test.heartbeats",
                                    "SELECT kinds, started_at, seen_at FROM worker_heartbeats WHERE worker_id = $1"};

TEST(JobsRepository, AHeartbeatMovesAndKeepsItsStart) {
  QueueFixture q;
  const Timestamp start = q.clock.now();
  for (int i = 0; i < 2; ++i) {
    q.in_write([&](db::Tx& tx) {
      q.jobs.heartbeat(tx, "worker-1", "work", start, q.clock.now());
      return true;
    });
    q.clock.advance_s(10);
  }
  q.database->read([&](db::Snapshot& s) {
    db::Cursor row = s.query(kHeartbeats, "worker-1");
    ASSERT_TRUE(row.next());
    EXPECT_EQ(row.text(0), "work");
    EXPECT_EQ(row.time(1), start);
    EXPECT_EQ(row.time(2), start + 10 * Timestamp::kSecond);
  });
}

TEST(JobsRepository, WorkersOfTwoProcessesClaimEveryJobOnce) {
  constexpr int kJobs = 60;
  const db::TestFolder folder;
  const testing::FakeClock clock;
  observe::Metrics metrics;
  const JobsRepository jobs;
  std::array<std::unique_ptr<db::Database>, 2> databases;
  for (auto& database : databases) database = testing::file_database(folder.file("jobs.db"), clock, metrics);
  databases[0]->write([&](db::Tx& tx) {
    for (int i = 0; i < kJobs; ++i)
      jobs.enqueue(tx,
                   {.id = "j" + std::to_string(i),
                    .tenant_id = "t" + std::to_string(i % 3),
                    .kind = "work",
                    .payload = "{}",
                    .dedupe_key = std::nullopt,
                    .run_at = clock.now()},
                   clock.now());
  });
  std::mutex mutex;
  std::map<std::string, int> claimed;
  {
    std::vector<std::jthread> workers;
    for (std::size_t worker = 0; worker < 4; ++worker)
      workers.emplace_back([&, worker] {
        for (;;) {
          const std::optional<Job> job = databases[worker % 2]->write([&](db::Tx& tx) {
            return jobs.claim(tx, "work", "w" + std::to_string(worker), clock.now(), clock.now() + Timestamp::kDay);
          });
          if (!job) return;
          const std::lock_guard lock(mutex);
          ++claimed[job->id];
        }
      });
  }
  EXPECT_EQ(claimed.size(), kJobs);
  for (const auto& [id, times] : claimed) EXPECT_EQ(times, 1) << id;
}

/// Asks SQLite how it would run each statement of the claim.
std::map<std::string, std::string> query_plans() {
  const testing::FakeClock clock;
  observe::Metrics metrics;
  std::string folder = (std::filesystem::temp_directory_path() / "nexus-jobs-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
  const std::string file = folder + "/plan.db";
  (void)testing::file_database(file, clock, metrics);
  sqlite3* raw = nullptr;
  sqlite3_open(file.c_str(), &raw);
  const std::unique_ptr<sqlite3, decltype(&sqlite3_close)> connection(raw, &sqlite3_close);
  constexpr db::TokenRule kRules[] = {{"for_update_skip_locked", 0, ""}};
  std::map<std::string, std::string> plans;
  for (const db::Statement* statement : jobs_statements()) {
    const std::string sql = "EXPLAIN QUERY PLAN " + db::expand_tokens(statement->sql(), kRules);
    sqlite3_stmt* prepared = nullptr;
    sqlite3_prepare_v2(raw, sql.c_str(), -1, &prepared, nullptr);
    std::string& plan = plans[std::string(statement->name())];
    while (sqlite3_step(prepared) == SQLITE_ROW)
      plan.append(reinterpret_cast<const char*>(sqlite3_column_text(prepared, 3))).append("\n");
    sqlite3_finalize(prepared);
  }
  std::filesystem::remove_all(folder);
  return plans;
}

TEST(JobsRepository, LooksForWorkThroughTheIndexAndNeverThroughFinishedJobs) {
  if (testing::on_postgres()) GTEST_SKIP() << testing::kAboutSqlite;
  const std::map<std::string, std::string> plans = query_plans();
  for (const char* name : {"jobs.next_tenants", "jobs.oldest_queued", "jobs.oldest_abandoned", "jobs.waiting",
                           "jobs.waiting_of", "jobs.next_due"}) {
    const std::string& plan = plans.at(name);
    EXPECT_THAT(plan, HasSubstr("ix_jobs_due")) << name;
    EXPECT_THAT(plan, Not(HasSubstr("SCAN j"))) << name;
    EXPECT_THAT(plan, Not(HasSubstr("jobs USING PRIMARY KEY"))) << name;
  }
  // All open jobs are counted, and only those: the index has no others.
  EXPECT_EQ(plans.at("jobs.depths"), "SCAN jobs USING COVERING INDEX ix_jobs_due\n");
}

}  // namespace
}  // namespace nexus::jobs
