#pragma once

#include "db/statement.h"

#include <string_view>
#include <vector>

namespace nexus::app {

/// Every SQL text that all engines share; a test prepares them on each.
[[nodiscard]] std::vector<const db::Statement*> all_statements();
/// Those and the texts that only `engine` (Database::engine()) can read.
[[nodiscard]] std::vector<const db::Statement*> all_statements(std::string_view engine);

}  // namespace nexus::app
