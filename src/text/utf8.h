// UTF-8 without surprises: validation, code points, offsets and Unicode white space.
//
// "Code point" is the unit in which the product counts lengths and offsets. All functions are pure and never read
// outside the view. On malformed input they follow the Unicode recommendation (section 3.9, "maximal subparts"):
// each maximal ill-formed prefix counts as one U+FFFD.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::text {

inline constexpr char32_t kReplacement = 0xFFFD;

struct CodePoint {
  char32_t value = kReplacement;
  std::uint8_t size = 1;  // bytes consumed, 1..4
  bool valid = false;
};

// The code point that starts at byte `at`; precondition: at < bytes.size().
[[nodiscard]] CodePoint decode(std::string_view bytes, std::size_t at) noexcept;

[[nodiscard]] bool is_valid_utf8(std::string_view bytes) noexcept;

// Number of code points (ill-formed parts count as in the header comment).
[[nodiscard]] std::size_t count_code_points(std::string_view bytes) noexcept;

// Byte offset of code point number `index`; bytes.size() when the text is shorter.
[[nodiscard]] std::size_t byte_offset(std::string_view bytes, std::size_t index) noexcept;

// Appends the encoding of `value`; surrogates and values above U+10FFFF become U+FFFD.
void append_utf8(std::string& out, char32_t value);

// White space in the sense of Python's str.isspace(): White_Space plus U+001C..U+001F.
[[nodiscard]] bool is_space(char32_t value) noexcept;

// The view without leading and trailing white space; bytes that are not UTF-8 are kept.
[[nodiscard]] std::string_view trim(std::string_view bytes) noexcept;

// Every ill-formed part becomes U+FFFD, everything else is kept byte for byte.
[[nodiscard]] std::string replace_invalid(std::string_view bytes);

// Ill-formed parts are left out (what the contract does with undecodable uploads).
[[nodiscard]] std::string drop_invalid(std::string_view bytes);

// Universal newlines: "\r\n" and a lone "\r" become "\n".
[[nodiscard]] std::string normalize_newlines(std::string_view bytes);

}  // namespace nexus::text
