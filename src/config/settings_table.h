#pragma once

#include "config/setting.h"
#include "config/settings_access.h"
#include "config/settings_answers.h"
#include "config/settings_continuity.h"
#include "config/settings_core.h"
#include "config/settings_operations.h"

#include <cstddef>
#include <span>
#include <string_view>

namespace nexus::config {

/// Every setting of the product, in the order of the documentation.
[[nodiscard]] std::span<const Row* const> settings_table();

/// The row of that name (ASCII case-insensitive); null when there is none.
[[nodiscard]] const Row* find_row(std::string_view name);

/// Position of a row in settings_table(), in constant time. Throws std::logic_error for a row that is not listed.
[[nodiscard]] std::size_t ordinal(const Row& row);

}  // namespace nexus::config
