#include "json/scalars.h"

#include "base/encoding.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace nexus::schema::detail {
namespace {

/// Beyond this Python refuses to convert, too.
constexpr std::size_t kMostDigits = 4300;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\n\r\v\f";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

template <class N>
bool store_as(long double number, void* out) {
  if (number < static_cast<long double>(std::numeric_limits<N>::min()) ||
      number > static_cast<long double>(std::numeric_limits<N>::max()))
    return false;
  const auto narrow = static_cast<N>(number);
  std::memcpy(out, &narrow, sizeof narrow);
  return true;
}

}  // namespace

std::optional<long double> integer_from_text(std::string_view text) {
  text = stripped(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  const std::size_t point = text.find('.');
  if (point != std::string_view::npos) {
    const std::string_view fraction = text.substr(point + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != std::string_view::npos) return std::nullopt;
    text = text.substr(0, point);
  }
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back()) || text.size() > kMostDigits)
    return std::nullopt;
  long double number = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_') {
      if (text[i - 1] == '_') return std::nullopt;
    } else if (is_digit(text[i])) {
      number = number * 10 + static_cast<long double>(text[i] - '0');
    } else {
      return std::nullopt;
    }
  }
  return negative ? -number : number;
}

std::optional<double> double_from_text(std::string_view text) {
  text = stripped(text);
  std::string clean;
  clean.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      clean.push_back(text[i]);
    } else if (i == 0 || i + 1 == text.size() || !is_digit(text[i - 1]) || !is_digit(text[i + 1])) {
      return std::nullopt;
    }
  }
  const char* first = clean.data();
  const char* last = first + clean.size();
  if (first != last && *first == '+') {
    ++first;
    if (first != last && *first == '-') return std::nullopt;
  }
  if (first == last) return std::nullopt;
  double number = 0;
  const auto [end, error] = std::from_chars(first, last, number);
  if (end != last || error == std::errc::invalid_argument) return std::nullopt;
  if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::infinity();
  return number;
}

std::optional<bool> bool_from_text(std::string_view text) {
  if (text.size() > 5) return std::nullopt;
  const std::string lower = ascii_lower(text);
  for (const std::string_view word : {"true", "1", "t", "yes", "y", "on"})
    if (lower == word) return true;
  for (const std::string_view word : {"false", "0", "f", "no", "n", "off"})
    if (lower == word) return false;
  return std::nullopt;
}

bool store_integer(long double number, std::uint8_t bytes, bool is_signed, void* out) {
  switch (bytes) {
    case 1:
      return is_signed ? store_as<std::int8_t>(number, out) : store_as<std::uint8_t>(number, out);
    case 2:
      return is_signed ? store_as<std::int16_t>(number, out) : store_as<std::uint16_t>(number, out);
    case 4:
      return is_signed ? store_as<std::int32_t>(number, out) : store_as<std::uint32_t>(number, out);
    default:
      return is_signed ? store_as<std::int64_t>(number, out) : store_as<std::uint64_t>(number, out);
  }
}

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

std::string plain_number(double number) {
  std::array<char, 400> text{};
  const auto made = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  return {text.data(), made.ptr};
}

std::string alternatives(const std::vector<std::string>& options) {
  std::string text;
  for (std::size_t i = 0; i < options.size(); ++i) {
    if (i > 0) text.append(i + 1 == options.size() ? " or " : ", ");
    text.append(1, '\'').append(options[i]).append(1, '\'');
  }
  return text;
}

}  // namespace nexus::schema::detail
