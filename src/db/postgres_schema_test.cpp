#include "db/migrator.h"
#include "db/postgres/test_database.h"
#include "db/postgres_reference_fixture.h"
#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace nexus::db {
namespace {

using nexus::testing::Intended;
using nexus::testing::IntendedTable;
using nexus::testing::reference_file;

/// A database of its own with all steps.
struct MigratedPostgres {
  MigratedPostgres() {
    options.url = server.url();
    db = open_postgres(options, clock, metrics);
    ran = Migrator(*db, clock, embedded_migrations("postgres")).apply().size();
  }
  TestPostgres server;
  SystemClock clock;
  observe::Metrics metrics;
  PostgresOptions options;
  std::unique_ptr<Database> db;
  std::size_t ran = 0;
};

TEST(PostgresSchema, IsAppliedToAnEmptyDatabaseOnce) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  MigratedPostgres ours;
  const auto steps = embedded_migrations("postgres");
  EXPECT_EQ(ours.ran, steps.size());
  Migrator again(*ours.db, ours.clock, steps);
  EXPECT_TRUE(again.status().up_to_date());
  EXPECT_TRUE(again.apply().empty());
  TestServer sql(ours.server.url());
  EXPECT_EQ(sql.run("SELECT version_num FROM alembic_version"), kOriginalRevision);
  EXPECT_EQ(sql.run("SELECT count(*) FROM plans"), "3");
  EXPECT_EQ(sql.run("SELECT count(*) FROM plan_features WHERE enabled"), "26");
}

/// Where we mean to differ from the original's own columns, keys and indexes. What we add stands in the steps.
constexpr Intended kChanged[] = {
    {"constraint corpora.corpora_pkey", "*", "an id is a tenant's own: two tenants may have the same"},
    {"constraint documents.documents_pkey", "*", "an id is a tenant's own"},
    {"constraint sessions.sessions_pkey", "*", "an id is a tenant's own"},
    {"constraint chunks.fk_chunks_document_id", "*", "the key of documents carries the tenant"},
    {"constraint document_permissions.document_permissions_document_id_fkey", "*",
     "the key of documents carries the tenant, and grants go with their document"},
    {"constraint document_labels.document_labels_document_id_fkey", "*",
     "the key of documents carries the tenant, and labels go with their document"},
    {"constraint messages.messages_session_id_fkey", "*", "the key of sessions carries the tenant"},
    {"constraint checkpoints.checkpoints_session_id_fkey", "*", "the key of sessions carries the tenant"},
    {"column plan_limits.*_limit", "integer|yes| -> bigint|yes|", "monthly tokens pass 2^31"},
    {"column usage_counters.requests_count", "integer|no|0 -> bigint|no|0", "counted for years"},
    {"column usage_counters.estimated_tokens_count", "integer|yes| -> bigint|yes|", "monthly tokens pass 2^31"},
};

std::string text_of(const SchemaItem& item) {
  return item.type + "|" + item.nullable + "|" + item.default_value;
}

std::string text_of(const SchemaKey& key) {
  return std::get<0>(key) + " " + std::get<1>(key) + "." + std::get<2>(key);
}

Schema schema_of(const std::string& url) {
  std::istringstream rows(TestServer(url).run(std::string(kReadSchema)));
  return parse_schema(rows);
}

TEST(PostgresSchema, HasEverythingOfTheOriginalAsItIs) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  if (!std::filesystem::exists(reference_file("schema.tsv"))) GTEST_SKIP() << "the reference is not here";
  const MigratedPostgres migrated;
  const Schema ours = schema_of(migrated.server.url());
  const Schema theirs = original_schema();
  ASSERT_GT(theirs.size(), 900u);
  IntendedTable intended(kChanged);
  for (const auto& [key, item] : theirs) {
    const auto found = ours.find(key);
    if (found == ours.end()) {
      EXPECT_TRUE(intended.covers(text_of(key), "missing")) << text_of(key) << " is missing";
    } else if (found->second != item) {
      const std::string difference = text_of(item) + " -> " + text_of(found->second);
      EXPECT_TRUE(intended.covers(text_of(key), difference)) << text_of(key) << ": " << difference;
    }
  }
  intended.expect_all_used();
}

/// Unique indexes that we add to tables of the original: each could refuse what it writes.
constexpr Intended kAddedUnique[] = {
    {"messages.ux_messages_session_seq", "*", "seq is ours; the original's messages get theirs from a trigger"},
    {"retention_runs.ux_retention_runs_running", "*", "runs in progress are ours alone"},
};

TEST(PostgresSchema, AddsNothingToTheOriginalsTablesThatItsWritersWouldStumbleOver) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  if (!std::filesystem::exists(reference_file("schema.tsv"))) GTEST_SKIP() << "the reference is not here";
  const MigratedPostgres migrated;
  const Schema theirs = original_schema();
  std::set<std::string> tables;
  for (const auto& [key, item] : theirs) tables.insert(std::get<1>(key));
  EXPECT_EQ(tables.size(), 76u);
  for (const auto& [key, item] : schema_of(migrated.server.url())) {
    if (!tables.contains(std::get<1>(key)) || theirs.contains(key)) continue;
    const bool not_valid = item.type.ends_with("NOT VALID");
    if (std::get<0>(key) == "column") {
      EXPECT_TRUE(item.nullable == "yes" || !item.default_value.empty()) << text_of(key) << " needs a value";
    } else if (std::get<0>(key) == "constraint") {
      EXPECT_TRUE(not_valid) << text_of(key) << " is checked against adopted rows: " << item.type;
    }
  }
  IntendedTable unique(kAddedUnique);
  std::istringstream added(TestServer(migrated.server.url())
                               .run("SELECT string_agg(tablename || '.' || indexname, E'\\n') FROM pg_indexes "
                                    "WHERE schemaname = 'public' AND indexdef LIKE 'CREATE UNIQUE%'"));
  for (std::string name; std::getline(added, name);) {
    const std::string table = name.substr(0, name.find('.'));
    const std::string index = name.substr(name.find('.') + 1);
    if (!tables.contains(table) || theirs.contains({"index", table, index}) ||
        theirs.contains({"constraint", table, index})) {
      continue;
    }
    EXPECT_TRUE(unique.covers(name, "unique")) << name;
  }
  unique.expect_all_used();
}

using Columns = std::set<std::pair<std::string, std::string>>;

Columns columns_of(Database& db, const Statement& query) {
  Columns columns;
  db.read([&](Snapshot& snapshot) {
    for (Cursor row = snapshot.query(query); row.next();) columns.emplace(row.str(0), row.str(1));
  });
  return columns;
}

TEST(PostgresSchema, HasTheStepsOfSqliteUnderTheSameNumbers) {
  const auto sqlite = embedded_migrations("sqlite");
  const auto postgres = embedded_migrations("postgres");
  // The original ran on PostgreSQL alone, and SQLite's search index lies in tables of step 1.
  const std::set<std::string_view> postgres_only = {"original", "search"};
  std::vector<std::pair<int, std::string_view>> large;
  std::vector<std::pair<int, std::string_view>> small;
  for (const Migration& step : sqlite) small.emplace_back(step.number, step.name);
  for (const Migration& step : postgres)
    if (!postgres_only.contains(step.name)) large.emplace_back(step.number, step.name);
  EXPECT_EQ(small, large);
}

TEST(PostgresSchema, HasEveryTableAndColumnOfSqlite) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  static constexpr Statement kSqliteColumns("columns.sqlite", R"(
    SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%')");
  static constexpr Statement kPostgresColumns("columns.postgres", R"(
    SELECT CAST(table_name AS text), CAST(column_name AS text) FROM information_schema.columns
    WHERE table_schema = 'public')");
  const SystemClock clock;
  observe::Metrics metrics;
  const auto sqlite = open_sqlite({.path = ":memory:"}, clock, metrics);
  Migrator(*sqlite, clock, embedded_migrations("sqlite")).apply();
  const MigratedPostgres postgres;
  const Columns small = columns_of(*sqlite, kSqliteColumns);
  const Columns large = columns_of(*postgres.db, kPostgresColumns);
  EXPECT_GT(small.size(), 150u);
  for (const auto& [table, column] : small)
    EXPECT_TRUE(large.contains({table, column})) << table << "." << column << " is not in PostgreSQL";
}

}  // namespace
}  // namespace nexus::db
