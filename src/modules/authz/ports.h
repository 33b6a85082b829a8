#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "search/readable.h"

#include <string_view>

namespace nexus::authz {

/// Decides which documents of a corpus a caller may read. Only an implementation of it can make a
/// search::ReadableDocuments, so that no search runs unfiltered by accident.
class DocumentAccess {
 public:
  virtual ~DocumentAccess() = default;
  /// Runs inside the caller's snapshot. An implementation that keeps answers returns copies of the same object: engines
  /// recognise it by the address of its ids.
  [[nodiscard]] virtual search::ReadableDocuments readable(db::Snapshot& db, const TenantScope& tenant,
                                                           const Principal& principal,
                                                           std::string_view corpus_id) const = 0;
};

}  // namespace nexus::authz
