#include "db/migrator.h"
#include "db/postgres/test_database.h"
#include "db/postgres_reference_fixture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace nexus::db {
namespace {

using nexus::testing::reference_file;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A database as the original left it, not yet ours.
struct Adoption : ::testing::Test {
  void SetUp() override {
    NEXUS_SKIP_WITHOUT_POSTGRES();
    if (!std::filesystem::exists(reference_file("database.sql.gz"))) GTEST_SKIP() << "the reference is not here";
    server = std::make_unique<TestPostgres>();
    TestServer(server->url()).run(original_dump());
    options.url = server->url();
    options.pool_size = 2;
    options.statement_timeout = std::chrono::milliseconds(2'000);
  }
  std::unique_ptr<Database> open() { return open_postgres(options, clock, metrics); }
  std::vector<Migration> migrate() {
    const auto db = open();
    return Migrator(*db, clock, embedded_migrations("postgres")).apply();
  }
  std::string run(const std::string& sql) { return TestServer(server->url()).run(sql); }
  /// Rows of each table of the original, as "table=count" in the order of names.
  std::string counts() {
    std::vector<std::string> parts;
    for (const std::string& table : tables())
      parts.push_back(fmt::format("'{0}=' || (SELECT count(*) FROM {0})", table));
    return run(fmt::format("SELECT concat_ws(',', {})", fmt::join(parts, ", ")));
  }
  std::set<std::string> tables() {
    std::set<std::string> names;
    for (const auto& [key, item] : schema) names.insert(std::get<1>(key));
    return names;
  }

  SystemClock clock;
  observe::Metrics metrics;
  PostgresOptions options;
  std::unique_ptr<TestPostgres> server;
  Schema schema = original_schema();
};

TEST_F(Adoption, KeepsEveryRowAndIsDoneOnce) {
  const std::string before = counts();
  EXPECT_THAT(before, AllOf(HasSubstr("chunks=11"), HasSubstr("audit_events=363")));
  EXPECT_EQ(migrate().size(), embedded_migrations("postgres").size());
  EXPECT_EQ(counts(), before);
  EXPECT_TRUE(migrate().empty());
  EXPECT_EQ(run("SELECT count(*) FROM schema_migrations WHERE number = 0"), "1");
}

TEST_F(Adoption, IsRehearsedWithoutATrace) {
  const auto db = open();
  Migrator migrator(*db, clock, embedded_migrations("postgres"));
  EXPECT_TRUE(migrator.status().adopts);
  EXPECT_EQ(migrator.apply(true).size(), embedded_migrations("postgres").size());
  EXPECT_EQ(run("SELECT to_regclass('schema_migrations') IS NULL AND to_regclass('jobs') IS NULL"), "t");
  EXPECT_TRUE(migrator.status().adopts);
}

TEST_F(Adoption, RefusesAnotherRevision) {
  run("UPDATE alembic_version SET version_num = '0031_query_log'");
  try {
    migrate();
    FAIL() << "expected a refusal";
  } catch (const MigrationError& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("0031_query_log"), HasSubstr("0032_benchmark_runs")));
  }
  EXPECT_EQ(run("SELECT to_regclass('schema_migrations') IS NULL"), "t");
}

TEST_F(Adoption, GivesRowsWhatWeNeedOfThem) {
  migrate();
  EXPECT_EQ(run("SELECT count(*) FROM chunks WHERE tenant_id = 't1'"), "11");
  EXPECT_EQ(run("SELECT count(*) FROM chunks WHERE embedding_model IS NOT NULL"), "0") << "nobody said which model";
  EXPECT_EQ(run("SELECT concat_ws(',', version, chunks_done, chunks_total, byte_count) FROM documents"), "1,1,1,0");
  EXPECT_EQ(run("SELECT string_agg(seq || role, ',' ORDER BY seq) FROM messages WHERE session_id = 's-9a60b7db'"),
            "1user,2assistant");
  EXPECT_EQ(run("SELECT string_agg(next_seq::text, ',') FROM sessions"), "3,3");
  EXPECT_EQ(run("SELECT count(*) FROM checkpoints WHERE tenant_id IS NULL"), "0");
  EXPECT_EQ(run("SELECT count(*) FROM api_keys WHERE hash_version <> 0"), "0") << "a bare SHA-256, as it was";
  EXPECT_EQ(run("SELECT count(*) FROM idempotency_records WHERE state = 'completed' AND response_form = 'json'"), "3");
}

TEST_F(Adoption, IsNotStoppedByWordsThatWeDoNotUse) {
  run("UPDATE users SET role = 'owner', created_at = NULL");
  run("UPDATE audit_events SET outcome = 'denied', created_at = NULL");
  run("UPDATE messages SET role = 'system'");
  migrate();
  EXPECT_EQ(run("SELECT count(*) FROM users WHERE created_at IS NULL"), "0");
  EXPECT_EQ(run("SELECT count(*) FROM messages WHERE seq IS NULL"), "0");
}

TEST_F(Adoption, LetsTwoTenantsHaveTheSameIds) {
  migrate();
  run("INSERT INTO corpora (id, tenant_id, name, provider_config_json) VALUES ('c1', 't2', 'mine', '{}')");
  run("INSERT INTO sessions (id, tenant_id) VALUES ('s-9a60b7db', 't2')");
  run("INSERT INTO documents (id, tenant_id, corpus_id, filename, content_type, status) "
      "SELECT id, 't2', 'c1', 'x', 'text/plain', 'queued' FROM documents");
  // An id that is two tenants' says nothing about the tenant: what the original writes under it is nobody's, or
  // refused.
  run("INSERT INTO chunks (id, corpus_id, document_uri, chunk_index, text, metadata_json) "
      "VALUES (gen_random_uuid(), 'c1', 'demo://x', 0, 'x', '{}')");
  EXPECT_EQ(run("SELECT count(*) FROM chunks WHERE tenant_id IS NULL"), "1");
  EXPECT_THROW(run("INSERT INTO messages (id, session_id, role, content) "
                   "VALUES (gen_random_uuid(), 's-9a60b7db', 'user', 'x')"),
               std::runtime_error);
}

// --- the original goes on writing

/// Values that columns ask for: a vocabulary that we check, the tenant of the document that is referred to, and an id
/// that the original gives itself although it has a sequence.
const std::map<std::string, std::string> kWords = {
    {"users.role", "'reader'"},
    {"audit_events.outcome", "'success'"},
    {"documents.status", "'queued'"},
    {"messages.role", "'user'"},
    {"query_log.status", "'ok'"},
    {"plan_upgrade_requests.status", "'pending'"},
    {"usage_counters.period_type", "'day'"},
    {"retention_runs.outcome", "'success'"},
    {"document_labels.tenant_id", "(SELECT tenant_id FROM documents ORDER BY id LIMIT 1)"},
    {"document_permissions.tenant_id", "(SELECT tenant_id FROM documents ORDER BY id LIMIT 1)"},
    {"failover_cluster_state.id", "2"},
};

std::string value_for(const std::string& table, const std::string& column, const std::string& type) {
  if (const auto word = kWords.find(table + "." + column); word != kWords.end()) return word->second;
  if (type == "uuid") return "gen_random_uuid()";
  if (type == "jsonb") return "'{}'";
  if (type == "boolean") return "true";
  if (type.starts_with("timestamp")) return "clock_timestamp()";
  if (type.starts_with("character varying(7)")) return "'2030-01'";
  if (type.starts_with("character varying") || type == "text") return "left(gen_random_uuid()::text, 32)";
  return "1";
}

/// An INSERT with the columns that the original has to name, and its references.
std::string insert_of(const Schema& schema, const std::string& table) {
  std::map<std::string, std::string> references;
  static const std::regex kReference(R"(FOREIGN KEY \((\w+)\) REFERENCES (\w+)\((\w+)\))");
  for (const auto& [key, item] : schema) {
    std::smatch m;
    if (std::get<0>(key) == "constraint" && std::get<1>(key) == table && std::regex_search(item.type, m, kReference))
      references[m[1]] = fmt::format("(SELECT min({}) FROM {})", m[3].str(), m[2].str());
  }
  std::vector<std::string> columns;
  std::vector<std::string> values;
  for (const auto& [key, item] : schema) {
    if (std::get<0>(key) != "column" || std::get<1>(key) != table) continue;
    const auto reference = references.find(std::get<2>(key));
    const bool named = kWords.contains(table + "." + std::get<2>(key));
    if (!named && reference == references.end() && (item.nullable == "yes" || !item.default_value.empty())) continue;
    columns.push_back('"' + std::get<2>(key) + '"');
    values.push_back(reference != references.end() ? reference->second : value_for(table, std::get<2>(key), item.type));
  }
  return fmt::format("INSERT INTO {} ({}) VALUES ({})", table, fmt::join(columns, ", "), fmt::join(values, ", "));
}

TEST_F(Adoption, LetsTheOriginalGoOnWritingToEveryTable) {
  migrate();
  const Schema original = original_schema();
  TestServer sql(server->url());
  // References first: a table waits until those it points to have a row.
  std::set<std::string> waiting = tables();
  for (std::size_t last = 0; !waiting.empty() && waiting.size() != last;) {
    last = waiting.size();
    for (auto table = waiting.begin(); table != waiting.end();) {
      const std::string insert = insert_of(original, *table);
      static const std::regex kFrom(R"(FROM (\w+)\))");
      bool ready = true;
      for (std::sregex_iterator m(insert.begin(), insert.end(), kFrom), end; m != end; ++m)
        ready = ready && (*m)[1].str() != *table && !waiting.contains((*m)[1].str());
      if (!ready) {
        ++table;
        continue;
      }
      try {
        sql.run(insert);
      } catch (const std::runtime_error& e) {
        ADD_FAILURE() << insert << ": " << e.what();
      }
      table = waiting.erase(table);
    }
  }
  EXPECT_TRUE(waiting.empty());
}

TEST_F(Adoption, GivesWhatTheOriginalWritesBesideUsItsTenantAndPlace) {
  migrate();
  run("INSERT INTO chunks (id, corpus_id, document_id, document_uri, chunk_index, text, metadata_json) "
      "SELECT gen_random_uuid(), 'c1', id, 'document://' || id, 1, 'more', '{}' FROM documents");
  EXPECT_EQ(run("SELECT tenant_id FROM chunks WHERE text = 'more'"), "t1");
  run("INSERT INTO messages (id, session_id, role, content) VALUES (gen_random_uuid(), 's-9a60b7db', 'user', 'third')");
  EXPECT_EQ(run("SELECT tenant_id || seq FROM messages WHERE content = 'third'"), "t13");
  EXPECT_EQ(run("SELECT next_seq FROM sessions WHERE id = 's-9a60b7db'"), "4");
  EXPECT_THROW(run("INSERT INTO checkpoints (id, session_id, state_json) VALUES (gen_random_uuid(), 'no such', '{}')"),
               std::runtime_error);
}

// --- several at once

TEST_F(Adoption, IsDoneByOneOfSeveralProgramsThatStartAtOnce) {
  // One that holds the lock for longer than a request may take makes the others wait, not fail.
  TestServer slow(server->url());
  slow.run("BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('nexusrag.migrations', 0))");
  std::atomic<std::size_t> ran{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> programs;
  options.statement_timeout = std::chrono::milliseconds(300);
  for (int i = 0; i < 4; ++i) {
    programs.emplace_back([&] {
      try {
        ran += migrate().size();
      } catch (const std::exception& e) {
        ADD_FAILURE() << e.what();
        ++failed;
      }
    });
  }
  const std::string waiting =
      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = "
      "(SELECT oid FROM pg_database WHERE datname = current_database())";
  while (slow.run(waiting) != "4" && failed == 0) std::this_thread::yield();
  slow.run("SELECT pg_sleep(0.4)");  // past their statement_timeout
  slow.run("COMMIT");
  for (std::thread& program : programs) program.join();
  EXPECT_EQ(ran, embedded_migrations("postgres").size());
  EXPECT_EQ(run("SELECT count(*) FROM schema_migrations"), std::to_string(embedded_migrations("postgres").size()));
}

}  // namespace
}  // namespace nexus::db
