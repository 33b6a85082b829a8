#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

/// JSON text in and out. All of the product's JSON passes here, so that numbers, escapes, order and limits are ours
/// (Boost.JSON 1.81 is used for its value type only). Everything is reentrant and free of global state.
namespace nexus::json {

enum class Duplicates : std::uint8_t {
  kKeepLast,  ///< as Python and browsers do; the key keeps its first place
  kRefuse,    ///< for signed or hashed documents, where two readers must not see two documents
};

/// Bounds of one parse. The depth counts open arrays and objects.
struct Limits {
  std::size_t max_bytes = 10 * 1024 * 1024;
  std::size_t max_depth = 32;
  Duplicates duplicates = Duplicates::kKeepLast;
};

/// Why a text was refused. what() is the short reason in the words of Python's decoder ("Expecting value"), without
/// a position, as the `json_invalid` validation error carries it (contract 01 §1.3).
class ParseError : public std::runtime_error {
 public:
  enum class Kind : std::uint8_t { kSyntax, kEncoding, kTooDeep, kTooLarge, kNumberRange, kDuplicateKey };

  ParseError(Kind kind, const std::string& reason, std::size_t offset, std::size_t position)
      : std::runtime_error(reason), kind_(kind), offset_(offset), position_(position) {}

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::size_t offset() const noexcept { return offset_; }      ///< in bytes
  [[nodiscard]] std::size_t position() const noexcept { return position_; }  ///< in code points, as Python counts

 private:
  Kind kind_;
  std::size_t offset_;
  std::size_t position_;
};

/// Reads one RFC 8259 document. UTF-8 must be valid (no surrogates, no overlong forms); NaN and Infinity are refused;
/// integers become int64 or uint64 when they fit and double otherwise. Throws ParseError. `storage` owns the result.
[[nodiscard]] boost::json::value parse(std::string_view text, const Limits& limits = {},
                                       boost::json::storage_ptr storage = {});

/// Compact text: no white space, members in their order, non-ASCII unescaped, numbers as append() below.
[[nodiscard]] std::string write(const boost::json::value& value);

/// RFC 8785 (JCS): keys by UTF-16 code units, numbers as ECMAScript prints them (integers beyond 2^53 as the nearest
/// double). For hashes and signatures. Throws std::invalid_argument for a number that is not finite.
[[nodiscard]] std::string canonical(const boost::json::value& value);

/// Appenders for the hot path: no intermediate values. Strings are assumed to be valid UTF-8; `"`, `\` and control
/// characters are escaped. Doubles are the shortest text that reads back equal, laid out like Python's repr: `1.0`,
/// `0.0001`, `1e-05`, `1e+16`; a number that is not finite becomes null.
void append(std::string& out, const boost::json::value& value);
void append_string(std::string& out, std::string_view text);
void append_double(std::string& out, double number);
void append_int(std::string& out, std::int64_t number);
void append_uint(std::string& out, std::uint64_t number);
inline void append_bool(std::string& out, bool flag) {
  out.append(flag ? "true" : "false");
}
inline void append_null(std::string& out) {
  out.append("null");
}

/// Writes JSON straight into a string the caller owns and places the commas. Calls must nest correctly; nothing is
/// checked. Usage: `Writer(out).begin_object().field("seq", 1).key("data").begin_object().end_object().end_object()`.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object() { return open('{'); }
  Writer& end_object() { return close('}'); }
  Writer& begin_array() { return open('['); }
  Writer& end_array() { return close(']'); }

  Writer& key(std::string_view name) {
    separate();
    append_string(out_, name);
    out_.push_back(':');
    comma_ = false;
    return *this;
  }
  Writer& value(std::string_view text) {
    separate();
    append_string(out_, text);
    return *this;
  }
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool flag) {
    separate();
    append_bool(out_, flag);
    return *this;
  }
  Writer& value(double number) {
    separate();
    append_double(out_, number);
    return *this;
  }
  Writer& value(int number) { return value(static_cast<std::int64_t>(number)); }
  Writer& value(std::int64_t number) {
    separate();
    append_int(out_, number);
    return *this;
  }
  Writer& value(std::uint64_t number) {
    separate();
    append_uint(out_, number);
    return *this;
  }
  Writer& value(const boost::json::value& json) {
    separate();
    append(out_, json);
    return *this;
  }
  Writer& null() {
    separate();
    append_null(out_);
    return *this;
  }
  /// Text that is JSON already.
  Writer& raw(std::string_view json) {
    separate();
    out_.append(json);
    return *this;
  }
  template <class V>
  Writer& field(std::string_view name, const V& v) {
    return key(name).value(v);
  }

 private:
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  Writer& open(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
    return *this;
  }
  Writer& close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
    return *this;
  }

  std::string& out_;
  bool comma_ = false;
};

}  // namespace nexus::json
