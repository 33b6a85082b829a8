#include "db/migrator.h"

#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace nexus::db {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr Migration kFirst{1, "first", "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES (1);",
                           "h1"};
constexpr Migration kSecond{2, "second",
                            "CREATE TABLE b (id INTEGER REFERENCES a (id)) STRICT; INSERT INTO b VALUES (1);", "h2"};
constexpr Migration kBroken{3, "broken", "CREATE TABLE c (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1);", "h3"};

constexpr Migration kOriginal{0, "original", "CREATE TABLE users (id TEXT PRIMARY KEY) STRICT;", "h0"};
constexpr Migration kOurs{1, "core", "ALTER TABLE users ADD COLUMN ours TEXT;", "h1"};

class FixedClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {77}; }
  [[nodiscard]] std::int64_t steady_us() const override { return 0; }
};

struct MigratorTest : testing::Test {
  Migrator migrator(std::span<const Migration> steps) { return {*t.db, clock, steps}; }
  std::string refusal(std::span<const Migration> steps) {
    try {
      migrator(steps).apply();
    } catch (const MigrationError& e) {
      return e.what();
    }
    return "";
  }
  std::vector<int> numbers(const std::vector<Migration>& steps) {
    std::vector<int> out;
    for (const Migration& step : steps) out.push_back(step.number);
    return out;
  }
  bool has_table(const char* name) {
    static constexpr Statement kTable("table", "SELECT 1 FROM sqlite_schema WHERE name = $1");
    return t.db->read([&](Snapshot& s) { return s.query(kTable, name).next(); });
  }

  TestDatabase t;
  FixedClock clock;
};

TEST_F(MigratorTest, AppliesWhatIsMissingOnceAndRecordsIt) {
  const std::vector<Migration> one = {kFirst};
  const std::vector<Migration> two = {kFirst, kSecond};
  EXPECT_THAT(numbers(migrator(one).apply()), ElementsAre(1));
  EXPECT_THAT(numbers(migrator(two).plan()), ElementsAre(2));
  EXPECT_THAT(numbers(migrator(two).apply()), ElementsAre(2));
  EXPECT_TRUE(migrator(two).apply().empty());
  const MigrationStatus status = migrator(two).status();
  EXPECT_TRUE(status.up_to_date());
  ASSERT_EQ(status.applied.size(), 2u);
  EXPECT_EQ(status.applied[1].name, "second");
  EXPECT_EQ(status.applied[1].checksum, "h2");
  EXPECT_EQ(status.applied[1].applied_at, Timestamp{77});
}

TEST_F(MigratorTest, RehearsesWithoutLeavingATrace) {
  const std::vector<Migration> two = {kFirst, kSecond};
  EXPECT_THAT(numbers(migrator(two).apply(true)), ElementsAre(1, 2));
  EXPECT_FALSE(has_table("a"));
  EXPECT_FALSE(has_table("schema_migrations"));
  const std::vector<Migration> broken = {kFirst, kBroken};
  EXPECT_THROW(migrator(broken).apply(true), Error);
}

TEST_F(MigratorTest, RefusesAStepThatChangedAfterItWasApplied) {
  const std::vector<Migration> before = {kFirst};
  migrator(before).apply();
  Migration edited = kFirst;
  edited.sha256 = "other";
  const std::vector<Migration> after = {edited, kSecond};
  EXPECT_THAT(refusal(after), HasSubstr("0001_first was changed"));
  EXPECT_FALSE(has_table("b"));
}

TEST_F(MigratorTest, RefusesADatabaseThatIsNewerThanTheProgram) {
  const std::vector<Migration> newer = {kFirst, kSecond};
  migrator(newer).apply();
  const std::vector<Migration> older = {kFirst};
  EXPECT_THAT(refusal(older), HasSubstr("0002_second, which this program does not know"));
}

TEST_F(MigratorTest, RefusesAStepThatComesTooLate) {
  const std::vector<Migration> gap = {kSecond};
  t.db->run_script("CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT; INSERT INTO a VALUES (1)");
  migrator(gap).apply();
  const std::vector<Migration> filled = {kFirst, kSecond};
  EXPECT_THAT(refusal(filled), HasSubstr("0001_first comes before 0002"));
}

TEST_F(MigratorTest, LeavesNothingOfAStepThatFailsAndNamesIt) {
  const std::vector<Migration> steps = {kFirst, kSecond, kBroken};
  try {
    migrator(steps).apply();
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("0003_broken"));
  }
  EXPECT_TRUE(has_table("b"));
  EXPECT_FALSE(has_table("c"));
  EXPECT_THAT(numbers(migrator(steps).status().pending), ElementsAre(3));
}

TEST_F(MigratorTest, AdoptsADatabaseOfTheOriginalAtItsLastRevision) {
  t.db->run_script(
      "CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY) STRICT;"
      "INSERT INTO alembic_version VALUES ('0032_benchmark_runs');"
      "CREATE TABLE users (id TEXT PRIMARY KEY) STRICT; INSERT INTO users VALUES ('u1');");
  const std::vector<Migration> steps = {kOriginal, kOurs};
  const MigrationStatus before = migrator(steps).status();
  EXPECT_TRUE(before.adopts);
  EXPECT_THAT(before.problems, testing::IsEmpty());
  EXPECT_THAT(numbers(migrator(steps).apply(true)), ElementsAre(0, 1));
  EXPECT_FALSE(has_table("schema_migrations"));

  EXPECT_THAT(numbers(migrator(steps).apply()), ElementsAre(0, 1));
  static constexpr Statement kUser("user", "SELECT id FROM users WHERE ours IS NULL");
  EXPECT_TRUE(t.db->read([](Snapshot& s) { return s.query(kUser).next(); })) << "the original's rows stay";
  EXPECT_TRUE(migrator(steps).apply().empty());
  const MigrationStatus after = migrator(steps).status();
  EXPECT_TRUE(after.up_to_date());
  EXPECT_FALSE(after.adopts);
}

TEST_F(MigratorTest, DoesNotAskForTheOriginalsRevisionOnceItHasAdopted) {
  t.db->run_script(
      "CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY) STRICT;"
      "INSERT INTO alembic_version VALUES ('0032_benchmark_runs'); CREATE TABLE users (id TEXT PRIMARY KEY) STRICT;");
  const std::vector<Migration> steps = {kOriginal, kOurs};
  migrator(steps).apply();
  t.db->run_script("UPDATE alembic_version SET version_num = '0033_later'");
  EXPECT_TRUE(migrator(steps).status().up_to_date());
}

TEST_F(MigratorTest, RefusesADatabaseOfTheOriginalAtAnotherRevisionAndNamesBoth) {
  t.db->run_script(
      "CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY) STRICT;"
      "INSERT INTO alembic_version VALUES ('0031_query_log'); CREATE TABLE users (id TEXT PRIMARY KEY) STRICT;");
  const std::vector<Migration> steps = {kOriginal, kOurs};
  EXPECT_THAT(refusal(steps), testing::AllOf(HasSubstr("0031_query_log"), HasSubstr("0032_benchmark_runs")));
  EXPECT_FALSE(has_table("schema_migrations"));
  t.db->run_script("DELETE FROM alembic_version");
  EXPECT_THAT(refusal(steps), HasSubstr("at no revision"));
}

TEST_F(MigratorTest, RunsTheOriginalsSchemaOnAnEmptyDatabase) {
  const std::vector<Migration> steps = {kOriginal, kOurs};
  EXPECT_FALSE(migrator(steps).status().adopts);
  EXPECT_THAT(numbers(migrator(steps).apply()), ElementsAre(0, 1));
  EXPECT_TRUE(has_table("users"));
}

TEST_F(MigratorTest, CallsWhatComesAfterAStepInItsTransaction) {
  const std::vector<Migration> two = {kFirst, kSecond};
  std::vector<int> seen;
  const auto fail_at_second = [&](Tx& tx, const Migration& step) {
    static constexpr Statement kCount("count", "SELECT count(*) FROM a");
    Cursor row = tx.query(kCount);
    EXPECT_TRUE(row.next() && row.i64(0) == 1) << "the step has run";
    seen.push_back(step.number);
    if (step.number == 2) throw Error(ErrorCode::kOther, "no");
  };
  Migrator with_hook(*t.db, clock, two, fail_at_second);
  EXPECT_THROW(with_hook.apply(), Error);
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_FALSE(has_table("b"));
  EXPECT_THAT(numbers(migrator(two).plan()), ElementsAre(2));
}

TEST_F(MigratorTest, LetsSeveralProgramsStartAtOnce) {
  const std::vector<Migration> two = {kFirst, kSecond};
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto own = open_sqlite(t.options, t.clock, t.metrics);
      ran += static_cast<int>(Migrator(*own, clock, two).apply().size());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ran, 2);
  EXPECT_TRUE(migrator(two).status().up_to_date());
}

TEST_F(MigratorTest, BringsAnEmptyDatabaseToTheProgramsOwnSchema) {
  const SystemClock real;
  observe::Metrics metrics;
  const auto db = open_sqlite({.path = ":memory:"}, real, metrics);
  const auto steps = embedded_migrations("sqlite");
  Migrator own(*db, real, steps);
  EXPECT_EQ(own.apply().size(), steps.size());
  EXPECT_TRUE(own.status().up_to_date());
  EXPECT_TRUE(db->quick_check().empty());
  int last = 0;
  for (const Migration& step : steps) {
    EXPECT_GT(step.number, last);
    EXPECT_EQ(step.sha256.size(), 64u);
    last = step.number;
  }
  EXPECT_TRUE(embedded_migrations("no such engine").empty());
}

}  // namespace
}  // namespace nexus::db
