#pragma once

#include <cstddef>
#include <string>

namespace nexus::cloud {

/// The bytes of a regular file. Throws CredentialsError that names the path: not there, no right to read it, no regular
/// file, longer than `max_bytes`.
[[nodiscard]] std::string read_small_file(const std::string& path, std::size_t max_bytes);

}  // namespace nexus::cloud
