#pragma once

#include "base/time.h"
#include "db/database.h"
#include "http/call.h"
#include "modules/audit/ports.h"
#include "modules/documents/documents_repository.h"
#include "modules/documents/object_store.h"
#include "modules/jobs/ports.h"
#include "modules/plans/ports.h"
#include "modules/retrieval/ports.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::documents {

struct DocumentOptions {
  std::int64_t max_text_bytes = 32LL * 1024 * 1024;
  std::int64_t max_metadata_bytes = 64 * 1024;
  std::int64_t max_chunk_chars = 20'000;   ///< largest chunk size that a caller may ask for
  std::int64_t max_bulk_files = 100;       ///< files in one upload
  std::int64_t max_queued_per_tenant = 0;  ///< ingestion jobs waiting; 0: no bound
  std::int64_t chunk_size_chars = 1200;
  std::int64_t chunk_overlap_chars = 150;
};

/// What happens with a job after it has been committed: wakes the workers, or runs it in this request (inline mode).
using AfterEnqueue = std::function<void(std::string_view job_id)>;

/// What an accepted request answers with.
struct Outcome {
  int status = 202;
  Accepted accepted;
};

/// The rules of documents and corpora (contract 02 §8 and §9). Handlers call it on the db or bulk lane. Every change is
/// one transaction with its audit row and its job.
class DocumentsService {
 public:
  DocumentsService(db::Database& db, audit::Log& audit, ObjectStore& objects, const retrieval::IndexEngine& index,
                   plans::Entitlements& entitlements, AfterEnqueue after_enqueue, DocumentOptions options);

  // corpora
  [[nodiscard]] std::vector<Corpus> list_corpora(const http::Call& call) const;
  [[nodiscard]] Corpus get_corpus(const http::Call& call, std::string_view id) const;
  [[nodiscard]] Corpus create_corpus(const http::Call& call, const NewCorpus& in) const;
  [[nodiscard]] Corpus patch_corpus(const http::Call& call, const CorpusPatch& in) const;
  void delete_corpus(const http::Call& call, const CorpusRemoval& in) const;

  // documents
  [[nodiscard]] std::vector<Document> list(const http::Call& call, const DocumentQuery& in) const;
  [[nodiscard]] Document get(const http::Call& call, std::string_view id) const;
  [[nodiscard]] Outcome upload(const http::Call& call, const UploadForm& form, const http::UploadedFile& file) const;
  [[nodiscard]] Outcome add_text(const http::Call& call, const TextUpload& in) const;
  [[nodiscard]] Outcome reindex(const http::Call& call, const Reindex& in) const;
  void remove(const http::Call& call, std::string_view id) const;
  [[nodiscard]] ChunkPage chunks(const http::Call& call, const ChunkQuery& in) const;
  [[nodiscard]] std::string text(const http::Call& call, std::string_view id) const;
  [[nodiscard]] std::filesystem::path original(const Document& document) const;
  [[nodiscard]] std::int64_t max_bulk_files() const { return options_.max_bulk_files; }
  [[nodiscard]] JobView job(const http::Call& call, std::string_view id) const;

 private:
  struct Chunking {
    std::optional<std::int64_t> size;
    std::optional<std::int64_t> overlap;
  };
  struct Ingest {
    std::string document_id;
    std::string corpus_id;
    Chunking chunking;
    bool reindex = false;
  };

  [[nodiscard]] StoredCorpus require_corpus(db::Snapshot& db, const http::Call& call, std::string_view id) const;
  [[nodiscard]] StoredCorpus take_corpus(db::Tx& tx, const http::Call& call, std::string_view id) const;
  [[nodiscard]] Document require_document(db::Snapshot& db, const http::Call& call, std::string_view id) const;
  [[nodiscard]] Document take_document(db::Tx& tx, const http::Call& call, std::string_view id) const;
  void check_chunking(const Chunking& chunking) const;
  /// `config` has been checked. Throws 403 FEATURE_NOT_ENABLED when the plan lacks its provider.
  void require_provider(const http::Call& call, const boost::json::object& config) const;
  /// `found` is the document that a client-chosen id already names; the answer when it ends the request without new
  /// work.
  [[nodiscard]] std::optional<Outcome> existing(const http::Call& call, const std::optional<Document>& found,
                                                std::string_view corpus, bool overwrite) const;
  [[nodiscard]] Outcome store(const http::Call& call, const std::optional<std::string>& id, std::string_view corpus,
                              bool overwrite, const Source& source, const Chunking& chunking,
                              boost::json::object audit_metadata) const;
  std::string enqueue(db::Tx& tx, const http::Call& call, const Ingest& ingest, std::string job_id) const;
  /// After the commit; never throws.
  void enqueued(std::string_view job_id) const;
  void record(db::Tx& tx, const http::Call& call, std::string_view event, std::string_view resource_type,
              std::string_view resource_id, boost::json::object metadata,
              std::optional<std::string> job_id = std::nullopt) const;
  [[nodiscard]] Accepted accepted(const http::Call& call, const Document& document) const;

  db::Database& db_;
  audit::Log& audit_;
  ObjectStore& objects_;
  const retrieval::IndexEngine& index_;
  plans::Entitlements& entitlements_;
  AfterEnqueue after_enqueue_;
  DocumentOptions options_;
  DocumentsRepository documents_;
  jobs::JobsRepository jobs_;
};

/// Ids that clients may choose: 1 to 128 of letters, digits and `. _ : -`, not starting with a dot.
[[nodiscard]] bool is_valid_id(std::string_view id);

/// A corpus row as the API shows it.
[[nodiscard]] Corpus corpus_view(const TenantScope& tenant, const StoredCorpus& stored);

}  // namespace nexus::documents
