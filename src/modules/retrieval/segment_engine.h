#pragma once

#include "modules/retrieval/index_engine.h"
#include "modules/retrieval/index_repository.h"
#include "modules/retrieval/index_store.h"

#include <list>
#include <memory>
#include <mutex>

namespace nexus::retrieval {

/// The index as segments that live as rows beside the chunks and are searched in this process (`IndexStore`). Works on
/// every database engine; nothing outside this room knows of segments.
class SegmentEngine final : public IndexEngine {
 public:
  /// `memory_bytes`: what loaded indexes may take together.
  SegmentEngine(std::size_t memory_bytes, const Clock& clock, observe::Metrics& metrics);

  [[nodiscard]] std::string_view name() const noexcept override { return "segments"; }
  [[nodiscard]] std::unique_ptr<const PreparedChunks> prepare(const embed::Embedder* model,
                                                              std::span<const IndexChunk> chunks) const override;
  void add(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
           const PreparedChunks& prepared) const override;
  void remove_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                       std::string_view document) const override;
  void clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const override;
  [[nodiscard]] std::unique_ptr<IndexRebuild> rebuild(db::Database& db, const TenantScope& tenant,
                                                      std::string_view corpus,
                                                      const embed::Embedder& model) const override;
  [[nodiscard]] std::vector<search::Hit> search(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                                std::uint64_t changes, const IndexQuery& query) const override;
  bool tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const override;

  /// The loaded indexes, for tests of this room and for measurements.
  [[nodiscard]] IndexStore& store() const noexcept { return store_; }

 private:
  /// Readable documents as numbers of one loaded index, kept while the ids and the index are the same objects.
  struct Bound {
    std::weak_ptr<const search::ReadableDocuments::Ids> ids;
    bool with_no_document = false;
    search::ReadableDocuments::Kind kind = search::ReadableDocuments::Kind::kOnly;
    std::shared_ptr<const search::ReadableOrdinals> numbers;
  };
  [[nodiscard]] std::shared_ptr<const search::ReadableOrdinals> bind(
      const search::ReadableDocuments& readable, const std::shared_ptr<const search::DocumentSpace>& space) const;

  mutable IndexStore store_;  // a cache: loading changes nothing that a caller could see
  mutable std::mutex bound_mutex_;
  mutable std::list<Bound> bound_;  // newest first, a few; guarded by bound_mutex_
  IndexRepository rows_;
};

}  // namespace nexus::retrieval
