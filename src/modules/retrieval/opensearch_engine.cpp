#include "modules/retrieval/opensearch_engine.h"

#include "modules/documents/ports.h"

#include <set>
#include <stdexcept>
#include <utility>

namespace nexus::retrieval {
namespace {

/// The documents to be told of: their chunks are read from the rows when they are delivered.
struct ChangedDocuments final : PreparedChunks {
  std::set<std::string, std::less<>> ids;
};

/// The rows carry the new vectors when they are swapped, so there is nothing to collect.
class OutboxRebuild final : public IndexRebuild {
 public:
  OutboxRebuild(opensearch::OutboxRepository outbox, const Clock& clock, TenantScope tenant, std::string_view corpus,
                std::int64_t seq, std::function<void(db::Tx&)> changed)
      : outbox_(outbox),
        clock_(clock),
        tenant_(std::move(tenant)),
        corpus_(corpus),
        seq_(seq),
        changed_(std::move(changed)) {}

  void add(const IndexChunk& /*chunk*/) override {}
  void swap(db::Tx& tx) override {
    if (outbox_.last_seq(tx, tenant_, corpus_) != seq_)
      throw std::runtime_error("the corpus changed while it was embedded");
    outbox_.corpus_changed(tx, tenant_, corpus_, clock_.now());
    changed_(tx);
  }

 private:
  opensearch::OutboxRepository outbox_;
  const Clock& clock_;
  TenantScope tenant_;
  std::string corpus_;
  std::int64_t seq_;
  std::function<void(db::Tx&)> changed_;
};

}  // namespace

OpenSearchEngine::OpenSearchEngine(opensearch::OpenSearchIndex& index, const Clock& clock, std::function<void()> wake)
    : index_(index), clock_(clock), wake_(std::move(wake)) {}

std::unique_ptr<const PreparedChunks> OpenSearchEngine::prepare(const embed::Embedder* model,
                                                                std::span<const IndexChunk> chunks) const {
  auto prepared = std::make_unique<ChangedDocuments>();
  for (const IndexChunk& chunk : chunks) {
    if (!search::ChunkId::parse(chunk.id)) throw std::invalid_argument("chunk id is not a UUID");
    if (!chunk.vector.empty() && (model == nullptr || model->dimension() != chunk.vector.size()))
      throw std::invalid_argument("a vector does not fit its model");
    prepared->ids.emplace(chunk.document);
  }
  return prepared;
}

void OpenSearchEngine::changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  tx.touch(documents::corpus_scope(tenant, corpus));
  if (wake_) tx.after_commit(wake_);
}

void OpenSearchEngine::add(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                           const PreparedChunks& prepared) const {
  const auto& documents = dynamic_cast<const ChangedDocuments&>(prepared);
  for (const std::string& id : documents.ids) outbox_.document_changed(tx, tenant, corpus, id, clock_.now());
  if (!documents.ids.empty()) changed(tx, tenant, corpus);
}

void OpenSearchEngine::remove_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                       std::string_view document) const {
  outbox_.document_changed(tx, tenant, corpus, document, clock_.now());
  changed(tx, tenant, corpus);
}

void OpenSearchEngine::clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  outbox_.corpus_cleared(tx, tenant, corpus, clock_.now());
  changed(tx, tenant, corpus);
}

std::unique_ptr<IndexRebuild> OpenSearchEngine::rebuild(db::Database& db, const TenantScope& tenant,
                                                        std::string_view corpus,
                                                        const embed::Embedder& /*model*/) const {
  const std::int64_t seq = db.read([&](db::Snapshot& s) { return outbox_.last_seq(s, tenant, corpus); });
  return std::make_unique<OutboxRebuild>(
      outbox_, clock_, tenant, corpus, seq,
      [this, tenant, name = std::string(corpus)](db::Tx& tx) { changed(tx, tenant, name); });
}

std::vector<search::Hit> OpenSearchEngine::search(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                                  std::uint64_t /*changes*/, const IndexQuery& query) const {
  return index_.search(
      tenant, corpus,
      {.text = query.text,
       .vector = query.vector,
       .model_id = query.model_id,
       .k = query.k,
       .mode = query.mode,
       .alpha = query.alpha,
       .readable = query.readable,
       .deadline = query.deadline},
      [&](std::span<const search::ChunkId> chunks) { return outbox_.in_rows(db, tenant, corpus, chunks); });
}

bool OpenSearchEngine::tidy_once(db::Database& /*db*/, const TenantScope& /*tenant*/,
                                 std::string_view /*corpus*/) const {
  return false;
}

}  // namespace nexus::retrieval
