#pragma once

#include "base/time.h"
#include "modules/retrieval/index_engine.h"
#include "opensearch/opensearch_index.h"
#include "opensearch/outbox_repository.h"

#include <functional>

namespace nexus::retrieval {

/// The index in an OpenSearch or Elasticsearch cluster. Writers only note which documents changed, in the outbox that
/// lies in their own transaction; opensearch::Feeder brings the index up to date, usually within two seconds. Hits are
/// compared with the searcher's rows, so what was deleted or replaced is never found; what is new is found when it was
/// delivered. search() waits for the cluster: not on a db lane.
class OpenSearchEngine final : public IndexEngine {
 public:
  /// `wake` is called after a commit that changed something: Feeder::wake, or nothing where no feeder runs.
  OpenSearchEngine(opensearch::OpenSearchIndex& index, const Clock& clock, std::function<void()> wake = {});

  [[nodiscard]] std::string_view name() const noexcept override { return "opensearch"; }
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
  /// Nothing to do: the cluster merges by itself.
  bool tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const override;

 private:
  void changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const;

  opensearch::OpenSearchIndex& index_;
  const Clock& clock_;
  const std::function<void()> wake_;
  opensearch::OutboxRepository outbox_;
};

}  // namespace nexus::retrieval
