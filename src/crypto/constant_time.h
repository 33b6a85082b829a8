#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace nexus::crypto {

/// Whether both hold the same bytes, in a time that depends on their lengths only.
[[nodiscard]] bool constant_time_equal(std::span<const std::byte> a, std::span<const std::byte> b);
[[nodiscard]] bool constant_time_equal(std::string_view a, std::string_view b);

}  // namespace nexus::crypto
