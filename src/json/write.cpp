#include "json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::json {
namespace {

namespace bj = boost::json;

constexpr std::string_view kHexDigits = "0123456789abcdef";

std::string_view view(const bj::string& text) {
  return {text.data(), text.size()};
}

constexpr std::array<bool, 256> needs_escape() {
  std::array<bool, 256> table{};
  for (std::size_t c = 0; c < 0x20; ++c) table[c] = true;
  table['"'] = true;
  table['\\'] = true;
  return table;
}
constexpr std::array<bool, 256> kNeedsEscape = needs_escape();

void append_escaped(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHexDigits[c >> 4]);
      out.push_back(kHexDigits[c & 15]);
  }
}

/// A finite double as sign, shortest round-trip digits d1d2…dn and the power of ten of d1.
struct Decimal {
  bool negative = false;
  std::array<char, 24> digits{};
  int count = 0;
  int exponent = 0;

  explicit Decimal(double number) {
    std::array<char, 40> text{};
    const auto made = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific);
    const char* at = text.data();
    if (*at == '-') {
      negative = true;
      ++at;
    }
    for (; at != made.ptr && *at != 'e'; ++at)
      if (*at != '.') digits[static_cast<std::size_t>(count++)] = *at;
    ++at;
    if (*at == '+') ++at;
    std::from_chars(at, made.ptr, exponent);
  }
  [[nodiscard]] std::string_view text() const { return {digits.data(), static_cast<std::size_t>(count)}; }
};

/// Positional notation: digits with the point where the exponent puts it; no point for whole numbers.
void append_fixed(std::string& out, const Decimal& d) {
  if (d.exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-d.exponent - 1), '0').append(d.text());
  } else if (d.count <= d.exponent + 1) {
    out.append(d.text()).append(static_cast<std::size_t>(d.exponent + 1 - d.count), '0');
  } else {
    const auto whole = static_cast<std::size_t>(d.exponent + 1);
    out.append(d.text().substr(0, whole)).append(1, '.').append(d.text().substr(whole));
  }
}

void append_scientific(std::string& out, const Decimal& d, bool two_digit_exponent) {
  out.append(d.text().substr(0, 1));
  if (d.count > 1) out.append(1, '.').append(d.text().substr(1));
  out.push_back('e');
  out.push_back(d.exponent < 0 ? '-' : '+');
  const int magnitude = std::abs(d.exponent);
  if (two_digit_exponent && magnitude < 10) out.push_back('0');
  append_int(out, magnitude);
}

void append_canonical_number(std::string& out, double number) {
  if (!std::isfinite(number)) throw std::invalid_argument("canonical JSON has no NaN or infinity");
  if (number == 0) {
    out.push_back('0');
    return;
  }
  const Decimal d(number);
  if (d.negative) out.push_back('-');
  if (d.exponent >= -6 && d.exponent < 21) {
    append_fixed(out, d);
  } else {
    append_scientific(out, d, false);
  }
}

/// Order of UTF-16 code units, computed on UTF-8: only code points over U+FFFF (surrogates, 0xD800…) against
/// U+E000…U+FFFF differ from byte order.
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (y == b.end()) return false;
  if (x == a.end()) return true;
  const auto left = static_cast<unsigned char>(*x);
  const auto right = static_cast<unsigned char>(*y);
  const auto beyond_bmp = [](unsigned char lead) { return lead >= 0xF0; };
  const auto above_surrogates = [](unsigned char lead) { return lead == 0xEE || lead == 0xEF; };
  if (beyond_bmp(left) && above_surrogates(right)) return true;
  if (above_surrogates(left) && beyond_bmp(right)) return false;
  return left < right;
}

constexpr std::int64_t kExactInteger = std::int64_t{1} << 53;

void append_canonical(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::double_:
      return append_canonical_number(out, value.get_double());
    case bj::kind::int64:
      if (value.get_int64() >= -kExactInteger && value.get_int64() <= kExactInteger)
        return append_int(out, value.get_int64());
      return append_canonical_number(out, static_cast<double>(value.get_int64()));
    case bj::kind::uint64:
      if (value.get_uint64() <= static_cast<std::uint64_t>(kExactInteger)) return append_uint(out, value.get_uint64());
      return append_canonical_number(out, static_cast<double>(value.get_uint64()));
    case bj::kind::array: {
      char before = '[';
      for (const bj::value& item : value.get_array()) {
        out.push_back(before);
        append_canonical(out, item);
        before = ',';
      }
      if (before == '[') out.push_back('[');
      out.push_back(']');
      return;
    }
    case bj::kind::object: {
      std::vector<const bj::key_value_pair*> members;
      members.reserve(value.get_object().size());
      for (const bj::key_value_pair& member : value.get_object()) members.push_back(&member);
      std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) {
        return utf16_less({a->key().data(), a->key().size()}, {b->key().data(), b->key().size()});
      });
      char before = '{';
      for (const bj::key_value_pair* member : members) {
        out.push_back(before);
        append_string(out, {member->key().data(), member->key().size()});
        out.push_back(':');
        append_canonical(out, member->value());
        before = ',';
      }
      if (before == '{') out.push_back('{');
      out.push_back('}');
      return;
    }
    default:
      append(out, value);
  }
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (!kNeedsEscape[c]) continue;
    out.append(text.substr(begin, i - begin));
    append_escaped(out, c);
    begin = i + 1;
  }
  out.append(text.substr(begin));
  out.push_back('"');
}

void append_int(std::string& out, std::int64_t number) {
  std::array<char, 24> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

void append_uint(std::string& out, std::uint64_t number) {
  std::array<char, 24> text{};
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) return append_null(out);
  const Decimal d(number);
  if (d.negative) out.push_back('-');
  if (d.exponent >= -4 && d.exponent < 16) {
    append_fixed(out, d);
    if (d.exponent >= 0 && d.count <= d.exponent + 1) out.append(".0");
  } else {
    append_scientific(out, d, true);
  }
}

void append(std::string& out, const boost::json::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return append_null(out);
    case bj::kind::bool_:
      return append_bool(out, value.get_bool());
    case bj::kind::int64:
      return append_int(out, value.get_int64());
    case bj::kind::uint64:
      return append_uint(out, value.get_uint64());
    case bj::kind::double_:
      return append_double(out, value.get_double());
    case bj::kind::string:
      return append_string(out, view(value.get_string()));
    case bj::kind::array: {
      Writer writer(out);
      writer.begin_array();
      for (const bj::value& item : value.get_array()) writer.value(item);
      writer.end_array();
      return;
    }
    case bj::kind::object: {
      Writer writer(out);
      writer.begin_object();
      for (const bj::key_value_pair& member : value.get_object())
        writer.key({member.key().data(), member.key().size()}).value(member.value());
      writer.end_object();
      return;
    }
  }
}

std::string write(const boost::json::value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string canonical(const boost::json::value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

}  // namespace nexus::json
