#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "search/chunk_id.h"
#include "search/ranking.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// SQL for PostgreSQL with pgvector only; see migrations/postgres/0009_search.sql.
namespace nexus::retrieval::postgres {

struct CorpusRow {
  std::int64_t number = 0;
  search::CorpusStatistics statistics;
  std::vector<std::uint64_t> holders;  ///< how many chunks hold each term that was asked for, in that order
};

/// A chunk's terms as they are stored.
struct TermsRow {
  std::string chunk_id;
  std::string document_id;  ///< "": of none
  std::int64_t length = 0;
  std::string terms;        ///< tsvector_text
  std::string frequencies;  ///< pack_terms
};

/// search::ReadableDocuments as parameters. Lists are arrays' texts.
struct ReadableFilter {
  int kind = 0;             ///< 0: everything, 1: only these, 2: all but these
  std::string ids = "{}";   ///< "" in it stands for the chunks of no document
  std::int64_t listed = 0;  ///< documents in `ids`, without ""
  std::string some = "{}";  ///< a few of those, from all over the list, to guess the number of chunks by
  std::int64_t some_count = 0;
};

/// A chunk that holds words of the question. Views, until the visitor returns.
struct Holder {
  search::ChunkId chunk;
  std::string_view document_id;
  std::uint32_t length = 0;
  std::string_view frequencies;  ///< PackedTerms
};

/// About how many chunks there are, for choosing a plan.
struct Reach {
  std::int64_t corpus = 0;  ///< chunks of the corpus
  std::int64_t some = 0;    ///< of ReadableFilter::some
  std::int64_t bare = 0;    ///< of no document, when the filter lists those
  std::int64_t table = 0;   ///< of all tenants
};

struct DenseQuery {
  std::string_view model_id;
  std::span<const float> vector;
  std::int64_t count = 0;
};

struct Near {
  search::ChunkId chunk;
  std::string document_id;
  double cosine = 0;
};

/// A candidate with what its scores are made of.
struct Parts {
  search::ChunkId chunk;
  std::string document_id;
  std::uint32_t length = 0;
  std::string frequencies;       ///< PackedTerms; empty: no terms stored
  std::optional<double> cosine;  ///< empty: no vector of that model
};

struct UnindexedChunk {
  std::string id;
  std::string tenant_id;
  std::string corpus_id;
  std::string document_id;
  std::string text;
};

/// Stateless.
class PostgresIndexRepository {
 public:
  // --- changes
  /// The corpus's number; gives it one when it has none.
  std::int64_t require_corpus(db::Tx& tx, std::string_view tenant, std::string_view corpus) const;
  /// Chunks that have terms already keep them.
  std::int64_t insert_terms(db::Tx& tx, std::string_view tenant, std::int64_t corpus,
                            std::span<const TermsRow> rows) const;
  void delete_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, std::string_view document) const;
  void delete_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const;

  // --- searching
  /// How this transaction's statements are planned, and their time limit when there is one.
  void begin_search(db::Snapshot& db, std::optional<std::int64_t> milliseconds) const;
  std::optional<CorpusRow> statistics(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                      std::span<const std::string> terms) const;
  /// Shows the readable chunks of the corpus that match the tsquery, in no order, at most `most`; returns how many.
  std::int64_t each_holder(db::Snapshot& db, std::int64_t corpus, const ReadableFilter& readable,
                           std::string_view tsquery, std::int64_t most,
                           const std::function<void(const Holder&)>& visit) const;
  /// Counts no further than `most`.
  Reach reach(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus, const ReadableFilter& readable,
              std::int64_t most) const;
  /// Nearest first, ties by id: compares every readable chunk.
  std::vector<Near> nearest_exact(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                  const ReadableFilter& readable, const DenseQuery& query) const;
  struct GraphOptions {
    std::int64_t ef_search = 200;
    std::int64_t most_tuples = 20'000;  ///< visited before the graph gives up
  };
  /// The same through the vector index: approximately.
  std::vector<Near> nearest_by_graph(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                     const ReadableFilter& readable, const DenseQuery& query,
                                     const GraphOptions& options) const;
  /// The chunks that there are. `query` may be null: without the cosines.
  std::vector<Parts> parts(db::Snapshot& db, const TenantScope& tenant, std::span<const search::ChunkId> chunks,
                           const DenseQuery* query) const;
  /// Whether every chunk of the corpus carries vectors of that model.
  bool all_embedded_by(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                       std::string_view model_id) const;

  // --- maintenance, over all tenants
  /// Corpora with deltas that wait.
  std::vector<std::int64_t> corpora_with_deltas(db::Snapshot& db, std::int64_t most) const;
  /// Sums up to `most` deltas; returns how many, 0 also when somebody else is at it.
  std::int64_t sum_deltas(db::Tx& tx, std::int64_t corpus, std::int64_t most) const;
  /// The next chunks by id that have no terms yet, locked against deletion; those that others work on are passed over.
  std::vector<UnindexedChunk> unindexed(db::Tx& tx, std::string_view after_id, std::int64_t most) const;
  bool has_vector_index(db::Snapshot& db) const;
  void build_vector_index(db::Tx& tx, std::string_view memory) const;
};

[[nodiscard]] db::StatementList postgres_index_statements();

}  // namespace nexus::retrieval::postgres
