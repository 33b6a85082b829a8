#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/retrieval/ports.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::ingestion {

/// A chunk as it is written. Views are borrowed.
struct NewChunk {
  std::string id;
  std::int64_t index = 0;
  std::string text;
  std::vector<float> vector;  ///< empty: not embedded
  std::string metadata_json;
  std::optional<std::int64_t> start_byte;
  std::optional<std::int64_t> end_byte;
};

/// The same as an index wants them; borrows from `chunks` and `document` ("": none).
[[nodiscard]] std::vector<retrieval::IndexChunk> index_chunks(std::string_view document,
                                                              std::span<const NewChunk> chunks);

/// Where the chunks of one batch belong.
struct ChunkOwner {
  std::string corpus_id;
  std::optional<std::string> document_id;  ///< empty: demo chunks
  std::string document_uri;
  std::optional<std::int64_t> document_version;
  std::optional<std::string> embedding_model;
};

/// A stored chunk, for re-embedding.
struct StoredChunk {
  std::string id;
  std::optional<std::string> document_id;
  std::string text;
};

struct CorpusKey {
  std::string tenant_id;
  std::string corpus_id;
};

/// The writing SQL on `chunks`. Stateless.
class ChunksRepository {
 public:
  void insert(db::Tx& tx, const TenantScope& tenant, const ChunkOwner& owner, std::span<const NewChunk> chunks,
              Timestamp now) const;
  void remove_of_document(db::Tx& tx, const TenantScope& tenant, std::string_view document) const;
  /// Of all tenants; for the maintenance that enqueues their embedding.
  std::vector<CorpusKey> corpora_without_vectors(db::Snapshot& db) const;
  std::int64_t count(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const;
  std::vector<StoredChunk> of_corpus(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                     std::string_view after_id, std::int64_t limit) const;
  bool set_embedding(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view model,
                     std::span<const float> vector) const;
};

[[nodiscard]] db::StatementList chunks_statements();

}  // namespace nexus::ingestion
