#include "db/cache_versions.h"

#include <algorithm>

namespace nexus::db {
namespace {

// One counter for all scopes: its row is the first that every bump locks, so versions commit in their order.
constexpr Statement kNextVersion{"cache_versions.next", R"(
  INSERT INTO cache_versions (scope, version) VALUES ('#', 1)
  ON CONFLICT (scope) DO UPDATE SET version = cache_versions.version + 1 RETURNING version)"};

constexpr Statement kSetVersion{"cache_versions.set", R"(
  INSERT INTO cache_versions (scope, version) VALUES ($1, $2)
  ON CONFLICT (scope) DO UPDATE SET version = excluded.version)"};

constexpr Statement kChanges{"cache_versions.changes", R"(
  SELECT scope, version FROM cache_versions WHERE version > $1)"};

constexpr const Statement* kStatements[] = {&kNextVersion, &kSetVersion, &kChanges};

}  // namespace

void CacheVersions::bump(Tx& tx, std::string_view key) const {
  std::int64_t version = 0;
  {
    auto next = tx.query(kNextVersion);
    if (!next.next()) throw Error(ErrorCode::kOther, "no cache version");
    version = next.i64(0);
  }
  tx.exec(kSetVersion, std::string(prefix_).append(key), version);
}

CacheVersions::Changes CacheVersions::changes(Snapshot& db, std::int64_t since) const {
  Changes found{.version = since, .keys = {}};
  auto rows = db.query(kChanges, since);
  while (rows.next()) {
    found.version = std::max(found.version, rows.i64(1));
    const std::string_view scope = rows.text(0);
    if (scope.starts_with(prefix_)) found.keys.emplace_back(scope.substr(prefix_.size()));
  }
  return found;
}

StatementList cache_versions_statements() {
  return kStatements;
}

}  // namespace nexus::db
