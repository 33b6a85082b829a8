#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus {

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Lower-case hexadecimal.
[[nodiscard]] std::string hex_encode(std::span<const std::byte> bytes);
/// Either case; empty when the length is odd or a digit is foreign.
[[nodiscard]] std::optional<std::vector<std::byte>> hex_decode(std::string_view text);

/// RFC 4648 §5 (URL-safe) without padding.
[[nodiscard]] std::string base64url_encode(std::span<const std::byte> bytes);
/// Accepts both alphabets, with or without padding; empty when malformed.
[[nodiscard]] std::optional<std::vector<std::byte>> base64_decode(std::string_view text);

/// Decodes %XX and, when `plus_is_space`, `+`. Malformed escapes stay as they are (as browsers do).
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space);
/// Escapes everything but RFC 3986 unreserved characters.
[[nodiscard]] std::string percent_encode(std::string_view text);

/// ASCII helpers; bytes over 0x7F are left alone.
[[nodiscard]] std::string ascii_lower(std::string_view text);
[[nodiscard]] bool ascii_iequals(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view ascii_trim(std::string_view text);

}  // namespace nexus
