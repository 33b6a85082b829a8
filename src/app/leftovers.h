#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>

namespace nexus::app {

/// Removes pieces of uploads (`*.part`) that nothing has written to for `age`: a killed process left them. Returns how
/// many. Files of other names are not ours. Throws nothing; what cannot be removed stays for the next start.
std::size_t remove_stale_parts(const std::filesystem::path& spool, std::chrono::seconds age) noexcept;

}  // namespace nexus::app
