#include "db/copy/copier.h"

#include "db/open.h"
#include "db/postgres/test_database.h"
#include "db/sqlite/test_database.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <optional>

/// Every kind of column, on both engines. The whole schema of the product: cli/copy_rules_test.cpp.
namespace nexus::db::copy {
namespace {

constexpr std::string_view kHistory =
    "CREATE TABLE schema_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
    "applied_at {});"
    "INSERT INTO schema_migrations VALUES (1, 'core', '{}', {});";

constexpr const char* kSqliteSchema = R"(
CREATE TABLE plans (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO plans VALUES ('free', 'as the schema brings it');
CREATE TABLE owners (id TEXT PRIMARY KEY, plan_id TEXT REFERENCES plans (id)) STRICT;
CREATE TABLE things (
  id TEXT PRIMARY KEY, owner_id TEXT NOT NULL REFERENCES owners (id), at INTEGER, flag INTEGER NOT NULL, doc TEXT,
  price TEXT, ratio REAL, bytes BLOB, embedding BLOB, size INTEGER, note TEXT) STRICT;
CREATE TABLE log (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
CREATE TABLE leases (id TEXT PRIMARY KEY) STRICT;
)";
constexpr const char* kPostgresSchema = R"(
CREATE TABLE plans (id varchar PRIMARY KEY, name text NOT NULL);
INSERT INTO plans VALUES ('free', 'as the schema brings it');
CREATE TABLE owners (id varchar PRIMARY KEY, plan_id varchar REFERENCES plans (id));
CREATE TABLE things (
  id uuid PRIMARY KEY, owner_id varchar NOT NULL REFERENCES owners (id), at timestamptz, flag boolean NOT NULL, doc jsonb,
  price numeric(12, 4), ratio double precision, bytes bytea, embedding vector(768), size integer, note text);
CREATE TABLE log (id bigserial PRIMARY KEY, text text NOT NULL);
CREATE TABLE leases (id text PRIMARY KEY);
)";

Rules rules() {
  return {.left_out = {"leases"}, .seeded = {"plans"}, .vector_lengths = {{"things.embedding", "t.size"}}};
}

struct Side {
  SystemClock clock;
  observe::Metrics metrics;
  std::optional<TestFolder> folder;
  std::optional<TestPostgres> server;
  std::unique_ptr<Database> db;

  explicit Side(bool postgres, int identity = 1) {
    if (postgres) {
      server.emplace();
      db = open_database(server->url(), {}, clock, metrics);
    } else {
      folder.emplace();
      db = open_database("sqlite:" + folder->file("copy.db"), {}, clock, metrics);
    }
    db->run_script(postgres ? kPostgresSchema : kSqliteSchema);
    db->run_script(fmt::format(fmt::runtime(kHistory), postgres ? "timestamptz" : "INTEGER", identity,
                               postgres ? "'2026-01-01T00:00:00Z'" : "1767225600000000"));
  }
  std::int64_t number(const std::string& sql) {
    const Statement& statement = texts.add(sql, sql);
    return db->read([&](Snapshot& s) {
      Cursor row = s.query(statement);
      return row.next() ? row.i64(0) : -1;
    });
  }
  Texts texts;
};

/// Rows with everything that is hard to carry; `things` of them.
void fill(Side& side, int things) {
  std::string sql =
      "UPDATE plans SET name = 'as an operator named it'; INSERT INTO owners VALUES ('o1', 'free'), ('o2', NULL);";
  for (int i = 0; i < things; ++i)
    sql += fmt::format(
        "INSERT INTO things VALUES ('00000000-0000-4000-8000-{:012d}', 'o{}', {}, {}, '{}', '{}', {}, {}, {}, {}, {});",
        i, i % 2 + 1, i == 0 ? "NULL" : std::to_string(1'767'225'600'123'456 + i), i % 2, R"({"b": 1.50, "a": "ü"})",
        i % 3 == 0 ? "12.50" : "-7", i == 1 ? "NULL" : "0.1", i == 2 ? "x''" : "x'00ff'",
        i == 3 ? "NULL" : "x'0000803f0000004000000000'", i == 3 ? "NULL" : "3", i == 4 ? "NULL" : "'line''s end\n'");
  sql += "INSERT INTO log VALUES (3, 'a'), (40, 'b'); INSERT INTO leases VALUES ('mine');";
  side.db->run_script(sql);
}

CopyReport copy_all(Side& from, Side& to, const CopyOptions& options = {}) {
  return Copier(*from.db, *to.db, rules(), from.texts, options).run();
}

void expect_a_good_copy(const CopyReport& report, std::uint64_t things) {
  ASSERT_EQ(report.tables.size(), 4U);
  for (const TableReport& table : report.tables) {
    EXPECT_TRUE(table.equal()) << table.table << ": " << table.source_rows << " rows, " << table.target_rows
                               << " there";
    if (table.table == "things") {
      EXPECT_EQ(table.source_rows, things);
    }
  }
  EXPECT_EQ(report.copied_rows, things + 5);
}

TEST(Copier, CopiesEveryKindOfValueOnSqlite) {
  Side from(false);
  Side to(false);
  fill(from, 50);
  const CopyReport report = copy_all(from, to);
  expect_a_good_copy(report, 50);
  EXPECT_FALSE(report.resumed);
  EXPECT_EQ(to.number("SELECT count(*) FROM leases"), 0);
  EXPECT_EQ(to.number("SELECT count(*) FROM plans WHERE name = 'as an operator named it'"), 1);
  EXPECT_EQ(to.number("SELECT count(*) FROM sqlite_schema WHERE name = 'nexusrag_copy'"), 0);
}

TEST(Copier, GoesOnWhereAnEarlierRunWasCutOff) {
  Side from(false);
  Side to(false);
  fill(from, 300);
  struct Killed {};
  std::uint64_t seen = 0;
  {
    Copier first(*from.db, *to.db, rules(), from.texts, {.page_rows = 20});
    EXPECT_THROW(first.run([&](const Progress& p) {
      seen = p.done;
      if (p.done > 150) throw Killed{};
    }),
                 Killed);
  }
  const CopyReport report = copy_all(from, to);
  EXPECT_TRUE(report.resumed);
  EXPECT_TRUE(report.equal());
  EXPECT_EQ(report.copied_rows + seen, 305U);  // nothing was copied twice
}

TEST(Copier, RefusesATargetWithRows) {
  Side from(false);
  Side to(false);
  fill(from, 1);
  to.db->run_script("INSERT INTO log VALUES (1, 'somebody lives here')");
  try {
    (void)copy_all(from, to);
    FAIL() << "was not refused";
  } catch (const CopyRefused& e) {
    EXPECT_NE(std::string(e.what()).find("has rows in log"), std::string::npos) << e.what();
  }
  EXPECT_EQ(to.number("SELECT count(*) FROM plans WHERE name = 'as the schema brings it'"), 1);
}

TEST(Copier, DoesNotGoOnFromAnotherSource) {
  Side from(false);
  Side other(false, 2);
  Side to(false);
  fill(from, 100);
  fill(other, 100);
  struct Killed {};
  Copier first(*from.db, *to.db, rules(), from.texts, {.page_rows = 10});
  EXPECT_THROW(first.run([&](const Progress& p) {
    if (p.done > 20) throw Killed{};
  }),
               Killed);
  EXPECT_THROW((void)copy_all(other, to), CopyRefused);
}

TEST(Copier, RefusesToLoseRowsAndValues) {
  Side from(false);
  Side to(false);
  from.db->run_script("CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT; ALTER TABLE log ADD COLUMN mood TEXT;");
  EXPECT_TRUE(copy_all(from, to).equal());  // nothing is in there
  Side again(false);
  from.db->run_script("INSERT INTO extra VALUES (1); INSERT INTO log VALUES (1, 'a', 'glad')");
  try {
    (void)copy_all(from, again);
    FAIL() << "was not refused";
  } catch (const CopyRefused& e) {
    EXPECT_STREQ(e.what(), "extra: 1 rows have no place in the target\nlog.mood: 1 rows have no place in the target");
  }
}

TEST(Copier, TheComparisonSeesAChangedValue) {
  Side from(false);
  Side to(false);
  fill(from, 30);
  ASSERT_TRUE(copy_all(from, to).equal());
  to.db->run_script("UPDATE things SET note = 'other' WHERE id LIKE '%17'");
  const CopyReport report = Copier(*from.db, *to.db, rules(), from.texts).compare();
  EXPECT_FALSE(report.equal());
  for (const TableReport& table : report.tables) EXPECT_EQ(table.equal(), table.table != "things") << table.table;
  EXPECT_EQ(report.copied_rows, 0U);
}

TEST(Copier, SaysHowFarItIs) {
  Side from(false);
  Side to(false);
  fill(from, 60);
  std::uint64_t before = 0;
  Progress last;
  (void)Copier(*from.db, *to.db, rules(), from.texts, {.page_rows = 10}).run([&](const Progress& p) {
    EXPECT_GE(p.done, before);
    before = p.done;
    last = p;
  });
  EXPECT_EQ(last.done, last.total);
  EXPECT_EQ(last.total, 3U * 65U);
}

TEST(Copier, KeepsPagesSmallWhenRowsAreLarge) {
  Side from(false);
  Side to(false);
  for (int i = 0; i < 40; ++i)
    from.db->run_script(fmt::format("INSERT INTO log VALUES ({}, '{}')", i + 1, std::string(20'000, 'x')));
  std::uint64_t largest = 0;
  std::uint64_t before = 0;
  (void)Copier(*from.db, *to.db, rules(), from.texts, {.page_rows = 500, .page_bytes = 100'000})
      .run([&](const Progress& p) {
        largest = std::max(largest, p.done - before);
        before = p.done;
      });
  EXPECT_LE(largest, 16U);
}

class CopierToPostgres : public ::testing::Test {
 protected:
  void SetUp() override { NEXUS_SKIP_WITHOUT_POSTGRES(); }
};

TEST_F(CopierToPostgres, CarriesEveryKindThereAndBack) {
  Side from(false);
  Side middle(true);
  Side back(false);
  fill(from, 120);
  expect_a_good_copy(copy_all(from, middle), 120);
  EXPECT_EQ(middle.number("SELECT count(*) FROM things WHERE vector_dims(embedding) = 768"), 119);
  EXPECT_EQ(middle.number("SELECT count(*) FROM things WHERE flag"), 60);
  expect_a_good_copy(copy_all(middle, back), 120);
  EXPECT_EQ(back.number("SELECT count(*) FROM things WHERE length(embedding) = 12"), 119);
  EXPECT_TRUE(Copier(*from.db, *back.db, {.left_out = {"leases", "things"}}, from.texts).compare().equal());
}

TEST_F(CopierToPostgres, NumbersGoOnAfterTheHighestCopied) {
  Side from(false);
  Side to(true);
  fill(from, 1);
  (void)copy_all(from, to);
  to.db->run_script("INSERT INTO log (text) VALUES ('new')");
  EXPECT_EQ(to.number("SELECT max(id) FROM log"), 41);
}

TEST_F(CopierToPostgres, GoesOnWhereAnEarlierRunWasCutOff) {
  Side from(false);
  Side to(true);
  fill(from, 200);
  struct Killed {};
  Copier first(*from.db, *to.db, rules(), from.texts, {.page_rows = 20});
  EXPECT_THROW(first.run([&](const Progress& p) {
    if (p.done > 100) throw Killed{};
  }),
               Killed);
  const CopyReport report = copy_all(from, to);
  EXPECT_TRUE(report.resumed);
  EXPECT_TRUE(report.equal());
  EXPECT_LT(report.copied_rows, 120U);
}

TEST_F(CopierToPostgres, NamesTheRowsThatItCannotStore) {
  Side from(false);
  Side to(true);
  fill(from, 1);
  from.db->run_script("UPDATE things SET size = 3000000000");
  try {
    (void)copy_all(from, to);
    FAIL() << "was not refused";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("things, a row between"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace nexus::db::copy
