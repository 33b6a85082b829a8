#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "opensearch/cluster.h"
#include "opensearch/options.h"
#include "opensearch/search_request.h"
#include "search/query.h"
#include "search/readable.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Counter;
class Metrics;
}  // namespace nexus::observe

namespace nexus::opensearch {

/// A search of one corpus. Borrowed.
struct Question {
  std::string_view text;
  std::span<const float> vector;  ///< empty: no dense side
  std::string_view model_id;      ///< of `vector`; chunks of another model have no dense side
  std::size_t k = 5;
  search::Mode mode = search::Mode::kHybrid;
  float alpha = 0.5F;
  const search::ReadableDocuments& readable;
  std::span<const std::string> attributes =
      {};  ///< of the reader, for filters too wide for ids; see readable_clauses()
  std::optional<search::SearchDeadline> deadline = {};
};

/// The searching side: one _msearch with both filtered lists and the corpus's statistics, ranked again here. Thread-
/// safe; blocks on the network: never on a db lane.
///
/// The index follows the rows with a delay, so the rows have the last word: `in_rows` is asked which of the best chunks
/// still exist, and the others are left out, with their influence on everybody's score. A replaced document is
/// therefore never seen twice, nor in a version that was replaced.
class OpenSearchIndex {
 public:
  /// Which of these chunks the caller's rows have, in the order asked.
  using InRows = std::function<std::vector<bool>(std::span<const search::ChunkId>)>;

  OpenSearchIndex(Cluster& cluster, SearchOptions options, observe::Metrics& metrics);

  /// The best chunks, best first, ties by chunk id; at most k. Throws search::SearchTimeout, opensearch::Error (also
  /// when a part of the index did not answer: fewer hits than there are would look like an answer), and
  /// std::invalid_argument when k or alpha is out of range.
  [[nodiscard]] std::vector<search::Hit> search(const TenantScope& tenant, std::string_view corpus,
                                                const Question& question, const InRows& in_rows);

 private:
  [[nodiscard]] std::optional<SearchAnswer> ask(const TenantScope& tenant, std::string_view corpus,
                                                const Question& question, std::span<const QuestionTerm> terms);
  void drop_strangers(std::vector<Candidate>& hits, const TenantScope& tenant, std::string_view corpus,
                      const Question& question);

  Cluster& cluster_;
  const SearchOptions options_;
  observe::Counter& foreign_;
  observe::Counter& unreadable_;
  observe::Counter& gone_;
};

}  // namespace nexus::opensearch
