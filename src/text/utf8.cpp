#include "text/utf8.h"

#include <cstring>

namespace nexus::text {
namespace {

[[nodiscard]] constexpr bool is_continuation(unsigned char byte) noexcept {
  return (byte & 0xC0U) == 0x80U;
}

// Bytes of the run of ASCII that starts at `at`, found eight at a time.
[[nodiscard]] std::size_t ascii_run(std::string_view bytes, std::size_t at) noexcept {
  const std::size_t begin = at;
  while (at + 8 <= bytes.size()) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
    at += 8;
  }
  while (at < bytes.size() && static_cast<unsigned char>(bytes[at]) < 0x80) ++at;
  return at - begin;
}

template <class OnInvalid>
[[nodiscard]] std::string rewrite_invalid(std::string_view bytes, OnInvalid on_invalid) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t plain = ascii_run(bytes, at);
    out.append(bytes.substr(at, plain));
    at += plain;
    if (at == bytes.size()) break;
    const CodePoint cp = decode(bytes, at);
    if (cp.valid) {
      out.append(bytes.substr(at, cp.size));
    } else {
      on_invalid(out);
    }
    at += cp.size;
  }
  return out;
}

}  // namespace

CodePoint decode(std::string_view bytes, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  // Table 3-7 of the Unicode standard: only the second byte's range depends on the first.
  std::uint8_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  char32_t value = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    value = first & 0x1FU;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    value = first & 0x0FU;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    value = first & 0x07U;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {};
  }
  for (std::uint8_t i = 1; i < length; ++i) {
    if (at + i >= bytes.size() || byte(at + i) < low || byte(at + i) > high) return {kReplacement, i, false};
    value = (value << 6U) | (byte(at + i) & 0x3FU);
    low = 0x80;
    high = 0xBF;
  }
  return {value, length, true};
}

bool is_valid_utf8(std::string_view bytes) noexcept {
  for (std::size_t at = ascii_run(bytes, 0); at < bytes.size(); at += ascii_run(bytes, at)) {
    const CodePoint cp = decode(bytes, at);
    if (!cp.valid) return false;
    at += cp.size;
  }
  return true;
}

std::size_t count_code_points(std::string_view bytes) noexcept {
  std::size_t count = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t plain = ascii_run(bytes, at);
    count += plain;
    at += plain;
    if (at == bytes.size()) break;
    at += decode(bytes, at).size;
    ++count;
  }
  return count;
}

std::size_t byte_offset(std::string_view bytes, std::size_t index) noexcept {
  std::size_t at = 0;
  for (; index > 0 && at < bytes.size(); --index) at += decode(bytes, at).size;
  return at;
}

void append_utf8(std::string& out, char32_t value) {
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) value = kReplacement;
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0U | (value >> 6U));
    put(0x80U | (value & 0x3FU));
  } else if (value < 0x10000) {
    put(0xE0U | (value >> 12U));
    put(0x80U | ((value >> 6U) & 0x3FU));
    put(0x80U | (value & 0x3FU));
  } else {
    put(0xF0U | (value >> 18U));
    put(0x80U | ((value >> 12U) & 0x3FU));
    put(0x80U | ((value >> 6U) & 0x3FU));
    put(0x80U | (value & 0x3FU));
  }
}

bool is_space(char32_t value) noexcept {
  if (value < 0x80) return value == 0x20 || (value >= 0x09 && value <= 0x0D) || (value >= 0x1C && value <= 0x1F);
  switch (value) {
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
      return true;
    default:
      return value >= 0x2000 && value <= 0x200A;
  }
}

std::string_view trim(std::string_view bytes) noexcept {
  std::size_t begin = 0;
  while (begin < bytes.size()) {
    const CodePoint cp = decode(bytes, begin);
    if (!cp.valid || !is_space(cp.value)) break;
    begin += cp.size;
  }
  std::size_t end = bytes.size();
  while (end > begin) {
    std::size_t last = end - 1;
    while (last > begin && end - last < 4 && is_continuation(static_cast<unsigned char>(bytes[last]))) --last;
    const CodePoint cp = decode(bytes, last);
    if (!cp.valid || last + cp.size != end || !is_space(cp.value)) break;
    end = last;
  }
  return bytes.substr(begin, end - begin);
}

std::string replace_invalid(std::string_view bytes) {
  return rewrite_invalid(bytes, [](std::string& out) { append_utf8(out, kReplacement); });
}

std::string drop_invalid(std::string_view bytes) {
  return rewrite_invalid(bytes, [](std::string&) {});
}

std::string normalize_newlines(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t cr = std::min(bytes.find('\r', at), bytes.size());
    out.append(bytes.substr(at, cr - at));
    if (cr == bytes.size()) break;
    out.push_back('\n');
    at = cr + (cr + 1 < bytes.size() && bytes[cr + 1] == '\n' ? 2 : 1);
  }
  return out;
}

}  // namespace nexus::text
