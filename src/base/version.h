#pragma once

#include <string_view>

namespace nexus {

/// "0.1.0", as CMakeLists.txt says.
[[nodiscard]] std::string_view version();

}  // namespace nexus
