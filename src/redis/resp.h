#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::redis {

/// One answer of a Redis server: RESP2, and what RESP3 adds to it.
struct Value {
  enum class Kind : std::uint8_t {
    kNull,
    kText,     ///< simple, bulk and verbatim strings, big numbers and doubles as they were sent
    kError,    ///< `text` is the server's message, e.g. "MOVED 42 10.0.0.1:6379"
    kInteger,  ///< booleans too: 0 or 1
    kArray,    ///< arrays and sets; a map as key, value, key, value
    kPush,     ///< RESP3 out-of-band data
  };

  Kind kind = Kind::kNull;
  std::string text;
  std::int64_t integer = 0;
  std::vector<Value> items;

  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }
  [[nodiscard]] bool is_text() const { return kind == Kind::kText; }
  [[nodiscard]] bool is_error() const { return kind == Kind::kError; }
  [[nodiscard]] bool is_integer() const { return kind == Kind::kInteger; }
  [[nodiscard]] bool is_array() const { return kind == Kind::kArray; }
  /// First word of an error ("READONLY"), or "ERROR" when the first word is not one of capital letters: the only part
  /// of a peer's message that goes into a log. Empty for other kinds.
  [[nodiscard]] std::string_view error_code() const;

  friend bool operator==(const Value&, const Value&) = default;
};

/// The peer does not speak RESP, or says more than we want to hear. The connection is of no use any more.
class ProtocolError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bounds of one answer.
struct RespLimits {
  std::size_t max_bytes = 8 * 1024 * 1024;  ///< of all its strings, and what its elements take in memory
  std::size_t max_depth = 16;
  std::size_t max_line = 64 * 1024;  ///< of one header, simple string or error
};

/// Reads answers from a stream of bytes, whatever pieces they come in; linear in their size. Not thread-safe.
/// Source: https://redis.io/docs/latest/develop/reference/protocol-spec/ (streamed strings and aggregates, which no
/// server sends, are refused).
class RespParser {
 public:
  explicit RespParser(RespLimits limits = {}) : limits_(limits) {}

  void feed(std::string_view bytes);
  /// The next complete answer; empty when more bytes are needed. Throws ProtocolError; the parser is then spent.
  [[nodiscard]] std::optional<Value> next();

 private:
  struct Frame {
    Value value;
    std::size_t missing = 0;
    bool attribute = false;  // belongs to the answer that follows; dropped
  };

  [[nodiscard]] std::optional<std::string_view> line();
  [[nodiscard]] bool read_one(std::optional<Value>& complete);
  void read_header(std::string_view header, std::optional<Value>& complete);
  void open_aggregate(Value::Kind kind, std::string_view count, std::size_t per_item, bool attribute,
                      std::optional<Value>& complete);
  void begin_bulk(Value::Kind kind, std::string_view length, bool verbatim, std::optional<Value>& complete);
  void add(Value value, std::optional<Value>& complete);
  void charge(std::size_t bytes);

  RespLimits limits_;
  std::string buffer_;
  std::size_t at_ = 0;       // first byte that is not consumed
  std::size_t scanned_ = 0;  // no line ends before here
  std::size_t charged_ = 0;  // of the answer that is being read
  std::vector<Frame> open_;
  struct Bulk {
    Value::Kind kind;
    std::size_t size;
    bool verbatim;
  };
  std::optional<Bulk> bulk_;
};

/// A command as the server reads it: an array of bulk strings. Appends.
void append_bulk(std::string& out, std::string_view text);
void append_array_header(std::string& out, std::size_t count);

}  // namespace nexus::redis
