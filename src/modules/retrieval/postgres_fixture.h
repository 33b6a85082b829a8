#pragma once

#include "base/ids.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "db/open.h"
#include "modules/authz/tenant_access.h"
#include "modules/ingestion/chunks_repository.h"
#include "modules/retrieval/postgres_index.h"
#include "modules/retrieval/segment_engine.h"
#include "support/call_fixture.h"
#include "support/pg_link.h"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

/// For the tests of this room only.
namespace nexus::retrieval {

/// The server for tests, or null: NEXUSRAG_TEST_POSTGRES.
inline const char* test_postgres() {
  return ::getenv("NEXUSRAG_TEST_POSTGRES");
}

/// A database of its own with the whole schema; gone with the object.
class ScratchPostgres {
 public:
  explicit ScratchPostgres(const Clock& clock, observe::Metrics& metrics)
      : admin_(test_postgres()), name_("retrieval_" + uuid4().substr(0, 8)) {
    admin_.run("CREATE DATABASE " + name_);
    database = db::open_database(url(), {.readers = 2}, clock, metrics);
    db::Migrator(*database, clock, db::embedded_migrations("postgres")).apply();
  }
  ~ScratchPostgres() {
    database.reset();
    admin_.run("DROP DATABASE " + name_ + " WITH (FORCE)");
  }
  ScratchPostgres(const ScratchPostgres&) = delete;
  ScratchPostgres& operator=(const ScratchPostgres&) = delete;

  [[nodiscard]] std::string url() const { return testing::with_database(test_postgres(), name_); }

  std::unique_ptr<db::Database> database;

 private:
  testing::PgLink admin_;
  std::string name_;
};

/// A chunk that is put into an index.
struct ShelfChunk {
  std::string id;
  std::string text;
  std::vector<float> vector;
};

/// One corpus with its rows, on one engine.
struct IndexedCorpus {
  db::Database& database;
  const IndexEngine& index;
  TenantScope tenant;
  std::string corpus;
  const embed::Embedder* model = nullptr;

  [[nodiscard]] std::vector<ingestion::NewChunk> rows_of(const std::vector<ShelfChunk>& chunks) const {
    std::vector<ingestion::NewChunk> rows;
    for (const ShelfChunk& chunk : chunks)
      rows.push_back({.id = chunk.id,
                      .index = static_cast<std::int64_t>(rows.size()),
                      .text = chunk.text,
                      .vector = chunk.vector,
                      .metadata_json = "{}"});
    return rows;
  }

  void make() const {
    database.run_script(
        fmt::format("INSERT INTO corpora (tenant_id, id, name, provider_config_json, created_at) "
                    "VALUES ('{}', '{}', 'test', '{{}}', {})",
                    tenant.id(), corpus, database.engine() == "postgres" ? "now()" : "1"));
  }

  /// New or again, as one transaction. "": chunks of no document.
  void put(const std::string& document, const std::vector<ShelfChunk>& chunks) const {
    const std::vector<ingestion::NewChunk> rows = rows_of(chunks);
    const auto prepared = index.prepare(model, ingestion::index_chunks(document, rows));
    const ingestion::ChunksRepository repository;
    database.write([&](db::Tx& tx) {
      if (!document.empty()) {
        tx.script(
            fmt::format("INSERT INTO documents (tenant_id, id, corpus_id, filename, content_type, status, "
                        "created_at, updated_at) VALUES ('{0}', '{1}', '{2}', 'f', 'text/plain', 'succeeded', "
                        "{3}, {3}) ON CONFLICT DO NOTHING",
                        tenant.id(), document, corpus, database.engine() == "postgres" ? "now()" : "1"));
        index.remove_document(tx, tenant, corpus, document);
        repository.remove_of_document(tx, tenant, document);
      }
      repository.insert(
          tx, tenant,
          {.corpus_id = corpus,
           .document_id = document.empty() ? std::nullopt : std::optional<std::string>(document),
           .document_uri = "document://" + document,
           .document_version = 1,
           .embedding_model = model != nullptr ? std::optional<std::string>(model->model_id()) : std::nullopt},
          rows, Timestamp{1});
      index.add(tx, tenant, corpus, *prepared);
    });
  }
  void drop(const std::string& document) const {
    const ingestion::ChunksRepository repository;
    database.write([&](db::Tx& tx) {
      index.remove_document(tx, tenant, corpus, document);
      repository.remove_of_document(tx, tenant, document);
    });
  }

  [[nodiscard]] std::vector<search::Hit> find(
      std::string_view text, std::span<const float> vector, search::Mode mode, std::size_t k = 10,
      const search::ReadableDocuments& readable = authz::ReadableDocumentsFactory::everything()) const {
    return database.read([&](db::Snapshot& s) {
      return index.search(s, tenant, corpus, IndexStore::kUnknown,
                          {.text = text,
                           .vector = vector,
                           .model_id = model != nullptr ? std::string_view(model->model_id()) : std::string_view{},
                           .k = k,
                           .mode = mode,
                           .alpha = 0.5F,
                           .readable = readable});
    });
  }
};

}  // namespace nexus::retrieval
