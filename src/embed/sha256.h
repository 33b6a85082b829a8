// SHA-256 of bytes and files, for model verification and the fake embedding.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace nexus::embed {

using Sha256 = std::array<std::byte, 32>;

[[nodiscard]] Sha256 sha256(std::span<const std::byte> bytes);

// Streams the file; throws std::runtime_error when it cannot be read.
[[nodiscard]] Sha256 sha256_file(const std::filesystem::path& path);

[[nodiscard]] std::string to_hex(const Sha256& hash);

}  // namespace nexus::embed
