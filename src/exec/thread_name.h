#pragma once

#include <string_view>

namespace nexus::exec {

/// Names the calling thread for profilers and `top -H`; the system keeps the first 15 bytes.
void name_thread(std::string_view name);

}  // namespace nexus::exec
