#pragma once

#include <vector>

#include "db/statement.h"

namespace nexus::app {

/// Every SQL text of the product; a test prepares them all on every engine.
[[nodiscard]] std::vector<const db::Statement*> all_statements();

}  // namespace nexus::app
