#pragma once

#include <string_view>

namespace nexus::cli {

/// "0.1.0", as CMakeLists.txt says.
[[nodiscard]] std::string_view version();

}  // namespace nexus::cli
