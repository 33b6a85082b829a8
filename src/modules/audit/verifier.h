#pragma once

#include "db/database.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/audit_types.h"
#include "modules/audit/checkpoints.h"

#include <string>
#include <string_view>

namespace nexus::audit {

/// Walks a chain from its first link and compares everything that was written about it: rows with link hashes, links
/// with each other, checkpoints inside and outside the database with both. Streams; memory does not grow with the log.
///
/// What it cannot see: the removal of the newest events together with their links, until a checkpoint names them, and,
/// when checkpoints are not kept outside the database, until somebody remembers a head.
class ChainVerifier {
 public:
  /// Borrows `checkpoints`.
  explicit ChainVerifier(const Checkpoints& checkpoints) : checkpoints_(checkpoints) {}

  /// Reports the first damage in order of seq. Throws db::Error.
  [[nodiscard]] VerifyReport verify(db::Snapshot& db, std::string_view chain) const;

 private:
  class Walk;

  const Checkpoints& checkpoints_;
  AuditRepository repository_;
};

}  // namespace nexus::audit
