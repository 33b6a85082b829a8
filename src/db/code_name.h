#pragma once

#include "db/database.h"

#include <string_view>

namespace nexus::db {

/// The label of nexusrag_db_errors_total: "unavailable", "busy", "constraint", "full", "corrupt", "other".
[[nodiscard]] std::string_view code_name(ErrorCode code) noexcept;

}  // namespace nexus::db
