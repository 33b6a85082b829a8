#pragma once

#include "db/database.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::db {

/// How caches of several processes stay right (table cache_versions). A change bumps the scope "<prefix><key>" in its
/// own transaction; every process asks now and then what was bumped since it last asked, and forgets that. A cache of
/// this process is told by Tx::after_commit. One prefix for each cache: "plan:". Stateless.
class CacheVersions {
 public:
  /// `prefix` outlives the object: a literal.
  explicit CacheVersions(std::string_view prefix) : prefix_(prefix) {}

  void bump(Tx& tx, std::string_view key) const;

  struct Changes {
    std::int64_t version = 0;       ///< highest there is; `since` of the next question
    std::vector<std::string> keys;  ///< bumped after `since`
  };
  [[nodiscard]] Changes changes(Snapshot& db, std::int64_t since) const;

 private:
  std::string_view prefix_;
};

[[nodiscard]] StatementList cache_versions_statements();

}  // namespace nexus::db
