#include "base/ids.h"
#include "cli/copy_index.h"
#include "cli/copy_repository.h"
#include "cli/operator.h"
#include "db/copy/copier.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "db/open.h"
#include "db/sqlite/test_database.h"
#include "modules/authz/tenant_access.h"
#include "modules/demo/seed.h"
#include "modules/retrieval/ports.h"
#include "modules/retrieval/segment_engine.h"
#include "support/pg_link.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A whole installation, with the real schema, from SQLite to SQLite and through PostgreSQL.
namespace nexus::cli {
namespace {

std::string test_server() {
  const char* url = std::getenv("NEXUSRAG_TEST_POSTGRES");
  return url == nullptr ? "" : url;
}

#define NEXUS_SKIP_WITHOUT_POSTGRES() \
  if (test_server().empty()) GTEST_SKIP() << "set NEXUSRAG_TEST_POSTGRES to the URL of a PostgreSQL"

/// A database of its own on the test server; dropped with the object.
class ScratchPostgres {
 public:
  ScratchPostgres() : admin_(test_server()), name_("nexusrag_copy_" + hex32().substr(0, 16)) {
    admin_.run("CREATE DATABASE " + name_);
    testing::PgLink(url()).run("CREATE EXTENSION IF NOT EXISTS vector");
  }
  ~ScratchPostgres() {
    try {
      admin_.run("DROP DATABASE IF EXISTS " + name_ + " WITH (FORCE)");
    } catch (const std::runtime_error&) {  // the server is gone, and the database with it
      return;
    }
  }
  ScratchPostgres(const ScratchPostgres&) = delete;
  ScratchPostgres& operator=(const ScratchPostgres&) = delete;
  [[nodiscard]] std::string url() const { return testing::with_database(test_server(), name_); }

 private:
  testing::PgLink admin_;
  std::string name_;
};

struct Installation {
  SystemClock clock;
  observe::Metrics metrics;
  std::optional<db::TestFolder> folder;
  std::optional<ScratchPostgres> server;
  db::copy::Texts texts;
  std::unique_ptr<db::Database> db;

  explicit Installation(bool postgres = false) {
    if (postgres) server.emplace();
    if (!postgres) folder.emplace();
    db = db::open_database(postgres ? server->url() : "sqlite:" + folder->file("nexusrag.db"), {}, clock, metrics);
    (void)db::Migrator(*db, clock, db::embedded_migrations(db->engine())).apply();
  }
};

/// Rows in the tables that differ most between the engines, beside the demo corpus: a corpus of a model with three
/// dimensions, an adopted chunk without a document, a conversation, an audit chain, plans, counters, a job, an answer.
constexpr const char* kRows = R"(
INSERT INTO users VALUES ('u1', 'acme', NULL, 'admin', 1, 1767225600123456);
INSERT INTO api_keys (id, user_id, tenant_id, key_prefix, key_hash, hash_version, created_at)
  VALUES ('k1', 'u1', 'acme', 'nrgk_1', 'hash', 1, 1767225600000001);
INSERT INTO cache_versions VALUES ('#', 7), ('auth:acme', 7);
INSERT INTO audit_events (id, occurred_at, tenant_id, actor_type, event_type, outcome, metadata_json, created_at)
  VALUES (12, 1767225600000002, 'acme', 'api_key', 'auth.access.success', 'success', '{"b":1.50,"a":"ü"}', 1767225600000003);
INSERT INTO audit_chain VALUES ('acme', 1, 12, x'00', x'ff00');
INSERT INTO corpora VALUES ('acme', 'small', 'Small', '{"retrieval":{"provider":"local_pgvector","mode":"hybrid"}}', 'static-3', 3, 1767225600000000);
INSERT INTO documents (tenant_id, id, corpus_id, filename, content_type, status, created_at, updated_at)
  VALUES ('acme', 'd1', 'small', 'a b.txt', 'text/plain', 'succeeded', 1767225600000000, 1767225600000000);
INSERT INTO document_texts VALUES ('acme', 'd1', 1, 'Der Zürcher Zug fährt um neun.', 'x');
INSERT INTO chunks (id, tenant_id, corpus_id, document_id, document_uri, chunk_index, text, embedding, embedding_model,
    document_version, start_byte, end_byte, created_at) VALUES
  ('00000000-0000-4000-8000-000000000001', 'acme', 'small', 'd1', 'doc', 0, 'Der Zürcher Zug fährt um neun.',
   x'0000803f0000004000000000', 'static-3', 1, 0, 34, 1767225600000000),
  ('00000000-0000-4000-8000-000000000002', 'acme', 'small', NULL, 'doc', 1, 'Nothing was embedded here.', NULL, NULL, NULL, NULL,
   NULL, 1767225600000000);
INSERT INTO sessions VALUES ('acme', 's1', 'k1', 2, 1767225600000000, 1767225600000000);
INSERT INTO messages VALUES ('acme', 's1', 1, '00000000-0000-4000-8000-00000000000a', 'user', 'When?', 'complete', 1767225600000000);
INSERT INTO checkpoints VALUES ('acme', 's1', '00000000-0000-4000-8000-00000000000b', '{}', 1767225600000000);
INSERT INTO query_log VALUES ('00000000-0000-4000-8000-00000000000c', '00000000-0000-4000-8000-00000000000d', 1, 2, 1, 3, 'ok');
INSERT INTO jobs (id, tenant_id, kind, payload_json, state, run_at, created_at, updated_at)
  VALUES ('j1', 'acme', 'ingest', '{"document_id":"d1"}', 'done', 1767225600000000, 1767225600000000, 1767225600000000);
INSERT INTO plan_limits (tenant_id, monthly_tokens_limit, created_at, updated_at) VALUES ('acme', 5000000000, 1, 1);
INSERT INTO usage_counters VALUES ('acme', 'day', 1767225600000000, 5, NULL, 1767225600000000);
INSERT INTO quota_soft_cap_events VALUES (9, 'acme', 'day', 1767225600000000, 'requests', 1767225600000000);
UPDATE plans SET name = 'Gold' WHERE id = 'pro';
INSERT INTO tenant_plan_assignments VALUES ('acme', 1767225600000000, 'pro', NULL, 1, 1767225600000000);
INSERT INTO idempotency_records (id, tenant_id, actor_id, method, path, idem_key, request_hash, response_status, created_at,
    expires_at, response_form, response_blob)
  VALUES (3, 'acme', 'k1', 'POST', '/v1/corpora', 'key', 'h', 201, 1, 2, 'sealed', x'0102');
INSERT INTO billing_outbox (delivery_id, tenant_id, event_type, dedupe_key, payload, job_id, created_at)
  VALUES ('e1', 'acme', 'quota', 'd', '{"b": 1,  "a": 2}', 'j1', 1767225600000000);
INSERT INTO retention_runs (id, task, last_run_at, outcome) VALUES (1, 'prune_audit', 1767225600000000, 'success');
INSERT INTO uptime_minutes VALUES (1000);
)";

constexpr db::Statement kVectorBytes{"test.vector_bytes",
                                     "SELECT length(embedding) FROM chunks WHERE embedding_model = 'static-3'"};
constexpr db::Statement kPayload{"test.payload", "SELECT payload FROM billing_outbox"};

void fill(Installation& from) {
  const retrieval::Embedders embedders("fake", "no-such-folder");
  const retrieval::SegmentEngine engine(std::size_t{16} << 20U, from.clock, from.metrics);
  (void)demo::seed_demo(*from.db, Operator::scope("t1"), embedders, engine, from.clock);
  from.db->run_script(kRows);
}

db::copy::CopyReport copy_all(Installation& from, Installation& to) {
  db::copy::CopyOptions how;
  if (to.db->engine() == "sqlite" && from.db->engine() != "sqlite")
    how.after_rows = [&] { (void)rebuild_segments(*to.db, to.clock, to.metrics); };
  return db::copy::Copier(*from.db, *to.db, CopyRepository::rules(from.db->engine(), to.db->engine()), from.texts, how)
      .run();
}

void expect_equal(const db::copy::CopyReport& report) {
  EXPECT_GT(report.tables.size(), 25U);
  for (const db::copy::TableReport& table : report.tables)
    EXPECT_TRUE(table.equal()) << table.table << ": " << table.source_rows << " and " << table.target_rows;
}

/// What a question finds: ids and scores.
std::vector<std::string> found(Installation& in, const std::string& tenant, const std::string& corpus,
                               const std::string& question) {
  const retrieval::Embedders embedders("fake", "no-such-folder");
  const retrieval::SegmentEngine engine(std::size_t{16} << 20U, in.clock, in.metrics);
  const authz::TenantAccess access;
  retrieval::Retriever retriever(*in.db, embedders, engine, access, in.metrics, in.clock, 5 * Timestamp::kSecond);
  std::vector<std::string> out;
  for (const retrieval::Passage& passage : retriever
                                               .retrieve({.tenant = Operator::scope(tenant),
                                      .principal = Operator::principal(tenant),
                                      .corpus_id = corpus,
                                      .query = question,
                                      .top_k = 5})
                                               .passages)
    out.push_back(passage.chunk_id + " " + std::to_string(passage.score));
  return out;
}

TEST(CopyProduct, MovesAnInstallationBetweenTwoSqliteFiles) {
  Installation from;
  Installation to;
  fill(from);
  expect_equal(copy_all(from, to));
  const std::vector<std::string> hits = found(to, "t1", "c1", "What are the release gates?");
  EXPECT_FALSE(hits.empty());
  EXPECT_EQ(hits, found(from, "t1", "c1", "What are the release gates?"));
}

TEST(CopyProduct, SegmentsMadeFromRowsFindTheSame) {
  Installation in;
  fill(in);
  const std::vector<std::string> before = found(in, "t1", "c1", "What are the release gates?");
  EXPECT_EQ(rebuild_segments(*in.db, in.clock, in.metrics), 12U);
  EXPECT_EQ(found(in, "t1", "c1", "What are the release gates?"), before);
  EXPECT_FALSE(found(in, "acme", "small", "Zürcher Zug").empty());
}

TEST(CopyProduct, SeesWhetherSomebodyRuns) {
  Installation in;
  const Timestamp now{1'800'000'000'000'000};
  const auto who = [&] { return in.db->read([&](db::Snapshot& s) { return CopyRepository().who_runs(s, now); }); };
  in.db->run_script(
      "INSERT INTO uptime_minutes VALUES (29999990); INSERT INTO worker_heartbeats VALUES "
      "('w', 1, 1799999000000000, 'ingest')");
  EXPECT_EQ(who(), "");
  in.db->run_script("UPDATE worker_heartbeats SET seen_at = 1799999990000000");
  EXPECT_EQ(who(), "a worker ran");
  in.db->run_script("INSERT INTO uptime_minutes VALUES (30000000)");
  EXPECT_EQ(who(), "a server ran");
}

TEST(CopyProduct, EveryStatementIsGoodOnSqlite) {
  Installation in;
  EXPECT_EQ(in.db->check_statements(CopyRepository::statements()), std::vector<std::string>{});
}

TEST(CopyProduct, EveryStatementIsGoodOnPostgres) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  Installation in(true);
  EXPECT_EQ(in.db->check_statements(CopyRepository::statements()), std::vector<std::string>{});
}

TEST(CopyProduct, MovesAnInstallationToPostgresAndBack) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  Installation from;
  Installation middle(true);
  Installation back;
  fill(from);
  (void)rebuild_segments(*from.db, from.clock, from.metrics);  // the rows above have none
  expect_equal(copy_all(from, middle));
  expect_equal(copy_all(middle, back));
  back.db->read([&](db::Snapshot& s) {  // what no comparison of meanings sees: the vector's length, the signed bytes
    db::Cursor chunk = s.query(kVectorBytes);
    ASSERT_TRUE(chunk.next());
    EXPECT_EQ(chunk.i64(0), 12);
    db::Cursor event = s.query(kPayload);
    ASSERT_TRUE(event.next());
    EXPECT_EQ(event.text(0), R"({"b": 1,  "a": 2})");
  });
  for (const auto& [tenant, corpus, question] :
       {std::tuple{"t1", "c1", "What are the release gates?"}, std::tuple{"acme", "small", "Zürcher Zug"}}) {
    const std::vector<std::string> hits = found(back, tenant, corpus, question);
    EXPECT_FALSE(hits.empty());
    EXPECT_EQ(hits, found(from, tenant, corpus, question));
  }
}

}  // namespace
}  // namespace nexus::cli
