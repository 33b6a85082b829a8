#pragma once

#include "base/time.h"
#include "db/copy/plan.h"
#include "db/database.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {

/// What `nexusrag copy` has to know about the product's tables. Works on whole databases, over all tenants. Stateless.
class CopyRepository {
 public:
  /// `from` and `to` are engines. The search index is left out between different engines, which search differently: the
  /// target makes its own.
  [[nodiscard]] static db::copy::Rules rules(std::string_view from, std::string_view to);

  /// Who has written to the database of late, in words; empty when nobody has: a server notes every minute in which it
  /// runs, a worker says that it lives.
  [[nodiscard]] std::string who_runs(db::Snapshot& snapshot, Timestamp now) const;

  struct Corpus {
    std::string tenant;
    std::string id;
    std::optional<std::string> model;  ///< of its chunks' vectors
    std::int64_t dimension = 0;
  };
  [[nodiscard]] std::vector<Corpus> corpora(db::Snapshot& snapshot) const;

  struct Chunk {
    std::string id;
    std::string document;  ///< empty: of none
    std::string text;
    std::vector<float> vector;  ///< empty: not embedded by the corpus's model
  };
  /// The next chunks of a corpus by id, behind `after` (empty: from the first).
  [[nodiscard]] std::vector<Chunk> chunks(db::Snapshot& snapshot, const Corpus& corpus, std::string_view after,
                                          std::int64_t limit) const;

  [[nodiscard]] static db::StatementList statements();
};

}  // namespace nexus::cli
