#pragma once

#include "db/statement.h"

#include <vector>

namespace nexus::app {

/// Every SQL text of the product; a test prepares them all on every engine.
[[nodiscard]] std::vector<const db::Statement*> all_statements();

}  // namespace nexus::app
