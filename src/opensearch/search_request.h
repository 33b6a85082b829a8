#pragma once

#include "opensearch/dialect.h"
#include "search/chunk_id.h"
#include "search/ranking.h"

#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::opensearch {

/// The distinct terms of a question, alphabetically, so that sums do not depend on the order of words.
struct QuestionTerm {
  std::string text;
  std::uint32_t repetitions = 1;
};
/// Analysed as a query; at most `most` distinct terms, those that come first in the text.
[[nodiscard]] std::vector<QuestionTerm> question_terms(std::string_view text, std::size_t most);

/// What one _msearch asks. Borrowed.
struct SearchRequest {
  std::string_view index;
  std::string_view tenant;              ///< the routing: one shard holds all of a tenant's chunks
  std::string_view corpus_clauses;      ///< JSON array: for the statistics
  std::string_view readable_clauses;    ///< JSON array: for the hits
  std::span<const QuestionTerm> terms;  ///< empty: no lexical side
  std::string_view vector_field;        ///< empty: no dense side
  std::span<const float> vector;
  std::size_t candidates = 0;  ///< of each side
  std::int64_t timeout_ms = 0;
};

/// The NDJSON body: [totals, holders of each term, lexical candidates] if there are terms, [dense candidates] if there
/// is a vector. The totals do not depend on the question, so the server answers them from its request cache.
[[nodiscard]] std::string msearch_body(const SearchRequest& request, const Dialect& dialect);

/// One chunk that a side found.
struct Candidate {
  search::ChunkId id;
  std::string tenant;
  std::string corpus;
  std::string document;
  std::string terms;
  std::uint32_t length = 0;
  std::string model;
  std::string packed;
};

/// Corpus-wide, readable or not: what BM25 needs to know.
struct TermStatistics {
  search::CorpusStatistics corpus;
  std::vector<std::uint64_t> holders;  ///< chunks that hold each term of the request
};

struct SearchAnswer {
  TermStatistics statistics;
  std::vector<Candidate> lexical;  ///< best first, by the server's own reckoning
  std::vector<Candidate> dense;
};

/// Throws Error as complete_searches() does, and kBadAnswer.
[[nodiscard]] SearchAnswer read_msearch(std::string_view body, const SearchRequest& request);

}  // namespace nexus::opensearch
