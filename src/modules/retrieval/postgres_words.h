#pragma once

#include "modules/retrieval/postgres_index_repository.h"
#include "modules/retrieval/postgres_text.h"
#include "search/chunk_id.h"
#include "search/query.h"
#include "search/ranking.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::retrieval::postgres {

struct WordHit {
  search::ChunkId chunk;
  std::string document_id;
  float score = 0;  ///< BM25
};

/// The words of one question in one corpus.
class Words {
 public:
  /// Analyses the question. Nothing matches until weigh().
  explicit Words(std::string_view question);

  /// Distinct, in alphabetical order.
  [[nodiscard]] const std::vector<std::string>& terms() const noexcept { return terms_; }
  /// `corpus.holders` are those of terms().
  void weigh(const CorpusRow& corpus);
  /// Whether any chunk of the corpus can match.
  [[nodiscard]] bool any() const noexcept { return !by_weight_.empty(); }
  /// BM25 of a chunk with those PackedTerms; to the bit what the in-memory index says.
  [[nodiscard]] float score(std::string_view frequencies, std::uint32_t length) const;

  struct Limits {
    std::int64_t first_rows = 300;  ///< chunks that the first statement reads, more when `count` is large
    std::int64_t most_rows = 0;     ///< chunks that all statements may read together
    std::optional<search::SearchDeadline> deadline = {};  ///< looked at between statements; throws SearchTimeout
  };
  /// The best readable chunks, best first, ties by id. Reads the holders of the weightiest words, then of the others
  /// only those that could still reach the best `count`: a word adds less than its weight to a chunk's score. Exact
  /// while `most_rows` suffices or the corpus has no more chunks.
  [[nodiscard]] std::vector<WordHit> best(db::Snapshot& db, const PostgresIndexRepository& rows,
                                          const ReadableFilter& readable, std::size_t count,
                                          const Limits& limits) const;

 private:
  /// A tsquery for chunks that hold none of the first `seen` words of by_weight_, one of those up to `end`, and words
  /// that together weigh at least `least`. It lets some others through, for the sake of its size. Empty: there are
  /// none.
  [[nodiscard]] std::string tsquery(std::size_t seen, std::size_t end, float least) const;
  [[nodiscard]] std::string alternatives(std::size_t from, std::size_t end, float least, int depth) const;
  /// What a chunk with all words from this one on could score.
  [[nodiscard]] float rest(std::size_t from) const;
  /// Up to which word the next statement reads: one at least, more while no more than `step` chunks hold them; none
  /// that would make it more than `left`.
  [[nodiscard]] std::size_t next_end(std::size_t seen, std::int64_t step, std::int64_t left) const;

  std::vector<std::string> terms_;
  std::vector<std::uint32_t> repetitions_;
  std::vector<float> weights_;          // of terms_
  std::vector<std::size_t> by_weight_;  // indexes of the terms that some chunk holds, weightiest first
  std::vector<std::uint64_t> holders_;  // of terms_
  std::vector<std::string> tsqueries_;  // of terms_, each one lexeme
  std::optional<search::Bm25> bm25_;
  std::int64_t number_ = 0;
  std::int64_t chunks_ = 0;
};

}  // namespace nexus::retrieval::postgres
