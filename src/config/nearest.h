#pragma once

#include <cstddef>
#include <string_view>

namespace nexus::config {

/// Least number of inserted, removed, replaced or swapped neighbouring characters (optimal string alignment).
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known setting whose name is closest to `name`, compared without case; empty when none is close.
[[nodiscard]] std::string_view nearest_setting(std::string_view name);

}  // namespace nexus::config
