#include "config/parse_value.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace nexus::config {
namespace {

using Parsed = std::variant<Value, std::string>;

constexpr std::size_t kMaxText = std::size_t{64} * 1024;

bool is_one_of(std::string_view text, std::string_view list) {
  while (!list.empty()) {
    const std::size_t bar = list.find('|');
    if (ascii_iequals(text, list.substr(0, bar))) return true;
    list = bar == std::string_view::npos ? std::string_view{} : list.substr(bar + 1);
  }
  return false;
}

std::string spoken(std::string_view choices) {
  std::string out;
  for (const char c : choices) out += c == '|' ? std::string(", ") : std::string(1, c);
  return out;
}

Parsed parse_bool(std::string_view text) {
  if (is_one_of(text, "1|true|t|yes|y|on")) return Value(true);
  if (is_one_of(text, "0|false|f|no|n|off")) return Value(false);
  return std::string("must be true or false");
}

template <class Number>
bool parse_whole(std::string_view text, Number& out) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

Parsed parse_int(const Row& row, std::string_view text) {
  std::int64_t number = 0;
  if (!parse_whole(text, number)) return std::string("must be a whole number");
  if (number < row.min || number > row.max) return fmt::format("must be between {} and {}", row.min, row.max);
  return Value(number);
}

Parsed parse_real(const Row& row, std::string_view text) {
  double number = 0;
  if (!parse_whole(text, number) || !std::isfinite(number)) return std::string("must be a number");
  if (number < row.real_min || number > row.real_max)
    return fmt::format("must be between {} and {}", row.real_min, row.real_max);
  return Value(number);
}

Parsed parse_text(const Row& row, std::string_view text) {
  if (row.choices.empty()) return Value(std::string(text));
  const std::string_view choice = ascii_trim(text);
  if (!is_one_of(choice, row.choices)) return "must be one of " + spoken(row.choices);
  return Value(ascii_lower(choice));
}

}  // namespace

Parsed parse_value(const Row& row, std::string_view text) {
  if (text.size() > kMaxText) return std::string("is longer than 64 KiB");
  if (text.find('\0') != std::string_view::npos) return std::string("must not contain a null character");
  const std::string_view trimmed = ascii_trim(text);
  if (row.type == Type::kSecret) return Value(Secret(std::string(trimmed)));
  if (row.optional && trimmed.empty()) return Value();
  switch (row.type) {
    case Type::kBool:
      return parse_bool(trimmed);
    case Type::kInt:
      return parse_int(row, trimmed);
    case Type::kReal:
      return parse_real(row, trimmed);
    case Type::kText:
    case Type::kSecret:
      break;
  }
  return parse_text(row, text);
}

Value default_value(const Row& row) {
  if (row.type == Type::kSecret) return Secret();
  if (const auto* text = std::get_if<std::string_view>(&row.fallback)) return std::string(*text);
  if (const auto* flag = std::get_if<bool>(&row.fallback)) return *flag;
  if (const auto* whole = std::get_if<std::int64_t>(&row.fallback)) return *whole;
  if (const auto* real = std::get_if<double>(&row.fallback)) return *real;
  return {};
}

}  // namespace nexus::config
