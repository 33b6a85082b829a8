#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// The little of UTF-8 (RFC 3629) that reading foreign text needs.
namespace nexus::json {

/// Length of the well-formed sequence at `at`, or 0. `at` must be inside.
[[nodiscard]] std::size_t utf8_sequence(std::string_view text, std::size_t at);
[[nodiscard]] bool is_utf8(std::string_view text);
/// Bytes that belong to no sequence become U+FFFD, as Python decodes a query string.
[[nodiscard]] std::string utf8_or_replaced(std::string_view text);

}  // namespace nexus::json
