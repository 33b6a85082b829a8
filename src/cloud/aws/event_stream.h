#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// Content type application/vnd.amazon.eventstream: binary messages, each with typed headers, a payload and two CRC-32
/// sums. Source: "Amazon Event Stream specification" of the Smithy documentation.
///
///   total length u32 | headers length u32 | CRC of these 8 bytes u32 | headers | payload | CRC of all before it u32
///   header: name length u8 | name | type u8 | value (texts and bytes: length u16 first); all numbers big-endian
namespace nexus::cloud::aws {

/// The bytes are no event stream, or a message breaks a bound.
class EventStreamError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct EventBytes {
  std::string bytes;
  friend bool operator==(const EventBytes&, const EventBytes&) = default;
};
struct EventTime {
  std::int64_t ms = 0;  ///< since 1970-01-01T00:00:00Z
  friend bool operator==(const EventTime&, const EventTime&) = default;
};
using EventUuid = std::array<std::uint8_t, 16>;
/// In the order of the wire's types: 0 and 1 are true and false, 2 a byte, ... 9 a UUID.
using EventValue = std::variant<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t, EventBytes, std::string,
                                EventTime, EventUuid>;

struct EventMessage {
  std::vector<std::pair<std::string, EventValue>> headers;
  std::string payload;

  /// The text of a header, e.g. ":event-type"; empty when there is none of that name and type.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  friend bool operator==(const EventMessage&, const EventMessage&) = default;
};

struct EventStreamOptions {
  std::size_t max_message_bytes = 16u * 1024 * 1024;  ///< whole message; the specification allows 24 MiB
  std::size_t max_header_bytes = 128u * 1024;         ///< of all headers of a message, as specified
};

/// Reads messages out of a stream that arrives in pieces of any size. Holds at most one unfinished message and the
/// pieces not yet taken. Not thread-safe. Usage: feed() a piece, next() until it is empty, finish() at the end.
class EventStreamDecoder {
 public:
  explicit EventStreamDecoder(EventStreamOptions options = {}) : options_(options) {}

  void feed(std::string_view piece) { buffer_.append(piece); }
  /// The next whole message; empty when more bytes are needed. Throws EventStreamError, then for ever: behind a damaged
  /// message no boundary can be trusted.
  [[nodiscard]] std::optional<EventMessage> next();
  /// The stream has ended. Throws EventStreamError when it ended inside a message.
  void finish() const;

 private:
  std::optional<EventMessage> read();

  EventStreamOptions options_;
  std::string buffer_;
  std::size_t taken_ = 0;  // bytes at the front of buffer_ that were handed out
  bool broken_ = false;
};

/// The bytes of one message, for tests and twins. Throws EventStreamError for what the format cannot hold.
[[nodiscard]] std::string encode_event(const EventMessage& message);

/// CRC-32 of IEEE 802.3 (as zlib's).
[[nodiscard]] std::uint32_t crc32(std::string_view bytes);

}  // namespace nexus::cloud::aws
