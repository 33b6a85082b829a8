#pragma once

#include "db/database.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::documents {

/// Which objects documents name. Maintenance: over all tenants, since objects do not say whose they are. Stateless.
class ObjectsRepository {
 public:
  /// Keys in use that begin with `folder` and a slash, in order.
  [[nodiscard]] std::vector<std::string> in_folder(db::Snapshot& db, std::string_view folder) const;
  /// Some keys in use, at most `at_most`.
  [[nodiscard]] std::vector<std::string> some(db::Snapshot& db, std::int64_t at_most) const;
};

[[nodiscard]] db::StatementList objects_statements();

}  // namespace nexus::documents
