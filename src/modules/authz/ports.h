#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "search/readable.h"

#include <memory>
#include <string_view>

namespace nexus::authz {

/// Decides which documents of a corpus a caller may read. Only an implementation of it can make a
/// search::ReadableDocuments, so that no search runs unfiltered by accident.
class DocumentAccess {
 public:
  virtual ~DocumentAccess() = default;
  /// For the loaded index that `space` numbers. Runs inside the caller's snapshot.
  [[nodiscard]] virtual search::ReadableDocuments readable(
      db::Snapshot& db, const TenantScope& tenant, const Principal& principal, std::string_view corpus_id,
      std::shared_ptr<const search::DocumentSpace> space) const = 0;
};

}  // namespace nexus::authz
