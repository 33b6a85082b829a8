#include "db/postgres/postgres_database.h"

#include "db/postgres/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>

namespace nexus::db {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr Statement kAdd("t.add", "INSERT INTO t (id, v) VALUES ($1, $2)");
constexpr Statement kSet("t.set", "UPDATE t SET v = $2 WHERE id = $1");
constexpr Statement kCount("t.count", "SELECT count(*) FROM t");
constexpr Statement kPid("pid", "SELECT pg_backend_pid()");
constexpr Statement kName("lock", "SELECT {{lock_name $1}}");

std::int64_t number(Snapshot& s, const Statement& statement) {
  Cursor c = s.query(statement);
  return c.next() ? c.i64(0) : -1;
}

struct Failure {
  ErrorCode code = ErrorCode::kOther;
  std::string what;
};
Failure failure_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return {e.code(), e.what()};
  }
  ADD_FAILURE() << "expected an Error";
  return {};
}

class PostgresDatabase : public testing::Test {
 protected:
  void SetUp() override { NEXUS_SKIP_WITHOUT_POSTGRES(); }
  void open(const std::function<void(PostgresOptions&)>& adjust = nullptr) {
    t_ = std::make_unique<TestPostgresDatabase>(adjust);
    admin_ = std::make_unique<TestServer>(t_->server.url());
  }
  [[nodiscard]] Database& db() { return *t_->db; }
  std::int64_t count() {
    return db().read([](Snapshot& s) { return number(s, kCount); });
  }
  void terminate(std::int64_t pid) { admin_->run("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 5000)"); }
  [[nodiscard]] std::string advisory_locks(const std::string& which) {
    return admin_->run(
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' "
        "AND d.datname = current_database() AND " +
        which);
  }
  void terminate_listener() {
    admin_->run(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE '%pg_current_snapshot%' AND pid <> pg_backend_pid()");
  }
  [[nodiscard]] std::uint64_t retries(const std::string& reason) {
    return t_->metrics.counter("nexusrag_db_retries_total", {{"reason", reason}}).value();
  }

  std::unique_ptr<TestPostgresDatabase> t_;
  std::unique_ptr<TestServer> admin_;
};

// ---- what PostgreSQL does to a transaction ----

TEST_F(PostgresDatabase, DoesNotCommitWhenTheWorkSwallowsAFailure) {
  open();
  db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  const Failure swallowed = failure_of([&] {
    db().write([](Tx& tx) {
      tx.exec(kAdd, 2, "b");
      try {
        tx.exec(kAdd, 1, "again");
      } catch (const Error&) {  // as if it were nothing
      }
    });
  });
  EXPECT_EQ(swallowed.code, ErrorCode::kConstraint);
  EXPECT_EQ(count(), 1);
}

TEST_F(PostgresDatabase, CommitsRelaxedWritesWithoutTheDiskAndOnlyThose) {
  static constexpr Statement kShow("show", "SHOW synchronous_commit");
  open();
  const auto setting = [&](Durability durability) {
    return db().write(
        [](Tx& tx) {
          Cursor c = tx.query(kShow);
          return c.next() ? c.str(0) : "";
        },
        durability);
  };
  EXPECT_EQ(setting(Durability::kRelaxed), "off");
  EXPECT_EQ(setting(Durability::kDurable), "on");
}

TEST_F(PostgresDatabase, RunsAConflictingWriteAgainWithTheOthersChanges) {
  static constexpr Statement kGet("t.get", "SELECT v FROM t WHERE id = 1");
  open();
  db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  int runs = 0;
  db().write([&](Tx& tx) {
    std::string seen;
    {
      Cursor c = tx.query(kGet);
      if (c.next()) seen = c.str(0);
    }
    if (runs++ == 0) std::thread([&] { db().write([](Tx& other) { other.exec(kSet, 1, "b"); }); }).join();
    tx.exec(kSet, 1, seen + "!");
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(admin_->run("SELECT v FROM t"), "b!");
  EXPECT_EQ(retries("serialization"), 1u);
}

TEST_F(PostgresDatabase, GivesUpBusyWhenAConflictNeverEnds) {
  open([](PostgresOptions& o) { o.busy_limit = milliseconds(50); });
  db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  const Failure gave_up = failure_of([&] {
    db().write([&](Tx& tx) {
      number(tx, kCount);
      admin_->run("UPDATE t SET v = v || 'x'");
      tx.exec(kSet, 1, "mine");
    });
  });
  EXPECT_EQ(gave_up.code, ErrorCode::kBusy);
  EXPECT_THAT(gave_up.what, HasSubstr("40001"));
}

TEST_F(PostgresDatabase, UntiesDeadlocks) {
  open();
  db().write([](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    tx.exec(kAdd, 2, "b");
  });
  std::latch both(2);
  const auto cross = [&](int first, int second) {
    bool met = false;
    db().write([&](Tx& tx) {
      tx.exec(kSet, first, "x");
      if (!std::exchange(met, true)) both.arrive_and_wait();
      tx.exec(kSet, second, "y");
    });
  };
  std::thread other(cross, 2, 1);
  cross(1, 2);
  other.join();
  EXPECT_EQ(count(), 2);
}

// ---- names ----

TEST_F(PostgresDatabase, WaitsForANameAndThenSeesWhatItsHolderDid) {
  open();
  std::latch held(1);
  std::promise<void> release;
  std::thread holder([&] {
    db().write([&](Tx& tx) {
      (void)tx.query(kName, "chain").next();
      tx.exec(kAdd, 1, "first");
      held.count_down();
      release.get_future().wait();
    });
  });
  held.wait();
  std::int64_t seen = -1;
  std::atomic<int> runs{0};
  std::thread waiter([&] {
    db().write([&](Tx& tx) {
      ++runs;
      number(tx, kPid);  // takes the snapshot, before the name
      (void)tx.query(kName, "chain").next();
      seen = number(tx, kCount);
      tx.exec(kAdd, 2, "second");
    });
  });
  while (advisory_locks("NOT granted") != "1") std::this_thread::yield();
  db().write([](Tx& tx) { (void)tx.query(kName, "another").next(); });  // is nobody's
  release.set_value();
  holder.join();
  waiter.join();
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(advisory_locks("true"), "0");
}

TEST_F(PostgresDatabase, LetsATransactionThatBeginsWithAScriptSeeWhatItsLocksWaitedFor) {
  open();
  std::latch held(1);
  std::promise<void> release;
  const auto migrate = [&](const std::function<void(Tx&)>& then) {
    db().write([&](Tx& tx) {
      tx.script("SET LOCAL lock_timeout = '1min'");
      number(tx, kCount);
      (void)tx.query(kName, "migrations").next();
      then(tx);
    });
  };
  std::thread holder([&] {
    migrate([&](Tx& tx) {
      tx.exec(kAdd, 1, "first");
      held.count_down();
      release.get_future().wait();
    });
  });
  held.wait();
  std::int64_t seen = -1;
  std::thread waiter([&] { migrate([&](Tx& tx) { seen = number(tx, kCount); }); });
  while (advisory_locks("NOT granted") != "1") std::this_thread::yield();
  release.set_value();
  holder.join();
  waiter.join();
  EXPECT_EQ(seen, 1);
}

// ---- lost connections ----

TEST_F(PostgresDatabase, RunsAWriteAgainWhoseConnectionWasLostBeforeTheCommit) {
  open();
  int runs = 0;
  db().write([&](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    if (runs++ == 0) terminate(number(tx, kPid));
    tx.exec(kAdd, 2, "b");
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(retries("connection"), 1u);
}

TEST_F(PostgresDatabase, RunsAReadAgainWhoseConnectionWasLost) {
  open();
  int runs = 0;
  db().read([&](Snapshot& s) {
    const std::int64_t pid = number(s, kPid);
    if (runs++ == 0) terminate(pid);
    EXPECT_EQ(number(s, kCount), 0);
  });
  EXPECT_EQ(runs, 2);
}

TEST_F(PostgresDatabase, DoesNotNoticeThatItsIdleConnectionsWereCut) {
  open();
  EXPECT_EQ(count(), 0);
  admin_->run(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
      "AND pid <> pg_backend_pid()");
  int runs = 0;
  db().write([&](Tx& tx) {
    ++runs;
    tx.exec(kAdd, 1, "a");
  });
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(count(), 1);
}

TEST_F(PostgresDatabase, SaysThatNobodyKnowsWhenACommitLosesItsConnection) {
  open();
  db().run_script(R"(
    CREATE FUNCTION hang_up() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE TABLE doom (id bigint);
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON doom DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION hang_up())");
  static constexpr Statement kDoom("doom.add", "INSERT INTO doom VALUES (1)");
  const std::uint64_t before = db().change_count("x");
  std::atomic<int> runs{0};
  const auto work = [&](Tx& tx) {
    ++runs;
    tx.exec(kDoom);
    tx.touch("x");
    tx.after_commit([] { ADD_FAILURE() << "not known to be committed"; });
  };
  const Failure lost = failure_of([&] { db().write(work); });
  EXPECT_EQ(lost.code, ErrorCode::kUnavailable);
  EXPECT_THAT(lost.what, HasSubstr("nobody knows"));
  EXPECT_EQ(runs, 1) << "never again by itself";
  EXPECT_NE(db().change_count("x"), before) << "caches look again";
}

TEST_F(PostgresDatabase, FailsAtOnceWhileThereIsNoServerAndRecoversByItself) {
  open([](PostgresOptions& o) {
    o.reconnect_first = milliseconds(1);
    o.reconnect_most = milliseconds(5);
  });
  TestServer outside(test_postgres_url());
  outside.run("ALTER DATABASE " + t_->server.name() + " ALLOW_CONNECTIONS false");
  outside.run("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '" + t_->server.name() +
              "'");
  EXPECT_EQ(failure_of([&] { count(); }).code, ErrorCode::kUnavailable);
  EXPECT_EQ(failure_of([&] { count(); }).code, ErrorCode::kUnavailable);
  outside.run("ALTER DATABASE " + t_->server.name() + " ALLOW_CONNECTIONS true");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (bool back = false; !back && std::chrono::steady_clock::now() < deadline;) {
    try {
      back = count() == 0;
    } catch (const Error&) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(count(), 0);
}

TEST_F(PostgresDatabase, PreparesAgainAfterTheSchemaHasChanged) {
  static constexpr Statement kStar("star", "SELECT * FROM t WHERE id = 1");
  open([](PostgresOptions& o) { o.pool_size = 1; });
  const auto columns = [](Snapshot& s) {
    Cursor c = s.query(kStar);
    return c.next();
  };
  EXPECT_FALSE(db().read(columns));
  admin_->run("ALTER TABLE t ADD COLUMN more text");
  EXPECT_FALSE(db().read(columns));
  admin_->run("ALTER TABLE t ADD COLUMN even_more text");
  EXPECT_FALSE(db().write(columns));
}

// ---- limits ----

TEST_F(PostgresDatabase, AnswersBusyWhenNoConnectionBecomesFree) {
  open([](PostgresOptions& o) {
    o.pool_size = 1;
    o.max_overflow = 1;
    o.busy_limit = milliseconds(30);
  });
  db().read([&](Snapshot& first) {
    number(first, kCount);
    std::thread([&] {
      db().read([&](Snapshot& second) {
        number(second, kCount);
        const Failure full = failure_of([&] { std::async(std::launch::async, [&] { count(); }).get(); });
        EXPECT_EQ(full.code, ErrorCode::kBusy);
        EXPECT_THAT(full.what, HasSubstr("all 2 connections"));
      });
    }).join();
  });
  EXPECT_EQ(count(), 0);
}

TEST_F(PostgresDatabase, EndsAStatementThatTakesTooLong) {
  static constexpr Statement kSleep("sleep", "SELECT pg_sleep(30)");
  open([](PostgresOptions& o) { o.statement_timeout = milliseconds(50); });
  const Failure late = failure_of([&] { db().read([](Snapshot& s) { return s.query(kSleep).next(); }); });
  EXPECT_EQ(late.code, ErrorCode::kUnavailable);
  EXPECT_THAT(late.what, testing::StartsWith("sleep: "));
  db().run_script("SELECT pg_sleep(0.1)");  // a migration has the time it needs
  EXPECT_EQ(failure_of([&] {
              db().write([](Tx& tx) {
                tx.script("SELECT 1");
                (void)tx.query(kSleep).next();
              });
            }).code,
            ErrorCode::kUnavailable);
}

TEST_F(PostgresDatabase, IsFreedOfATransactionThatWasLeftAlone) {
  open([](PostgresOptions& o) { o.idle_in_transaction = milliseconds(500); });
  int runs = 0;
  db().write([&](Tx& tx) {
    const std::int64_t pid = number(tx, kPid);
    tx.exec(kAdd, 1, "a");
    if (runs++ > 0) return;
    const std::string query = "SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(pid);
    while (admin_->run(query) != "0") std::this_thread::yield();
  });
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(count(), 1);
}

TEST_F(PostgresDatabase, RefusesToOpenWhatIsNotThere) {
  const SystemClock clock;
  observe::Metrics metrics;
  const Failure gone = failure_of(
      [&] { const auto db = open_postgres({.url = "postgresql://someone:hunter2@127.0.0.1:1/x"}, clock, metrics); });
  EXPECT_EQ(gone.code, ErrorCode::kUnavailable);
  EXPECT_THAT(gone.what, testing::Not(HasSubstr("hunter2")));
}

// ---- news of others ----

TEST_F(PostgresDatabase, CountsEveryQuestionAsAChangeWhileItCannotListen) {
  open([](PostgresOptions& o) {
    o.reconnect_first = std::chrono::minutes(10);
    o.reconnect_most = std::chrono::minutes(10);
  });
  EXPECT_EQ(db().change_count("x"), db().change_count("x"));
  terminate_listener();
  while (db().change_count("x") == db().change_count("x")) std::this_thread::yield();
  EXPECT_NE(db().change_count("x"), db().change_count("x"));
  EXPECT_NE(db().data_version(), db().data_version());
}

TEST_F(PostgresDatabase, DoubtsEverythingAfterItCouldNotListenForAWhile) {
  open([](PostgresOptions& o) { o.reconnect_first = milliseconds(1); });
  const std::uint64_t before = db().change_count("x");
  terminate_listener();
  while (db().change_count("x") == before) std::this_thread::yield();
  while (db().change_count("x") != db().change_count("x")) std::this_thread::yield();
  EXPECT_GT(db().change_count("x"), before);
}

TEST_F(PostgresDatabase, DoesNotHearItself) {
  open();
  const std::uint64_t version = db().data_version();
  db().write([](Tx& tx) { tx.touch("x"); });
  const std::uint64_t count = db().change_count("x");
  while (db().data_version() == version) std::this_thread::yield();  // the snapshot, asked after the notification
  const std::uint64_t later = db().data_version();
  db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  while (db().data_version() == later) std::this_thread::yield();
  EXPECT_EQ(db().change_count("x"), count);
}

TEST_F(PostgresDatabase, TellsOthersOfManyScopesInOneCommit) {
  open();
  const auto other = open_postgres(t_->options, t_->clock, t_->metrics);
  const std::uint64_t first = other->change_count("scope 0");
  const std::uint64_t last = other->change_count("scope 2999");
  db().write([](Tx& tx) {
    for (int i = 0; i < 3000; ++i) tx.touch("scope " + std::to_string(i));
  });
  while (other->change_count("scope 0") == first || other->change_count("scope 2999") == last) {
    std::this_thread::yield();
  }
}

TEST_F(PostgresDatabase, NoticesProgramsThatNotifyNobody) {
  open();
  const std::uint64_t before = db().data_version();
  admin_->run("INSERT INTO t (v) VALUES ('from the original')");
  while (db().data_version() == before) std::this_thread::yield();
}

TEST_F(PostgresDatabase, ReportsIndexesThatAreNotValid) {
  open();
  EXPECT_TRUE(db().quick_check().empty());
  admin_->run("INSERT INTO t (v) VALUES ('twice'), ('twice')");
  EXPECT_THROW(admin_->run("CREATE UNIQUE INDEX CONCURRENTLY t_v ON t (v)"), std::runtime_error);
  EXPECT_THAT(db().quick_check(), testing::ElementsAre(HasSubstr("index t_v")));
}

}  // namespace
}  // namespace nexus::db
