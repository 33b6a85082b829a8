// What every engine promises, run against each: the contract of database.h as tests. What only one engine has stands in
// its own folder.
#include "db/postgres/test_database.h"
#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nexus::db {
namespace {

constexpr Statement kAdd("t.add", "INSERT INTO t (id, v) VALUES ($1, $2)");
constexpr Statement kSwapped("t.swapped", "INSERT INTO t (v, id) VALUES ($2, $1)");
constexpr Statement kAddReturning("t.add_returning", "INSERT INTO t (v) VALUES ($1), ($2) RETURNING id, v");
constexpr Statement kAddChild("child.add", "INSERT INTO child (t_id) VALUES ($1)");
constexpr Statement kCount("t.count", "SELECT count(*) FROM t");
constexpr Statement kGet("t.get", "SELECT v FROM t WHERE id = $1");
constexpr Statement kAll("t.all", "SELECT id, v FROM t ORDER BY id");
constexpr Statement kTouch("t.touch", "UPDATE t SET v = v || '!' WHERE id > $1");
constexpr Statement kSet("t.set", "UPDATE t SET v = $2 WHERE id = $1");

struct Knobs {
  unsigned readers = 4;
  std::size_t write_queue = 4096;
};

/// An engine on a database of its own, with the tables t and child.
class Engine {
 public:
  Engine(std::string_view name, const Knobs& knobs) {
    if (name == "sqlite") {
      sqlite_ = std::make_unique<TestDatabase>([&](SqliteOptions& o) {
        o.readers = knobs.readers;
        o.write_queue = knobs.write_queue;
      });
    } else {
      postgres_ = std::make_unique<TestPostgresDatabase>([&](PostgresOptions& o) {
        o.pool_size = knobs.readers;
        o.write_queue = knobs.write_queue;
      });
    }
  }
  [[nodiscard]] Database& db() const { return sqlite_ ? *sqlite_->db : *postgres_->db; }
  void reopen() {
    if (sqlite_) {
      sqlite_->db.reset();
      sqlite_->open();
    } else {
      postgres_->db.reset();
      postgres_->open();
    }
  }
  void close() { (sqlite_ ? sqlite_->db : postgres_->db).reset(); }
  /// Another process's view of the same database.
  [[nodiscard]] std::unique_ptr<Database> other() const {
    return sqlite_ ? open_sqlite(sqlite_->options, sqlite_->clock, sqlite_->metrics)
                   : open_postgres(postgres_->options, postgres_->clock, postgres_->metrics);
  }

 private:
  std::unique_ptr<TestDatabase> sqlite_;
  std::unique_ptr<TestPostgresDatabase> postgres_;
};

class EngineBehaviour : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "postgres") NEXUS_SKIP_WITHOUT_POSTGRES();
  }
  [[nodiscard]] std::unique_ptr<Engine> engine(const Knobs& knobs = {}) const {
    return std::make_unique<Engine>(GetParam(), knobs);
  }
};

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
    for (Cursor c = s.query(kAll); c.next();) out.push_back(c.i64(0));
    return out;
  });
}
ErrorCode code_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "expected an Error";
  return ErrorCode::kOther;
}

/// Keeps the thread of asynchronous writes inside a job.
class HeldWriter {
 public:
  explicit HeldWriter(Database& db) {
    db.write_async(
        [this](Tx&) {
          inside_.count_down();
          release_.wait();
        },
        Durability::kRelaxed, [this](const std::exception_ptr&) { done_.count_down(); });
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

class Outcomes {
 public:
  Database::Done expect() {
    auto promise = std::make_shared<std::promise<void>>();
    futures_.push_back(promise->get_future());
    return [promise](const std::exception_ptr& failure) {
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

TEST_P(EngineBehaviour, ReturnsWhatTheWorkReturnsAndKeepsItAcrossReopening) {
  const auto e = engine();
  EXPECT_EQ(e->db().write([](Tx& tx) { return tx.exec(kAdd, 1, "a"); }), 1);
  EXPECT_EQ(e->db().write([](Tx& tx) { return tx.exec(kAdd, 2, "b"); }, Durability::kRelaxed), 1);
  e->reopen();
  EXPECT_THAT(ids(e->db()), testing::ElementsAre(1, 2));
  EXPECT_EQ(e->db().engine(), GetParam());
  EXPECT_TRUE(e->db().quick_check().empty());
}

TEST_P(EngineBehaviour, RollsBackAndPassesOnWhatTheWorkThrows) {
  const auto e = engine();
  EXPECT_THROW(e->db().write([](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    throw std::out_of_range("mine");
  }),
               std::out_of_range);
  EXPECT_THROW(e->db().write([](Tx&) { throw 42; }), int);
  EXPECT_EQ(count(e->db()), 0);
}

TEST_P(EngineBehaviour, RunsAfterCommitActionsInOrderAndNeverAfterARollback) {
  const auto e = engine();
  std::vector<std::string> events;
  e->db().write([&](Tx& tx) {
    tx.after_commit([&] { events.emplace_back("a"); });
    tx.exec(kAdd, 1, "x");
    tx.after_commit([&] { events.push_back("sees " + std::to_string(count(e->db()))); });
  });
  EXPECT_THROW(e->db().write([&](Tx& tx) {
    tx.after_commit([&] { events.emplace_back("never"); });
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  e->db().write([&](Tx& tx) { tx.after_commit([] { throw std::runtime_error("late"); }); });
  EXPECT_THAT(events, testing::ElementsAre("a", "sees 1"));
}

TEST_P(EngineBehaviour, TellsOfOpenReferencesAtTheCommitAsAConstraint) {
  const auto e = engine();
  EXPECT_EQ(code_of([&] { e->db().write([](Tx& tx) { tx.exec(kAddChild, 99); }); }), ErrorCode::kConstraint);
  e->db().write([](Tx& tx) {
    tx.exec(kAddChild, 2);  // mended before the end
    tx.exec(kAdd, 2, "b");
  });
  EXPECT_THAT(ids(e->db()), testing::ElementsAre(2));
}

TEST_P(EngineBehaviour, RefusesAWriteInsideAWriteOrInWhatRunsAfterIt) {
  const auto e = engine();
  EXPECT_THROW(e->db().write([&](Tx&) { e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); }); }), std::logic_error);
  bool refused = false;
  e->db().write([&](Tx& tx) {
    tx.after_commit([&] {
      try {
        e->db().write([](Tx&) {});
      } catch (const std::logic_error&) {
        refused = true;
      }
    });
  });
  EXPECT_TRUE(refused);
  EXPECT_EQ(count(e->db()), 0);
}

TEST_P(EngineBehaviour, JoinsAReadToTheTransactionAroundIt) {
  const auto e = engine({.readers = 1});
  e->db().write([&](Tx& tx) {
    tx.exec(kAdd, 1, "a");
    EXPECT_EQ(count(e->db()), 1);  // its own row, not yet committed
  });
  e->db().read([&](Snapshot& outer) {
    EXPECT_EQ(count_in(outer), 1);
    std::thread([&] { e->db().write([](Tx& tx) { tx.exec(kAdd, 2, "b"); }); }).join();
    EXPECT_EQ(count(e->db()), 1);  // one snapshot
  });
  EXPECT_EQ(count(e->db()), 2);
}

TEST_P(EngineBehaviour, SeesOneSnapshotWhileWritesGoOn) {
  const auto e = engine();
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop && i < 100'000; i += 2) {
      e->db().write(
          [i](Tx& tx) {
            tx.exec(kAdd, i, "pair");
            tx.exec(kAdd, i + 1, "pair");
          },
          Durability::kRelaxed);
    }
  });
  for (int i = 0; i < 100; ++i) {
    e->db().read([](Snapshot& s) {
      const std::int64_t first = count_in(s);
      EXPECT_EQ(first % 2, 0);
      EXPECT_EQ(count_in(s), first);
    });
  }
  stop = true;
  writer.join();
}

TEST_P(EngineBehaviour, LosesNoUpdateOfManyThreadsThatReadAndThenWrite) {
  const auto e = engine();
  e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "0"); });
  constexpr int kThreads = 64;
  constexpr int kEach = 5;
  std::atomic<int> actions{0};
  std::vector<std::thread> threads;
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      for (int i = 0; i < kEach; ++i) {
        e->db().write(
            [&](Tx& tx) {
              std::int64_t now = 0;
              {
                Cursor c = tx.query(kGet, 1);
                if (c.next()) now = std::stoll(c.str(0));
              }
              tx.exec(kSet, 1, std::to_string(now + 1));
              tx.after_commit([&] { ++actions; });
            },
            n % 2 == 0 ? Durability::kDurable : Durability::kRelaxed);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string value = e->db().read([](Snapshot& s) {
    Cursor c = s.query(kGet, 1);
    return c.next() ? c.str(0) : "";
  });
  EXPECT_EQ(value, std::to_string(kThreads * kEach));
  EXPECT_EQ(actions, kThreads * kEach) << "once for each commit, whatever ran again";
}

TEST_P(EngineBehaviour, KeepsAPromiseThatTwoTransactionsCheckAtOnce) {
  // Each takes one row away when there are two: one must remain. A snapshot alone would let both succeed.
  static constexpr Statement kRemove("t.remove", "DELETE FROM t WHERE id = $1");
  const auto e = engine();
  for (int round = 0; round < 10; ++round) {
    e->db().write([](Tx& tx) {
      tx.exec(kRemove, 1);
      tx.exec(kRemove, 2);
      tx.exec(kAdd, 1, "a");
      tx.exec(kAdd, 2, "b");
    });
    const auto take = [&](int id) {
      e->db().write([&](Tx& tx) {
        if (count_in(tx) > 1) tx.exec(kRemove, id);
      });
    };
    std::thread other(take, 1);
    take(2);
    other.join();
    EXPECT_EQ(count(e->db()), 1);
  }
}

TEST_P(EngineBehaviour, GivesEachAsynchronousWriteItsOwnEnd) {
  const auto e = engine();
  HeldWriter held(e->db());
  Outcomes outcomes;
  std::atomic<int> actions{0};
  for (int i = 0; i < 5; ++i) {
    e->db().write_async(
        [i, &actions](Tx& tx) {
          tx.exec(kAdd, i, "x");
          tx.after_commit([&actions] { ++actions; });
          if (i == 3) throw std::runtime_error("third");
        },
        Durability::kDurable, outcomes.expect());
  }
  held.release();
  for (std::size_t i : {0u, 1u, 2u, 4u}) outcomes.get(i);
  EXPECT_THROW(outcomes.get(3), std::runtime_error);
  EXPECT_EQ(actions, 4);
  EXPECT_THAT(ids(e->db()), testing::ElementsAre(0, 1, 2, 4));
}

TEST_P(EngineBehaviour, AnswersBusyAtOnceWhenTheQueueOfAsyncWritesIsFull) {
  const auto e = engine({.write_queue = 2});
  HeldWriter held(e->db());
  Outcomes outcomes;
  for (int i = 0; i < 3; ++i) {
    e->db().write_async([i](Tx& tx) { tx.exec(kAdd, i, "x"); }, Durability::kRelaxed, outcomes.expect());
  }
  EXPECT_EQ(code_of([&] { outcomes.get(2); }), ErrorCode::kBusy);  // before the writer has moved
  held.release();
  outcomes.get(0);
  outcomes.get(1);
  EXPECT_EQ(count(e->db()), 2);
}

TEST_P(EngineBehaviour, FinishesQueuedWritesBeforeItCloses) {
  const auto e = engine();
  std::atomic<int> done{0};
  for (int i = 0; i < 200; ++i) {
    e->db().write_async([i](Tx& tx) { tx.exec(kAdd, i, "x"); }, Durability::kRelaxed,
                        [&](const std::exception_ptr& failure) {
                          if (!failure) ++done;
                        });
  }
  e->close();
  EXPECT_EQ(done, 200);
  e->reopen();
  EXPECT_EQ(count(e->db()), 200);
}

TEST_P(EngineBehaviour, NoticesCommitsOfOthers) {
  const auto e = engine();
  const auto other = e->other();
  const std::uint64_t before = e->db().data_version();
  const std::uint64_t counted = e->db().change_count("corpus:t1/a");
  other->write([](Tx& tx) {
    tx.exec(kAdd, 3, "foreign");
    tx.touch("corpus:t1/a");
  });
  while (e->db().data_version() == before) std::this_thread::yield();
  while (e->db().change_count("corpus:t1/a") == counted) std::this_thread::yield();
}

TEST_P(EngineBehaviour, CountsAChangeWithTheCommitThatTouchedItAndOnlyThen) {
  const auto e = engine();
  Database& db = e->db();
  const std::uint64_t before = db.change_count("corpus:t1/a");
  const std::uint64_t other = db.change_count("corpus:t1/b");
  db.write([](Tx& tx) { tx.exec(kAdd, 1, "quiet"); });
  EXPECT_EQ(db.change_count("corpus:t1/a"), before);
  db.write([&](Tx& tx) {
    tx.touch("corpus:t1/a");
    EXPECT_EQ(db.change_count("corpus:t1/a"), before) << "nothing is committed yet";
  });
  const std::uint64_t after = db.change_count("corpus:t1/a");
  EXPECT_NE(after, before);
  EXPECT_EQ(db.change_count("corpus:t1/b"), other);
  EXPECT_THROW(db.write([](Tx& tx) {
    tx.touch("corpus:t1/a");
    throw std::runtime_error("undone");
  }),
               std::runtime_error);
  EXPECT_EQ(db.change_count("corpus:t1/a"), after);
}

TEST_P(EngineBehaviour, RunsAScriptWholeOrNotAtAll) {
  const auto e = engine();
  Database& db = e->db();
  EXPECT_THROW(db.run_script("INSERT INTO t VALUES (1, 'a'); INSERT INTO nowhere VALUES (1);"), Error);
  EXPECT_THROW(db.run_script("INSERT INTO t VALUES (1, 'a'); COMMIT;"), Error);
  EXPECT_THROW(db.run_script("/* a; */ ROLLBACK TO job"), Error);
  EXPECT_EQ(count(db), 0);
  db.run_script("INSERT INTO t VALUES (1, 'a; COMMIT'); -- a remark; COMMIT\nINSERT INTO t VALUES (2, 'b');\n");
  EXPECT_EQ(count(db), 2);
}

TEST_P(EngineBehaviour, MatchesPlaceholdersByNumberNotByAppearance) {
  const auto e = engine();
  e->db().write([](Tx& tx) { tx.exec(kSwapped, 7, "seven"); });
  EXPECT_EQ(e->db().read([](Snapshot& s) {
    Cursor c = s.query(kGet, 7);
    return c.next() ? c.str(0) : "";
  }),
            "seven");
}

TEST_P(EngineBehaviour, ServesTheSameStatementInsideItself) {
  const auto e = engine();
  e->db().write([](Tx& tx) {
    for (int i = 1; i <= 3; ++i) tx.exec(kAdd, i, std::to_string(i));
  });
  const int pairs = e->db().read([](Snapshot& s) {
    int found = 0;
    Cursor outer = s.query(kAll);
    while (outer.next()) {
      Cursor inner = s.query(kAll);
      while (inner.next()) found += inner.i64(0) >= outer.i64(0) ? 1 : 0;
    }
    return found;
  });
  EXPECT_EQ(pairs, 6);
}

TEST_P(EngineBehaviour, MakesTheChangesOfAReturningQueryEvenWhenNobodyReadsIt) {
  const auto e = engine();
  e->db().write([](Tx& tx) { [[maybe_unused]] const Cursor unread = tx.query(kAddReturning, "a", "b"); });
  const auto added = e->db().write([](Tx& tx) {
    std::vector<std::int64_t> out;
    Cursor c = tx.query(kAddReturning, "c", "d");
    while (c.next()) out.push_back(c.i64(0));
    return out;
  });
  EXPECT_THAT(added, testing::ElementsAre(3, 4));
}

TEST_P(EngineBehaviour, CountsChangedRows) {
  const auto e = engine();
  e->db().write([](Tx& tx) {
    EXPECT_EQ(tx.exec(kAdd, 1, "a"), 1);
    EXPECT_EQ(tx.exec(kAdd, 2, "b"), 1);
    EXPECT_EQ(tx.exec(kTouch, 0), 2);
    EXPECT_EQ(tx.exec(kTouch, 5), 0);
  });
}

TEST_P(EngineBehaviour, RefusesAWrongNumberOfValuesAndColumnsThatAreNotThere) {
  const auto e = engine();
  EXPECT_THROW(e->db().write([](Tx& tx) { tx.exec(kAdd, 1); }), std::logic_error);
  EXPECT_THROW(e->db().read([](Snapshot& s) { return s.query(kGet, 1, 2).next(); }), std::logic_error);
  e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  e->db().read([](Snapshot& s) {
    Cursor c = s.query(kGet, 1);
    EXPECT_THROW((void)c.text(0), std::logic_error) << "before the first next()";
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.text(0), "a");
    EXPECT_THROW((void)c.i64(1), std::logic_error);
    EXPECT_THROW((void)c.i64(-1), std::logic_error);
    EXPECT_FALSE(c.next());
    EXPECT_FALSE(c.next());
  });
}

TEST_P(EngineBehaviour, NamesTheStatementInItsErrorsAndNeverAValue) {
  const auto e = engine();
  e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  try {
    e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "secret"); });
    FAIL() << "expected a constraint failure";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kConstraint);
    EXPECT_THAT(error.what(), testing::StartsWith("t.add: "));
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("secret")));
  }
}

TEST_P(EngineBehaviour, RefusesToWriteInARead) {
  const auto e = engine();
  EXPECT_THROW(e->db().read([](Snapshot& s) { return s.query(kAddReturning, "a", "b").next(); }), Error);
}

TEST_P(EngineBehaviour, TakesARunawayCursorItsRowsAndComplains) {
  const auto e = engine();
  e->db().write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  std::optional<Cursor> escaped;
  EXPECT_THROW(e->db().read([&](Snapshot& s) { escaped.emplace(s.query(kAll)); }), std::logic_error);
  EXPECT_THROW(escaped->next(), std::logic_error);
  EXPECT_THROW(e->db().write([&](Tx& tx) {
    tx.exec(kAdd, 2, "b");
    escaped.emplace(tx.query(kAll));
  }),
               std::logic_error);
  EXPECT_THAT(ids(e->db()), testing::ElementsAre(1));
}

TEST_P(EngineBehaviour, ChecksStatementsWithoutRunningThem) {
  const auto e = engine();
  static constexpr Statement kBroken("t.broken", "SELECT nothing FROM t");
  static constexpr Statement kToken("t.token", "SELECT {{no_such}}");
  static constexpr Statement kTwoInOne("t.two", "SELECT 1; SELECT 2");
  static constexpr Statement kOtherStyle("t.style", "SELECT ?");
  const Statement* list[] = {&kAdd, &kBroken, &kGet, &kToken, &kTwoInOne, &kOtherStyle};
  using testing::StartsWith;
  EXPECT_THAT(e->db().check_statements(list),
              testing::ElementsAre(StartsWith("t.broken: "), StartsWith("t.token: unknown token"),
                                   StartsWith("t.two: "), StartsWith("t.style: ")));
}

TEST_P(EngineBehaviour, KeepsEveryTypeItIsGiven) {
  static constexpr Statement kCreate("all.create",
                                     "CREATE TABLE every_type (n BIGINT, r DOUBLE PRECISION, b BOOLEAN, x TEXT, "
                                     "y {{blob}}, at {{timestamp}}, j {{json}}, gone TEXT)");
  static constexpr Statement kInsert("all.insert", "INSERT INTO every_type VALUES ($1, $2, $3, $4, $5, $6, $7, $8)");
  static constexpr Statement kSelect("all.select", "SELECT n, r, b, x, y, at, j, gone FROM every_type");
  const auto e = engine();
  e->db().write([](Tx& tx) { tx.exec(kCreate); });
  const std::byte bytes[] = {std::byte{0}, std::byte{255}};
  const std::optional<std::string> absent;
  e->db().write([&](Tx& tx) {
    tx.exec(kInsert, std::int64_t{-5'000'000'000}, 2.5, true, "té", std::span<const std::byte>(bytes),
            Timestamp{1'234'567}, Json{R"({"a": 1})"}, absent);
  });
  e->db().read([&](Snapshot& s) {
    Cursor c = s.query(kSelect);
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.i64(0), -5'000'000'000);
    EXPECT_EQ(c.real(1), 2.5);
    EXPECT_TRUE(c.boolean(2));
    EXPECT_EQ(c.i64(2), 1);
    EXPECT_EQ(c.text(3), "té");
    EXPECT_EQ(std::vector(c.blob(4).begin(), c.blob(4).end()), std::vector(bytes, bytes + 2));
    EXPECT_EQ(c.time(5).us, 1'234'567);
    EXPECT_EQ(c.text(6), R"({"a": 1})");
    EXPECT_TRUE(c.is_null(7));
    EXPECT_EQ(c.i64(7), 0);
    EXPECT_EQ(c.text(7), "");
    EXPECT_EQ(c.opt_str(7), std::nullopt);
  });
}

TEST_P(EngineBehaviour, TakesIntegersForBooleansAndBooleansForIntegers) {
  static constexpr Statement kCreate("mixed.create", "CREATE TABLE mixed (b BOOLEAN, n BIGINT)");
  static constexpr Statement kInsert("mixed.insert", "INSERT INTO mixed VALUES ($1, $2)");
  static constexpr Statement kFind("mixed.find", "SELECT b, n FROM mixed WHERE b = $1 AND n = $2");
  const auto e = engine();
  e->db().write([](Tx& tx) {
    tx.exec(kCreate);
    tx.exec(kInsert, 1, false);
    tx.exec(kInsert, false, true);
  });
  e->db().read([](Snapshot& s) {
    Cursor c = s.query(kFind, 0, 1);
    ASSERT_TRUE(c.next());
    EXPECT_FALSE(c.boolean(0));
    EXPECT_EQ(c.i64(1), 1);
    EXPECT_FALSE(c.next());
  });
}

TEST_P(EngineBehaviour, ExpandsTokens) {
  static constexpr Statement kJsonText("json_text", "SELECT {{json_text $1 name}}");
  static constexpr Statement kSorted("sorted",
                                     "SELECT x FROM (SELECT '9.5' AS x UNION SELECT '10' UNION SELECT '-3') AS u "
                                     "ORDER BY {{decimal x}}");
  static constexpr Statement kTimes("times", "SELECT {{time_add $1 $2}}, {{time_diff_us $1 $3}}");
  static constexpr Statement kExists("exists", "SELECT {{table_exists t}}, {{table_exists nowhere}}");
  static constexpr Statement kBytes("bytes", "SELECT v FROM t ORDER BY {{bytes_order v}}");
  static constexpr Statement kClaim("claim", "SELECT id FROM t ORDER BY id LIMIT 1 {{for_update_skip_locked}}");
  static constexpr Statement kHold("hold", "SELECT id FROM t WHERE id = $1 {{for_update}}");
  static constexpr Statement kName("name", "SELECT {{lock_name $1}}");
  const auto e = engine();
  e->db().write([](Tx& tx) {
    tx.exec(kAdd, 1, "b");
    tx.exec(kAdd, 2, "B");
    (void)tx.query(kName, "a name").next();
    EXPECT_TRUE(tx.query(kClaim).next());
    EXPECT_TRUE(tx.query(kHold, 2).next());
  });
  e->db().read([](Snapshot& s) {
    Cursor c = s.query(kJsonText, Json{R"({"name":"n"})"});
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.text(0), "n");
    std::vector<std::string> sorted;
    for (Cursor d = s.query(kSorted); d.next();) sorted.push_back(d.str(0));
    EXPECT_THAT(sorted, testing::ElementsAre("-3", "9.5", "10"));
    Cursor times = s.query(kTimes, Timestamp{10}, 3, Timestamp{3});
    ASSERT_TRUE(times.next());
    EXPECT_EQ(times.time(0), Timestamp{13});
    EXPECT_EQ(times.i64(1), 7);
    Cursor exists = s.query(kExists);
    ASSERT_TRUE(exists.next());
    EXPECT_TRUE(exists.boolean(0));
    EXPECT_FALSE(exists.boolean(1));
    Cursor bytes = s.query(kBytes);
    ASSERT_TRUE(bytes.next());
    EXPECT_EQ(bytes.text(0), "B");
  });
}

INSTANTIATE_TEST_SUITE_P(Engines, EngineBehaviour, testing::Values("sqlite", "postgres"),
                         [](const auto& param) { return std::string(param.param); });

}  // namespace
}  // namespace nexus::db
