#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/retrieval/retrieval_types.h"

#include <optional>
#include <string_view>

namespace nexus::retrieval {

/// Reads the chunks that a search found. Stateless.
class PassagesRepository {
 public:
  /// Without scores; empty when the chunk is not in this snapshot.
  [[nodiscard]] std::optional<Passage> find(db::Snapshot& db, const TenantScope& tenant,
                                            std::string_view chunk_id) const;
};

[[nodiscard]] db::StatementList passages_statements();

}  // namespace nexus::retrieval
