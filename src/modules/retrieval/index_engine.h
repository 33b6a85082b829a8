#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "embed/embedder.h"
#include "search/query.h"
#include "search/readable.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::retrieval {

/// A chunk as an index sees it. Borrowed. `document` is empty for chunks of none; `vector` is empty for chunks that
/// were not embedded.
struct IndexChunk {
  std::string_view id;  ///< a UUID in text form
  std::string_view document;
  std::string_view text;
  std::span<const float> vector;
};

/// What an engine made of chunks outside the transaction that will store them. Immutable: a transaction that is tried
/// again uses it again.
class PreparedChunks {
 public:
  virtual ~PreparedChunks() = default;
};

/// What is asked of a corpus's index. Borrowed; `readable` decides what may be seen, before anything is scored.
struct IndexQuery {
  std::string_view text;
  std::span<const float> vector;  ///< empty: no dense side
  std::string_view model_id;      ///< of `vector`; chunks of another model have no dense side
  std::size_t k = 5;
  search::Mode mode = search::Mode::kHybrid;
  float alpha = 0.5F;  ///< share of the dense side in kHybrid
  const search::ReadableDocuments& readable;
  std::optional<search::SearchDeadline> deadline = {};
};

/// New vectors for all chunks of a corpus, collected outside and put in place at once. One thread.
class IndexRebuild {
 public:
  virtual ~IndexRebuild() = default;
  virtual void add(const IndexChunk& chunk) = 0;
  /// Makes the collected chunks the whole index of the corpus. The rows of `chunks` carry their new vectors already,
  /// written by the same transaction. Throws std::runtime_error when the corpus changed since the rebuild began.
  virtual void swap(db::Tx& tx) = 0;
};

/// The search index of all corpora. What the implementations promise alike:
/// - A change joins the transaction of the chunks it belongs to, or is stored by it for delivery: index and rows cannot
///   disagree for good.
/// - A chunk whose document is not in IndexQuery::readable is never returned, and never changes the order or the scores
///   of others, except through corpus-wide term statistics.
/// - Ranking is search/ranking.h: the same chunks and question give the same hits everywhere, up to what an approximate
///   vector index misses.
/// Thread-safe.
class IndexEngine {
 public:
  virtual ~IndexEngine() = default;

  /// "segments", "postgres", "opensearch".
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;

  /// The CPU part of adding chunks embedded by `model` (null: not embedded). Outside of transactions. Throws
  /// std::invalid_argument when a chunk's id is not a UUID or a vector does not fit.
  [[nodiscard]] virtual std::unique_ptr<const PreparedChunks> prepare(const embed::Embedder* model,
                                                                      std::span<const IndexChunk> chunks) const = 0;

  /// Adds chunks whose rows this transaction has written.
  virtual void add(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                   const PreparedChunks& prepared) const = 0;
  /// Takes every chunk of the document out; called before their rows are deleted. Replacing a document is removing it
  /// and adding its new chunks in one transaction.
  virtual void remove_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                               std::string_view document) const = 0;
  /// Takes everything out: the corpus goes. Called before the rows of its chunks are deleted.
  virtual void clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const = 0;

  [[nodiscard]] virtual std::unique_ptr<IndexRebuild> rebuild(db::Database& db, const TenantScope& tenant,
                                                              std::string_view corpus,
                                                              const embed::Embedder& model) const = 0;

  /// The best chunks, best first, ties by chunk id; at most query.k. `changes` is what Database::change_count() said of
  /// the corpus's scope before the snapshot was taken. The index may be newer than the snapshot, never older than what
  /// it promises (design: at once in this process). Throws search::SearchTimeout, std::invalid_argument, db::Error.
  [[nodiscard]] virtual std::vector<search::Hit> search(db::Snapshot& db, const TenantScope& tenant,
                                                        std::string_view corpus, std::uint64_t changes,
                                                        const IndexQuery& query) const = 0;

  /// One piece of background work on the corpus when there is some worth it and nobody else is at it; true when there
  /// may be more. Long work: worker threads.
  virtual bool tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const = 0;
};

}  // namespace nexus::retrieval
