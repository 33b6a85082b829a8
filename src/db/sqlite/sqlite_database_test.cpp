#include "db/sqlite/sqlite_database.h"

#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <fstream>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace nexus::db {
namespace {

constexpr Statement kAdd("t.add", "INSERT INTO t (id, v) VALUES ($1, $2)");
constexpr Statement kAddChild("child.add", "INSERT INTO child (t_id) VALUES ($1)");
constexpr Statement kCount("t.count", "SELECT count(*) FROM t");
constexpr Statement kIds("t.ids", "SELECT id FROM t ORDER BY id");

std::int64_t count_in(Snapshot& s) {
  Cursor c = s.query(kCount);
  return c.next() ? c.i64(0) : -1;
}
std::int64_t count(Database& db) {
  return db.read(count_in);
}

std::vector<std::int64_t> ids(Database& db) {
  return db.read([](Snapshot& s) {
    std::vector<std::int64_t> out;
    for (Cursor c = s.query(kIds); c.next();) out.push_back(c.i64(0));
    return out;
  });
}

/// Holds the writer inside a job, so that what is queued meanwhile becomes one group.
class HeldWriter {
 public:
  explicit HeldWriter(Database& db) {
    db.write_async(
        [this](Tx&) {
          inside_.count_down();
          release_.wait();
        },
        Durability::kRelaxed, [this](std::exception_ptr) { done_.count_down(); });
    inside_.wait();
  }
  void release() {
    release_.count_down();
    done_.wait();
  }

 private:
  std::latch inside_{1};
  std::latch release_{1};
  std::latch done_{1};
};

/// Collects the ends of asynchronous writes.
class Outcomes {
 public:
  Database::Done expect() {
    auto promise = std::make_shared<std::promise<void>>();
    futures_.push_back(promise->get_future());
    return [promise](std::exception_ptr failure) {
      if (failure) {
        promise->set_exception(failure);
      } else {
        promise->set_value();
      }
    };
  }
  void get(std::size_t i) { futures_.at(i).get(); }

 private:
  std::vector<std::future<void>> futures_;
};

TEST(SqliteDatabase, ReturnsWhatTheWorkReturnsAndKeepsItAcrossReopening) {
  TestDatabase t;
  EXPECT_EQ(t.db->write([](Tx& tx) { return tx.exec(kAdd, 1, "a"); }), 1);
  EXPECT_EQ(t.db->write([](Tx& tx) { return tx.exec(kAdd, 2, "b"); }, Durability::kRelaxed), 1);
  t.db.reset();
  struct stat info = {};
  EXPECT_EQ(stat(t.options.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_NE(stat((t.options.path + "-wal").c_str(), &info), 0);  // moved into the file
  t.open();
  EXPECT_THAT(ids(*t.db), testing::ElementsAre(1, 2));
  EXPECT_EQ(t.db->engine(), "sqlite");
  EXPECT_TRUE(t.db->quick_check().empty());
}

TEST(SqliteDatabase, RollsBackAndPassesOnWhatTheWorkThrows) {
  TestDatabase t;
  EXPECT_THROW(t.db->write([](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    throw std::out_of_range("mine");
  }),
               std::out_of_range);
  EXPECT_THROW(t.db->write([](Tx&) { throw 42; }), int);
  EXPECT_EQ(count(*t.db), 0);
}

TEST(SqliteDatabase, CommitsAGroupWithoutTheJobThatThrew) {
  TestDatabase t;
  HeldWriter held(*t.db);
  Outcomes outcomes;
  for (int i = 1; i <= 5; ++i) {
    t.db->write_async(
        [i](Tx& tx) {
          tx.exec(kAdd, i, "x");
          if (i == 3) throw std::runtime_error("third");
        },
        Durability::kDurable, outcomes.expect());
  }
  held.release();
  for (std::size_t i : {0u, 1u, 3u, 4u}) outcomes.get(i);
  EXPECT_THROW(outcomes.get(2), std::runtime_error);
  EXPECT_THAT(ids(*t.db), testing::ElementsAre(1, 2, 4, 5));
}

TEST(SqliteDatabase, SharesOneCommitAmongQueuedWrites) {
  TestDatabase t([](SqliteOptions& o) { o.group_time = std::chrono::seconds(60); });
  auto& sizes = t.metrics.histogram("nexusrag_db_commit_group_size");
  HeldWriter held(*t.db);
  Outcomes outcomes;
  for (int i = 0; i < 100; ++i) {
    t.db->write_async([i](Tx& tx) { tx.exec(kAdd, i, "x"); }, Durability::kDurable, outcomes.expect());
  }
  held.release();
  for (std::size_t i = 0; i < 100; ++i) outcomes.get(i);
  std::uint64_t commits = 0;
  for (std::size_t i = 0; i <= sizes.bounds().size(); ++i) commits += sizes.count_in_bucket(i);
  EXPECT_EQ(commits, 3u);  // the fixture's script, the holder, the hundred
  EXPECT_EQ(sizes.sum(), 102.0);
}

TEST(SqliteDatabase, BoundsAGroupByCount) {
  TestDatabase t([](SqliteOptions& o) {
    o.group_jobs = 10;
    o.group_time = std::chrono::seconds(60);
  });
  std::vector<std::int64_t> visible;
  std::mutex mutex;
  HeldWriter held(*t.db);
  Outcomes outcomes;
  for (int i = 0; i < 30; ++i) {
    t.db->write_async(
        [&, i](Tx& tx) {
          tx.exec(kAdd, i, "x");
          tx.after_commit([&] {
            const std::lock_guard lock(mutex);
            visible.push_back(count(*t.db));
          });
        },
        Durability::kRelaxed, outcomes.expect());
  }
  held.release();
  for (std::size_t i = 0; i < 30; ++i) outcomes.get(i);
  std::vector<std::int64_t> expected(10, 10);
  expected.insert(expected.end(), 10, 20);
  expected.insert(expected.end(), 10, 30);
  EXPECT_EQ(visible, expected);
}

TEST(SqliteDatabase, RunsAfterCommitActionsInOrderBeforeTheCallersAreTold) {
  TestDatabase t;
  std::vector<std::string> events;
  HeldWriter held(*t.db);
  std::latch all(3);
  for (int i = 0; i < 3; ++i) {
    t.db->write_async(
        [&, i](Tx& tx) {
          tx.exec(kAdd, i, "x");
          tx.after_commit([&events, i] { events.push_back("a" + std::to_string(i)); });
          tx.after_commit([&events, i] { events.push_back("b" + std::to_string(i)); });
          if (i == 1) throw std::runtime_error("no");
        },
        Durability::kRelaxed,
        [&, i](std::exception_ptr failure) {
          events.push_back((failure ? "failed" : "done") + std::to_string(i));
          all.count_down();
        });
  }
  held.release();
  all.wait();
  EXPECT_THAT(events, testing::ElementsAre("a0", "b0", "a2", "b2", "done0", "failed1", "done2"));
}

TEST(SqliteDatabase, KeepsTheCommitWhenAnAfterCommitActionThrows) {
  TestDatabase t;
  t.db->write([](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    tx.after_commit([] { throw std::runtime_error("late"); });
  });
  EXPECT_EQ(count(*t.db), 1);
}

TEST(SqliteDatabase, FailsOnlyTheJobWhoseReferencesStayOpen) {
  TestDatabase t;
  HeldWriter held(*t.db);
  Outcomes outcomes;
  t.db->write_async([](Tx& tx) { tx.exec(kAdd, 1, "a"); }, Durability::kDurable, outcomes.expect());
  t.db->write_async([](Tx& tx) { tx.exec(kAddChild, 99); }, Durability::kDurable, outcomes.expect());
  t.db->write_async(
      [](Tx& tx) {
        tx.exec(kAddChild, 2);  // mended before the end
        tx.exec(kAdd, 2, "b");
      },
      Durability::kDurable, outcomes.expect());
  held.release();
  outcomes.get(0);
  try {
    outcomes.get(1);
    FAIL() << "expected a constraint failure";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kConstraint);
  }
  outcomes.get(2);
  EXPECT_THAT(ids(*t.db), testing::ElementsAre(1, 2));
}

TEST(SqliteDatabase, RefusesAWriteInsideAWriteInsteadOfWaitingForItself) {
  TestDatabase t;
  EXPECT_THROW(t.db->write([&](Tx&) { t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); }); }), std::logic_error);
  std::promise<bool> refused;
  t.db->write([&](Tx& tx) {
    tx.after_commit([&] {
      try {
        t.db->write([](Tx&) {});
        refused.set_value(false);
      } catch (const std::logic_error&) {
        refused.set_value(true);
      }
    });
  });
  EXPECT_TRUE(refused.get_future().get());
  EXPECT_EQ(count(*t.db), 0);
}

TEST(SqliteDatabase, JoinsAReadToTheTransactionAroundIt) {
  TestDatabase t([](SqliteOptions& o) { o.readers = 1; });
  t.db->write([&](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    EXPECT_EQ(count(*t.db), 1);  // its own row, not yet committed
  });
  t.db->read([&](Snapshot& outer) {
    EXPECT_EQ(count_in(outer), 1);
    std::thread([&] { t.db->write([](Tx& tx) { tx.exec(kAdd, 2, "b"); }); }).join();
    EXPECT_EQ(count(*t.db), 1);  // one snapshot, and no second connection
  });
  EXPECT_EQ(count(*t.db), 2);
}

TEST(SqliteDatabase, SeesOneSnapshotWhileWritesGoOn) {
  TestDatabase t;
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop && i < 100'000; i += 2) {
      t.db->write(
          [i](Tx& tx) {
            tx.exec(kAdd, i, "pair");
            tx.exec(kAdd, i + 1, "pair");
          },
          Durability::kRelaxed);
    }
  });
  for (int i = 0; i < 300; ++i) {
    t.db->read([](Snapshot& s) {
      const std::int64_t first = count_in(s);
      EXPECT_EQ(first % 2, 0);
      EXPECT_EQ(count_in(s), first);
    });
  }
  stop = true;
  writer.join();
}

TEST(SqliteDatabase, ServesManyThreadsAtOnce) {
  TestDatabase t([](SqliteOptions& o) {
    o.readers = 4;
    o.write_queue = 16;
  });
  constexpr int kThreads = 64;
  constexpr int kEach = 20;
  std::vector<std::thread> threads;
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      for (int i = 0; i < kEach; ++i) {
        const auto durability = n % 2 == 0 ? Durability::kDurable : Durability::kRelaxed;
        t.db->write([&](Tx& tx) { tx.exec(kAdd, n * kEach + i, "x"); }, durability);
        EXPECT_GE(count(*t.db), i + 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count(*t.db), kThreads * kEach);
}

TEST(SqliteDatabase, AnswersBusyAtOnceWhenTheQueueOfAsyncWritesIsFull) {
  TestDatabase t([](SqliteOptions& o) { o.write_queue = 2; });
  HeldWriter held(*t.db);
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) {
    t.db->write_async([i](Tx& tx) { tx.exec(kAdd, i, "x"); }, Durability::kRelaxed, outcomes.expect());
  }
  try {
    outcomes.get(2);  // before the writer has moved
    FAIL() << "expected a refusal";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBusy);
  }
  held.release();
  outcomes.get(0);
  outcomes.get(1);
  EXPECT_EQ(count(*t.db), 2);
}

TEST(SqliteDatabase, FinishesQueuedWritesBeforeItCloses) {
  TestDatabase t;
  std::atomic<int> done{0};
  for (int i = 0; i < 500; ++i) {
    t.db->write_async([i](Tx& tx) { tx.exec(kAdd, i, "x"); }, Durability::kRelaxed,
                      [&](std::exception_ptr failure) {
                        if (!failure) ++done;
                      });
  }
  t.db.reset();
  EXPECT_EQ(done, 500);
  t.open();
  EXPECT_EQ(count(*t.db), 500);
}

TEST(SqliteDatabase, LetsSeveralConnectionsToOneFileWriteAndNoticesTheOthers) {
  TestDatabase t([](SqliteOptions& o) { o.foreign_poll = std::chrono::milliseconds(1); });
  const auto other = open_sqlite(t.options, t.clock, t.metrics);
  const std::uint64_t before = t.db->data_version();
  t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "own"); });
  t.db->write([](Tx& tx) { tx.exec(kAdd, 2, "own"); });
  EXPECT_EQ(t.db->data_version(), before);
  other->write([](Tx& tx) { tx.exec(kAdd, 3, "foreign"); });
  while (t.db->data_version() == before) std::this_thread::yield();
  std::thread a([&] {
    for (int i = 100; i < 200; ++i) t.db->write([i](Tx& tx) { tx.exec(kAdd, i, "a"); });
  });
  for (int i = 200; i < 300; ++i) other->write([i](Tx& tx) { tx.exec(kAdd, i, "b"); });
  a.join();
  EXPECT_EQ(count(*t.db), 203);
}

TEST(SqliteDatabase, GivesUpAfterItsLimitWhenAnotherProcessKeepsTheLock) {
  TestDatabase t([](SqliteOptions& o) { o.busy_limit = std::chrono::milliseconds(50); });
  const auto other = open_sqlite(t.options, t.clock, t.metrics);
  HeldWriter held(*other);
  try {
    t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
    FAIL() << "expected busy";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kBusy);
  }
  EXPECT_GE(t.metrics.counter("nexusrag_db_retries_total", {{"reason", "locked"}}).value(), 1u);
  held.release();
  t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  EXPECT_EQ(count(*t.db), 1);
}

TEST(SqliteDatabase, StartsItsLogOverUnderSteadyLoad) {
  TestDatabase t([](SqliteOptions& o) {
    o.checkpoint_pages = 20;
    o.log_limit_pages = 60;
  });
  const std::string row(3000, 'x');
  for (int i = 0; i < 600; ++i) {
    t.db->write([&](Tx& tx) { tx.exec(kAdd, i, row); }, Durability::kRelaxed);
    if (i % 50 == 0) {
      EXPECT_EQ(count(*t.db), i + 1);
    }
  }
  struct stat info = {};
  ASSERT_EQ(stat((t.options.path + "-wal").c_str(), &info), 0);
  EXPECT_LT(info.st_size, 400 * 4120);
}

TEST(ChangeCount, MovesWithACommitThatTouchedTheScopeAndOnlyThen) {
  TestDatabase t;
  const std::uint64_t before = t.db->change_count("corpus:t1/a");
  const std::uint64_t other = t.db->change_count("corpus:t1/b");
  t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "quiet"); });
  EXPECT_EQ(t.db->change_count("corpus:t1/a"), before);
  t.db->write([&](Tx& tx) {
    tx.touch("corpus:t1/a");
    EXPECT_EQ(t.db->change_count("corpus:t1/a"), before) << "nothing is committed yet";
  });
  EXPECT_NE(t.db->change_count("corpus:t1/a"), before);
  EXPECT_EQ(t.db->change_count("corpus:t1/b"), other);
  const std::uint64_t after = t.db->change_count("corpus:t1/a");
  EXPECT_THROW(t.db->write([](Tx& tx) {
    tx.touch("corpus:t1/a");
    throw std::runtime_error("undone");
  }),
               std::runtime_error);
  EXPECT_EQ(t.db->change_count("corpus:t1/a"), after);
}

TEST(ChangeCount, NeverStaysWhileAnotherCommits) {
  TestDatabase t;
  const auto other = open_sqlite(t.options, t.clock, t.metrics);
  other->write([](Tx& tx) { tx.exec(kAdd, 1, "from elsewhere"); });
  t.db->write([](Tx& tx) { tx.exec(kAdd, 2, "looks first"); });
  EXPECT_NE(t.db->change_count("x"), t.db->change_count("x"));
}

TEST(SqliteDatabase, AFailedJobLeavesItsCompanionsWholeAlsoTheFirstTime) {
  TestDatabase t;
  auto inside = std::make_shared<std::latch>(1);
  auto release = std::make_shared<std::latch>(1);
  t.db->write_async(
      [=](Tx&) {
        inside->count_down();
        release->wait();
      },
      Durability::kRelaxed, [](const std::exception_ptr&) {});
  inside->wait();
  std::latch done(3);
  std::atomic<int> failed{0};
  std::atomic<int> actions{0};
  for (int i = 0; i < 3; ++i)
    t.db->write_async(
        [i, &actions](Tx& tx) {
          tx.exec(kAdd, i, "row");
          tx.after_commit([&actions] { ++actions; });
          if (i == 1) throw std::runtime_error("no");
        },
        Durability::kRelaxed,
        [&](const std::exception_ptr& failure) {
          if (failure) ++failed;
          done.count_down();
        });
  release->count_down();
  done.wait();
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(actions, 2) << "each once, though the group ran twice";
  EXPECT_EQ(count(*t.db), 2);
}

TEST(SqliteDatabase, RunsAScriptWholeOrNotAtAll) {
  TestDatabase t;
  EXPECT_THROW(t.db->run_script("INSERT INTO t VALUES (1, 'a'); INSERT INTO nowhere VALUES (1);"), Error);
  EXPECT_THROW(t.db->run_script("INSERT INTO t VALUES (1, 'a'); COMMIT;"), Error);
  EXPECT_THROW(t.db->run_script("ROLLBACK TO job"), Error);
  EXPECT_EQ(count(*t.db), 0);
  t.db->run_script("INSERT INTO t VALUES (1, 'a'); -- a remark\nINSERT INTO t VALUES (2, 'b');\n");
  EXPECT_EQ(count(*t.db), 2);
}

TEST(SqliteDatabase, GivesEachMemoryDatabaseRowsOfItsOwn) {
  const SystemClock clock;
  observe::Metrics metrics;
  const auto a = open_sqlite({.path = ":memory:"}, clock, metrics);
  const auto b = open_sqlite({.path = ":memory:"}, clock, metrics);
  a->run_script("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT");
  b->run_script("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT) STRICT");
  a->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  EXPECT_EQ(count(*a), 1);
  EXPECT_EQ(count(*b), 0);
}

TEST(SqliteDatabase, SaysWhyItCannotOpen) {
  const SystemClock clock;
  observe::Metrics metrics;
  const TestFolder folder;
  std::ofstream(folder.file("text.db")) << std::string(5000, 'x');
  try {
    const auto db = open_sqlite({.path = folder.file("text.db")}, clock, metrics);
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
  }
  try {
    const auto db = open_sqlite({.path = folder.file("text.db/below.db")}, clock, metrics);
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace nexus::db
