#pragma once

#include "opensearch/cluster.h"
#include "opensearch/outbox_repository.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::opensearch {

/// How many chunks a document has on one side, and the sum of their checksums.
struct Tally {
  std::int64_t chunks = 0;
  std::int64_t checksum = 0;
  friend bool operator==(const Tally&, const Tally&) = default;
};

/// What the index holds, asked through aggregations: no chunk is sent. Refreshed state; see refresh(). Throws Error.
class IndexFigures {
 public:
  IndexFigures(Cluster& cluster, std::int64_t timeout_ms) : cluster_(cluster), timeout_ms_(timeout_ms) {}

  /// The documents of this list that the index has.
  [[nodiscard]] std::map<std::string, Tally> tallies(const CorpusKey& corpus, std::span<const std::string> documents);
  /// A page of the documents that the index has in this corpus, in its own order, after `after` (absent: from the
  /// start); empty at the end.
  [[nodiscard]] std::vector<std::string> documents(const CorpusKey& corpus, const std::optional<std::string>& after,
                                                   std::size_t most);
  /// Every corpus of which the index has a chunk.
  [[nodiscard]] std::vector<CorpusKey> corpora();
  /// The largest outbox number in the corpus; 0: none.
  [[nodiscard]] std::int64_t largest_seq(const CorpusKey& corpus);

 private:
  [[nodiscard]] std::string search(std::string body);

  Cluster& cluster_;
  std::int64_t timeout_ms_;
};

}  // namespace nexus::opensearch
