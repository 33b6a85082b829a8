#pragma once

#include "opensearch/search_request.h"
#include "search/ranking.h"

#include <span>
#include <string_view>
#include <vector>

namespace nexus::opensearch {

/// The question, as far as scores depend on it. Borrowed.
struct Asked {
  std::span<const QuestionTerm> terms;
  std::span<const float> vector;
  std::string_view model_id;
};

struct Scored {
  std::vector<search::ScoredChunk> chunks;
  bool has_dense = false;  ///< some chunk carries a vector of the question's model
};

/// Both scores of every chunk that either side found, each once, by the formulas of search/ranking.h: BM25 from the
/// corpus's own statistics and exact lengths, the cosine from the packed vector. What the server scored by only chose
/// the candidates: its statistics are those of a whole shard and so of other tenants, and its lengths are rounded to
/// a byte.
[[nodiscard]] Scored score(const SearchAnswer& found, const Asked& asked);

}  // namespace nexus::opensearch
