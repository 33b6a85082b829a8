#pragma once

#include "modules/retrieval/index_engine.h"
#include "modules/retrieval/postgres_index_repository.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

namespace nexus::retrieval {

struct PostgresIndexOptions {
  std::int64_t exact_max = 1'000;      ///< readable chunks up to which vectors are compared one by one
  std::int64_t ef_search = 200;        ///< nodes that a walk of the vector graph keeps (hnsw.ef_search), at most 1000
  std::int64_t lexical_rows = 10'000;  ///< chunks whose words are scored for one question
  std::int64_t first_rows = 300;       ///< of those, how many the first statement may read
  std::int64_t page = 200;             ///< chunks that one transaction of the background indexes
  std::int64_t deltas = 256;           ///< deltas of the statistics that one transaction sums up
  std::string build_memory = "512MB";  ///< maintenance_work_mem while the vector index is built
};

/// The index as columns of PostgreSQL: pgvector's HNSW over `chunks.embedding`, a GIN index over the words of our own
/// analyzer, and the statistics of BM25 (migrations/postgres/0009_search.sql). Everything a search says is seen in the
/// snapshot it is given.
///
/// - Words: the chunks that hold the question's weightiest words are read first, then those that could still get into
///   the answer with the others. Exact in corpora of up to `lexical_rows` chunks, and in larger ones whenever that many
///   chunks decide it; approximate above `lexical_rows`: a question of common words is then answered from a part of
///   the chunks that hold them.
/// - Vectors: up to `exact_max` readable chunks, and wherever the graph would have to walk past more chunks than a scan
///   reads, all of them are compared; beyond that the graph is walked on until enough readable chunks are found. Should
///   it give up before, all are compared after all: a filter costs time, not results.
/// - Both sides' candidates get exact scores and are fused by search/ranking.h.
class PostgresIndex final : public IndexEngine {
 public:
  explicit PostgresIndex(PostgresIndexOptions options);

  [[nodiscard]] std::string_view name() const noexcept override { return "postgres"; }
  /// Throws std::invalid_argument also when a vector is longer than the column (768).
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
  /// Sums up the deltas of the corpus's statistics.
  bool tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const override;

  // Maintenance over all tenants, for one background thread of any process; several do no harm.

  /// Gives words to the next chunks that have none: adopted ones, and those that the original writes beside us. Returns
  /// how many it indexed; 0: a whole round found none. Where it stands is kept in memory: a restart starts a new round.
  std::size_t backfill_once(db::Database& db) const;
  /// Sums up deltas of some corpora; true when there may be more.
  bool tidy_all_once(db::Database& db) const;
  /// Builds the vector index when the migration left that to us. Takes minutes for a million chunks; the table cannot
  /// be written meanwhile. True when it built.
  bool build_vector_index(db::Database& db) const;

 private:
  /// True when there are more.
  bool sum_deltas(db::Database& db, std::int64_t corpus) const;
  [[nodiscard]] std::vector<search::Hit> ranked(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                                const IndexQuery& query) const;
  [[nodiscard]] std::vector<postgres::Near> nearest(db::Snapshot& db, const TenantScope& tenant,
                                                    std::string_view corpus, const postgres::ReadableFilter& readable,
                                                    const postgres::DenseQuery& query) const;
  /// About how many chunks the filter lets through, and how many the table has: one statement of a few index probes.
  struct Estimate {
    std::int64_t visible = 0;
    std::int64_t table = 0;
  };
  [[nodiscard]] Estimate estimate(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                  const postgres::ReadableFilter& readable) const;

  PostgresIndexOptions options_;
  postgres::PostgresIndexRepository rows_;
  mutable std::mutex backfill_;        // one page at a time in this process
  mutable std::string backfilled_to_;  // guarded by backfill_
};

}  // namespace nexus::retrieval
