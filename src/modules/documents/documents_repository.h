#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/documents/documents_types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::documents {

struct StoredCorpus {
  std::string id;
  std::string name;
  std::string provider_config_json;
  std::optional<std::string> embedding_model;
  std::optional<std::int64_t> embedding_dimension;
  Timestamp created_at;
};

/// What an upload sets on a document, new or overwritten.
struct Source {
  std::string filename;
  std::string content_type;
  std::string ingest_source;
  std::string storage_path;
  std::string metadata_json = "{}";
  std::int64_t byte_count = 0;
  std::string sha256;
};

/// What commits touch (db::Tx::touch) that change a corpus's row or its index.
[[nodiscard]] std::string corpus_scope(const TenantScope& tenant, std::string_view corpus);

/// All SQL on `corpora`, `documents` and `document_texts`, and the reading of a document's chunks. Stateless.
class DocumentsRepository {
 public:
  // corpora
  std::vector<StoredCorpus> list_corpora(db::Snapshot& db, const TenantScope& tenant) const;
  std::optional<StoredCorpus> find_corpus(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  /// The same for a change: nobody else changes or deletes it until the transaction ends.
  std::optional<StoredCorpus> take_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;
  /// Whoever adds to a corpus starts here: it is not deleted until the transaction ends. False when there is none.
  bool hold_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;
  bool insert_corpus(db::Tx& tx, const TenantScope& tenant, const StoredCorpus& corpus) const;
  void update_corpus(db::Tx& tx, const TenantScope& tenant, const StoredCorpus& corpus) const;
  void set_embedding_model(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, std::string_view model,
                           std::int64_t dimension) const;
  bool corpus_is_empty(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  /// The corpus with its documents, texts and chunks (the index is the index room's); returns the objects to unlink.
  std::vector<std::string> remove_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;

  // documents
  std::vector<Document> list(db::Snapshot& db, const TenantScope& tenant,
                             const std::optional<std::string>& corpus) const;
  std::optional<Document> find(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  /// The same for a change: nobody else changes or deletes it until the transaction ends.
  std::optional<Document> take(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;
  /// False when the id is taken.
  bool insert(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view corpus, const Source& source,
              std::string_view job_id, Timestamp now) const;
  /// New source for an existing document, back to queued.
  void replace_source(db::Tx& tx, const TenantScope& tenant, std::string_view id, const Source& source,
                      std::string_view job_id, Timestamp now) const;
  void requeue(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
               Timestamp now) const;
  void remove(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;

  // progress of an ingestion; all but `start` answer false when another job has taken the document over
  bool start(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id, Timestamp now) const;
  bool set_progress(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
                    std::int64_t done, std::int64_t total) const;
  bool succeed(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id, std::int64_t chunks,
               bool reindex, Timestamp now) const;
  bool fail(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
            std::string_view reason, Timestamp now) const;

  // the text that was chunked
  void put_text(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::int64_t version, std::string_view text,
                std::string_view sha256) const;
  /// Of the text that the present chunks were cut from; empty before the first ingestion.
  std::optional<std::int64_t> text_version(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  std::optional<std::string> find_text(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;

  std::int64_t count_chunks(db::Snapshot& db, const TenantScope& tenant, std::string_view document) const;
  std::vector<ChunkView> chunks(db::Snapshot& db, const TenantScope& tenant, std::string_view document,
                                std::int64_t offset, std::int64_t limit) const;
};

[[nodiscard]] db::StatementList documents_statements();

}  // namespace nexus::documents
