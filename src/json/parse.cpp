#include "json/json.h"
#include "json/text.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace nexus::json {
namespace {

namespace bj = boost::json;

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

/// Recursive descent over one document; recursion is bounded by Limits::max_depth. Positions of syntax errors are
/// those of CPython's decoder, so that a client sees the offset it has always seen.
class Parser {
 public:
  Parser(std::string_view text, const Limits& limits, bj::storage_ptr storage)
      : text_(text), limits_(limits), storage_(std::move(storage)) {}

  bj::value document() {
    if (text_.size() > limits_.max_bytes) fail(ParseError::Kind::kTooLarge, "Document is too large", 0);
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    skip_space();
    bj::value result = value(0);
    skip_space();
    if (at_ != text_.size()) syntax("Extra data", at_);
    return result;
  }

 private:
  using Kind = ParseError::Kind;

  [[noreturn]] void fail(Kind kind, const std::string& reason, std::size_t offset) const {
    std::size_t position = 0;
    for (std::size_t i = 0; i < offset && i < text_.size(); ++i)
      if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++position;
    throw ParseError(kind, reason, offset, position);
  }
  [[noreturn]] void syntax(const char* reason, std::size_t offset) const {
    // Bytes that are not text at all are a complaint of their own, whatever else is wrong.
    for (std::size_t i = offset; i < text_.size();) {
      const std::size_t length = utf8_sequence(text_, i);
      if (length == 0) fail(Kind::kEncoding, "Text is not valid UTF-8", i);
      i += length;
    }
    fail(Kind::kSyntax, reason, offset);
  }

  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool is_at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
      ++at_;
    }
  }
  bool word(std::string_view expected) {
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }

  bj::value value(std::size_t depth) {
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return bj::value(string_text(), storage_);
      case 't':
        if (word("true")) return bj::value(true, storage_);
        break;
      case 'f':
        if (word("false")) return bj::value(false, storage_);
        break;
      case 'n':
        if (word("null")) return bj::value(nullptr, storage_);
        break;
      default:
        return number();
    }
    syntax("Expecting value", at_);
  }

  void enter(std::size_t depth) const {
    if (depth > limits_.max_depth) fail(Kind::kTooDeep, "Document is nested too deeply", at_);
  }

  bj::value object(std::size_t depth) {
    enter(depth);
    ++at_;
    bj::object out(storage_);
    skip_space();
    if (is_at('}')) {
      ++at_;
      return out;
    }
    for (;;) {
      if (!is_at('"')) syntax("Expecting property name enclosed in double quotes", at_);
      const std::size_t key_at = at_;
      // The view may live in scratch_, which the value's strings reuse: the key must be placed before the value.
      const auto [slot, fresh] = out.emplace(string_text(), nullptr);
      if (!fresh && limits_.duplicates == Duplicates::kRefuse) fail(Kind::kDuplicateKey, "Duplicate key", key_at);
      skip_space();
      if (!is_at(':')) syntax("Expecting ':' delimiter", at_);
      ++at_;
      skip_space();
      slot->value() = value(depth);
      skip_space();
      if (is_at('}')) {
        ++at_;
        return out;
      }
      if (!is_at(',')) syntax("Expecting ',' delimiter", at_);
      ++at_;
      skip_space();
    }
  }

  bj::value array(std::size_t depth) {
    enter(depth);
    ++at_;
    bj::array out(storage_);
    skip_space();
    if (is_at(']')) {
      ++at_;
      return out;
    }
    for (;;) {
      out.push_back(value(depth));
      skip_space();
      if (is_at(']')) {
        ++at_;
        return out;
      }
      if (!is_at(',')) syntax("Expecting ',' delimiter", at_);
      ++at_;
      skip_space();
    }
  }

  /// The decoded string at the cursor, valid until the next call. Strings without escapes are views into the text.
  std::string_view string_text() {
    const std::size_t open = at_++;
    std::size_t begin = at_;
    bool copied = false;
    for (;;) {
      if (at_ >= text_.size()) syntax("Unterminated string starting at", open);
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        const std::string_view piece = text_.substr(begin, at_ - begin);
        ++at_;
        if (!copied) return piece;
        scratch_.append(piece);
        return scratch_;
      }
      if (c == '\\') {
        if (!copied) scratch_.clear();
        copied = true;
        scratch_.append(text_.substr(begin, at_ - begin));
        escape(open);
        begin = at_;
      } else if (c < 0x20) {
        syntax("Invalid control character at", at_);
      } else if (c < 0x80) {
        ++at_;
      } else {
        const std::size_t length = utf8_sequence(text_, at_);
        if (length == 0) fail(Kind::kEncoding, "Text is not valid UTF-8", at_);
        at_ += length;
      }
    }
  }

  void escape(std::size_t open) {
    const std::size_t backslash = at_++;
    if (at_ >= text_.size()) syntax("Unterminated string starting at", open);
    const char kind = text_[at_++];
    switch (kind) {
      case '"':
      case '\\':
      case '/':
        return scratch_.push_back(kind);
      case 'b':
        return scratch_.push_back('\b');
      case 'f':
        return scratch_.push_back('\f');
      case 'n':
        return scratch_.push_back('\n');
      case 'r':
        return scratch_.push_back('\r');
      case 't':
        return scratch_.push_back('\t');
      case 'u':
        return unicode_escape();
      default:
        syntax("Invalid \\escape", backslash);
    }
  }

  std::uint32_t hex4(std::size_t u_at) {
    std::uint32_t code = 0;
    if (at_ + 4 > text_.size()) syntax("Invalid \\uXXXX escape", u_at);
    const char* first = text_.data() + at_;
    const auto [end, error] = std::from_chars(first, first + 4, code, 16);
    if (error != std::errc{} || end != first + 4) syntax("Invalid \\uXXXX escape", u_at);
    at_ += 4;
    return code;
  }

  void unicode_escape() {
    const std::size_t u_at = at_ - 1;
    std::uint32_t code = hex4(u_at);
    if (code >= 0xD800 && code <= 0xDBFF) {
      // Python keeps lone surrogates; they are no text that UTF-8 can carry, so they are refused here.
      if (text_.substr(at_, 2) != "\\u") syntax("Invalid \\uXXXX escape", u_at);
      at_ += 2;
      const std::uint32_t low = hex4(at_ - 1);
      if (low < 0xDC00 || low > 0xDFFF) syntax("Invalid \\uXXXX escape", u_at);
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      syntax("Invalid \\uXXXX escape", u_at);
    }
    append_utf8(scratch_, code);
  }

  [[nodiscard]] bool digit(std::size_t at) const { return at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; }

  bj::value number() {
    const std::size_t begin = at_;
    std::size_t end = begin;
    if (peek() == '-') ++end;
    if (!digit(end)) syntax("Expecting value", begin);
    if (text_[end] == '0') {
      ++end;
    } else {
      while (digit(end)) ++end;
    }
    bool integral = true;
    if (end < text_.size() && text_[end] == '.' && digit(end + 1)) {
      integral = false;
      ++end;
      while (digit(end)) ++end;
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      const std::size_t sign = end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-') ? 1 : 0;
      if (digit(end + 1 + sign)) {
        integral = false;
        end += 1 + sign;
        while (digit(end)) ++end;
      }
    }
    at_ = end;
    return number_value(text_.substr(begin, end - begin), integral, begin);
  }

  bj::value number_value(std::string_view digits, bool integral, std::size_t begin) const {
    const char* first = digits.data();
    const char* last = first + digits.size();
    if (integral) {
      std::int64_t small = 0;
      if (std::from_chars(first, last, small).ec == std::errc{}) return bj::value(small, storage_);
      std::uint64_t large = 0;
      if (digits.front() != '-' && std::from_chars(first, last, large).ec == std::errc{})
        return bj::value(large, storage_);
    }
    double real = 0;
    if (std::from_chars(first, last, real).ec == std::errc{}) return bj::value(real, storage_);
    if (!underflows(digits)) fail(Kind::kNumberRange, "Number out of range", begin);
    return bj::value(digits.front() == '-' ? -0.0 : 0.0, storage_);
  }

  /// from_chars reports too small and too large alike. The exponent of the first non-zero digit tells them apart.
  static bool underflows(std::string_view digits) {
    if (digits.front() == '-') digits.remove_prefix(1);
    const std::size_t e = digits.find_first_of("eE");
    const std::string_view mantissa = digits.substr(0, e);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t lead = mantissa.find_first_of("123456789");
    if (lead == std::string_view::npos) return true;
    auto magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(lead);
    if (e != std::string_view::npos) {
      std::string_view exponent = digits.substr(e + 1);
      const bool negative = exponent.front() == '-';
      if (exponent.front() == '+' || negative) exponent.remove_prefix(1);
      std::int64_t power = 0;
      if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), power).ec != std::errc{}) return negative;
      magnitude += negative ? -power : power;
    }
    return magnitude < 0;
  }

  std::string_view text_;
  const Limits& limits_;
  bj::storage_ptr storage_;
  std::size_t at_ = 0;
  std::string scratch_;
};

}  // namespace

boost::json::value parse(std::string_view text, const Limits& limits, boost::json::storage_ptr storage) {
  return Parser(text, limits, std::move(storage)).document();
}

}  // namespace nexus::json
