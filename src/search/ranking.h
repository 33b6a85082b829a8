// The formulas of ranking, for every index: BM25 over corpus statistics, and the fusion of both sides (ADR 0003). All
// arithmetic is in the order and precision that the in-memory index uses, so that two engines that agree on the
// statistics agree on the scores to the bit.
#pragma once

#include "search/chunk_id.h"
#include "search/query.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::search {

inline constexpr float kK1 = 1.2F;
inline constexpr float kB = 0.75F;
// How many of each side's best go into the fusion.
inline constexpr std::size_t kCandidates = 100;
inline constexpr std::size_t kMaxResults = 1000;

// Over all live chunks of a corpus, readable or not.
struct CorpusStatistics {
  std::uint64_t chunks = 0;
  std::uint64_t length = 0;  // terms that count, of all chunks together
};

// tf × (k1 + 1) × idf / (tf + k1 × (1 − b + b × length / average length)), with what does not depend on the chunk
// worked out once.
class Bm25 {
 public:
  explicit Bm25(const CorpusStatistics& corpus) noexcept;

  // What one occurrence of a term weighs: `holders` chunks have it, the query repeats it.
  [[nodiscard]] float weight(std::uint64_t holders, std::uint32_t repetitions) const noexcept;
  [[nodiscard]] float flat() const noexcept { return kK1 * (1 - kB); }
  [[nodiscard]] float slope() const noexcept { return slope_; }
  // Sum these in the alphabetical order of terms.
  [[nodiscard]] float gain(float weight, std::uint32_t frequency, std::uint32_t length) const noexcept;

 private:
  double chunks_;
  float slope_;
};

struct QueryTerm {
  std::string_view text;
  std::uint32_t repetitions;
};
class TermList;
// The distinct terms of an analysed query in alphabetical order; views of `analyzed`.
void distinct_terms(const TermList& analyzed, std::vector<QueryTerm>& out);

// (1 − α) · bm25 / max bm25 + α · cos / max cos. A side without a match (best 0) adds nothing.
class Fusion {
 public:
  Fusion(float alpha, float best_lexical, float best_dense) noexcept
      : lexical_share_(best_lexical > 0 ? (1 - alpha) / best_lexical : 0.0F),
        dense_share_(best_dense > 0 ? alpha / best_dense : 0.0F) {}

  // 0: no match.
  [[nodiscard]] float score(float lexical, float dense) const noexcept {
    const float score = lexical_share_ * lexical + dense_share_ * dense;
    return score < 1.0F ? score : 1.0F;
  }

 private:
  float lexical_share_;
  float dense_share_;
};

// A candidate with its exact scores on both sides; 0 where it has none.
struct ScoredChunk {
  ChunkId chunk;
  std::string document_id;
  float lexical = 0;
  float dense = 0;
};

// The answer to a query, made of candidates: the best `max(kCandidates, k)` of each side that the mode uses, and
// possibly more. `has_dense` says whether the corpus has vectors that the query can be compared with. At most k hits,
// best first, ties by chunk id.
[[nodiscard]] std::vector<Hit> rank(std::vector<ScoredChunk> candidates, Mode mode, bool has_dense, float alpha,
                                    std::size_t k);

}  // namespace nexus::search
