#pragma once

#include "base/ids.h"
#include "observe/metrics.h"
#include "opensearch/answers.h"
#include "opensearch/cluster.h"
#include "opensearch/feeder.h"
#include "opensearch/layout.h"
#include "opensearch/maintenance.h"
#include "opensearch/opensearch_index.h"
#include "opensearch/outbox_repository.h"
#include "outbound/curl_client.h"
#include "search/test_support.h"
#include "support/call_fixture.h"
#include "support/http_twin.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// For the tests of this room and of those that put it together.
namespace nexus::opensearch {

/// The client of the product, with a breaker that does not get in the way.
struct RealClient {
  SystemClock clock;
  observe::Metrics metrics;
  outbound::LocalBreakerStore store{clock};
  outbound::CircuitBreaker breaker{store, {.failure_threshold = 1'000'000}, metrics};
  outbound::CurlClient client{
      {.timeout_ms = 20'000, .max_response_bytes = std::size_t{64} << 20}, clock, metrics, breaker, {.random = [] {
        return 0.5;
      }}};
};

constexpr db::Statement kPutCorpus{"fixture.corpus", R"(
  INSERT INTO corpora (tenant_id, id, name, provider_config_json, embedding_model, embedding_dimension, created_at)
  VALUES ($1, $2, $2, $3, $4, $5, $6))"};
constexpr db::Statement kPutDocument{"fixture.document", R"(
  INSERT INTO documents (tenant_id, id, corpus_id, filename, content_type, status, created_at, updated_at)
  VALUES ($1, $2, $3, 'f', 'text/plain', 'succeeded', $4, $4) ON CONFLICT DO NOTHING)"};
constexpr db::Statement kPutChunk{"fixture.chunk", R"(
  INSERT INTO chunks (id, tenant_id, corpus_id, document_id, document_uri, chunk_index, text, embedding,
                      embedding_model, metadata_json, created_at)
  VALUES ($1, $2, $3, $4, 'u', $5, $6, $7, $8, $9, $10))"};
constexpr db::Statement kDropChunks{"fixture.drop_chunks",
                                    "DELETE FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3"};
constexpr db::Statement kDropAll{"fixture.drop_all", "DELETE FROM chunks WHERE tenant_id = $1 AND corpus_id = $2"};

/// Rows of chunks with the outbox beside them, as ingestion writes them.
struct Library {
  db::Database& db;
  const Clock& clock;
  OutboxRepository outbox{};
  std::string model = "m";

  static TenantScope scope(std::string_view tenant) { return testing::TenantScopeFactory::make(std::string(tenant)); }

  void corpus(std::string_view tenant, std::string_view id, std::int64_t dimension) const {
    db.write([&](db::Tx& tx) { tx.exec(kPutCorpus, tenant, id, db::Json{"{}"}, model, dimension, clock.now()); });
  }
  struct Chunk {
    std::string text;
    std::vector<float> vector = {};
  };
  /// Replaces the document's chunks in one transaction; returns their ids.
  std::vector<std::string> put(std::string_view tenant, std::string_view corpus, const std::string& document,
                               const std::vector<Chunk>& chunks) const {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < chunks.size(); ++i) ids.push_back(uuid7(clock.now()));
    db.write([&](db::Tx& tx) {
      tx.exec(kDropChunks, tenant, corpus, document);
      tx.exec(kPutDocument, tenant, document, corpus, clock.now());
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        std::optional<db::Vector> vector;
        if (!chunks[i].vector.empty()) vector = db::Vector{chunks[i].vector};
        std::optional<std::string> of;
        if (vector) of = model;
        tx.exec(kPutChunk, ids[i], tenant, corpus, document, static_cast<std::int64_t>(i), chunks[i].text, vector, of,
                db::Json{"{}"}, clock.now());
      }
      outbox.document_changed(tx, scope(tenant), corpus, document, clock.now());
    });
    return ids;
  }
  void remove(std::string_view tenant, std::string_view corpus, const std::string& document) const {
    db.write([&](db::Tx& tx) {
      outbox.document_changed(tx, scope(tenant), corpus, document, clock.now());
      tx.exec(kDropChunks, tenant, corpus, document);
    });
  }
  void clear(std::string_view tenant, std::string_view corpus) const {
    db.write([&](db::Tx& tx) {
      outbox.corpus_cleared(tx, scope(tenant), corpus, clock.now());
      tx.exec(kDropAll, tenant, corpus);
    });
  }
  [[nodiscard]] Backlog backlog() const {
    return db.read([&](db::Snapshot& s) { return outbox.backlog(s); });
  }
};

/// One index with everything around it: a real cluster, or a twin that answers by script.
struct Stack {
  RealClient net;
  testing::FakeClock clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  Cluster cluster;
  OpenSearchIndex index;
  Feeder feeder;
  Library library{*database, clock};
  Maintenance maintenance;

  Stack(std::vector<std::string> urls, std::string prefix, FeedOptions feed = {}, SearchOptions search = {})
      : cluster(net.client, options(std::move(urls), std::move(prefix)), net.clock),
        index(cluster, search, metrics),
        feeder(*database, cluster, clock, feed, metrics, [] { return 0.5; }),
        maintenance(*database, cluster, feeder, clock, 20'000) {}

  static ClusterOptions options(std::vector<std::string> urls, std::string prefix) {
    ClusterOptions out;
    out.urls = std::move(urls);
    out.index_prefix = std::move(prefix);
    out.shards = 2;
    out.replicas = 0;
    out.request_timeout_ms = 20'000;
    return out;
  }

  /// Delivers until nothing is due; returns the documents delivered.
  std::size_t deliver() {
    std::size_t delivered = 0;
    for (Feeder::Round round = feeder.run_once(); round.claimed > 0; round = feeder.run_once())
      delivered += round.delivered;
    return delivered;
  }
  std::vector<search::Hit> search(std::string_view tenant, std::string_view corpus, const Question& question) {
    const TenantScope scope = Library::scope(tenant);
    return index.search(scope, corpus, question, [&](std::span<const search::ChunkId> chunks) {
      return database->read([&](db::Snapshot& s) { return library.outbox.in_rows(s, scope, corpus, chunks); });
    });
  }
  std::uint64_t dropped(const char* reason) {
    return metrics.counter("nexusrag_search_hits_dropped_total", {{"reason", reason}}).value();
  }
};

[[nodiscard]] inline std::vector<std::string> chunk_ids(const std::vector<search::Hit>& hits) {
  std::vector<std::string> out;
  for (const search::Hit& hit : hits) out.push_back(hit.chunk.to_string());
  return out;
}
[[nodiscard]] inline std::vector<std::string> document_ids(const std::vector<search::Hit>& hits) {
  std::vector<std::string> out;
  for (const search::Hit& hit : hits) out.push_back(hit.document_id);
  return out;
}

}  // namespace nexus::opensearch
