#include "cloud/aws/event_stream.h"

#include <algorithm>
#include <concepts>
#include <limits>

namespace nexus::cloud::aws {
namespace {

constexpr std::size_t kPrelude = 12;  // two lengths and their sum
constexpr std::size_t kSum = 4;
constexpr std::size_t kMostName = 255;
constexpr std::size_t kMostValue = 32'767;

enum Type : std::uint8_t { kTrue, kFalse, kInt8, kInt16, kInt32, kInt64, kBytes, kText, kTime, kUuid };

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t sum = i;
    for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1U) != 0 ? 0xEDB88320U : 0U);
    table[i] = sum;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> kTable = make_table();

/// Takes big-endian numbers and texts from the front; throws when there is too little.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  template <std::unsigned_integral U>
  U number() {
    std::uint64_t value = 0;
    for (const char c : bytes(sizeof(U))) value = (value << 8) | static_cast<unsigned char>(c);
    return static_cast<U>(value);
  }
  std::string_view bytes(std::size_t size) {
    if (size > rest_.size()) throw EventStreamError("an event's header is longer than its message says");
    const std::string_view front = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return front;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string_view read_sized(Cursor& in) {
  const auto size = in.number<std::uint16_t>();
  if (size > kMostValue) throw EventStreamError("an event's header has a value that is too long");
  return in.bytes(size);
}

EventValue read_value(Cursor& in) {
  switch (in.number<std::uint8_t>()) {
    case kTrue:
      return true;
    case kFalse:
      return false;
    case kInt8:
      return static_cast<std::int8_t>(in.number<std::uint8_t>());
    case kInt16:
      return static_cast<std::int16_t>(in.number<std::uint16_t>());
    case kInt32:
      return static_cast<std::int32_t>(in.number<std::uint32_t>());
    case kInt64:
      return static_cast<std::int64_t>(in.number<std::uint64_t>());
    case kBytes:
      return EventBytes{std::string(read_sized(in))};
    case kText:
      return std::string(read_sized(in));
    case kTime:
      return EventTime{static_cast<std::int64_t>(in.number<std::uint64_t>())};
    case kUuid: {
      EventUuid uuid;
      for (std::uint8_t& byte : uuid) byte = in.number<std::uint8_t>();
      return uuid;
    }
    default:
      throw EventStreamError("an event's header has an unknown type");
  }
}

template <std::unsigned_integral U>
void put(std::string& out, U value) {
  for (std::size_t shift = sizeof(U) * 8; shift > 0; shift -= 8)
    out.push_back(static_cast<char>((static_cast<std::uint64_t>(value) >> (shift - 8)) & 0xFFU));
}

void put_sized(std::string& out, std::string_view bytes) {
  if (bytes.size() > kMostValue) throw EventStreamError("a header's value is too long for an event stream");
  put(out, static_cast<std::uint16_t>(bytes.size()));
  out += bytes;
}

/// Writes the type and the value of a header.
struct ValueWriter {
  std::string& out;

  void operator()(bool value) const { put(out, static_cast<std::uint8_t>(value ? kTrue : kFalse)); }
  void operator()(std::int8_t value) const { number<std::uint8_t>(kInt8, value); }
  void operator()(std::int16_t value) const { number<std::uint16_t>(kInt16, value); }
  void operator()(std::int32_t value) const { number<std::uint32_t>(kInt32, value); }
  void operator()(std::int64_t value) const { number<std::uint64_t>(kInt64, value); }
  void operator()(EventTime value) const { number<std::uint64_t>(kTime, value.ms); }
  void operator()(const EventBytes& value) const { sized(kBytes, value.bytes); }
  void operator()(const std::string& value) const { sized(kText, value); }
  void operator()(const EventUuid& value) const {
    put(out, static_cast<std::uint8_t>(kUuid));
    for (const std::uint8_t byte : value) put(out, byte);
  }

 private:
  template <class U, class I>
  void number(Type type, I value) const {
    put(out, static_cast<std::uint8_t>(type));
    put(out, static_cast<U>(value));
  }
  void sized(Type type, std::string_view value) const {
    put(out, static_cast<std::uint8_t>(type));
    put_sized(out, value);
  }
};

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t sum = 0xFFFFFFFFU;
  for (const char c : bytes) sum = (sum >> 8) ^ kTable[(sum ^ static_cast<unsigned char>(c)) & 0xFFU];
  return ~sum;
}

std::string_view EventMessage::text(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
    return header.first == name && std::holds_alternative<std::string>(header.second);
  });
  return found == headers.end() ? std::string_view() : std::get<std::string>(found->second);
}

std::optional<EventMessage> EventStreamDecoder::next() {
  if (broken_) throw EventStreamError("the event stream is damaged");
  try {
    return read();
  } catch (const EventStreamError&) {
    broken_ = true;
    buffer_.clear();
    throw;
  }
}

std::optional<EventMessage> EventStreamDecoder::read() {
  const std::string_view bytes = std::string_view(buffer_).substr(taken_);
  if (bytes.size() < kPrelude) return std::nullopt;
  Cursor prelude(bytes);
  const std::size_t total = prelude.number<std::uint32_t>();
  const std::size_t header_bytes = prelude.number<std::uint32_t>();
  // Before the lengths are believed and waited for.
  if (prelude.number<std::uint32_t>() != crc32(bytes.substr(0, 8)))
    throw EventStreamError("an event's prelude has a wrong checksum");
  if (total > options_.max_message_bytes) throw EventStreamError("an event is too long");
  if (header_bytes > options_.max_header_bytes) throw EventStreamError("an event has too many headers");
  if (total < kPrelude + header_bytes + kSum) throw EventStreamError("an event is shorter than its headers");
  if (bytes.size() < total) return std::nullopt;

  const std::string_view whole = bytes.substr(0, total);
  if (Cursor(whole.substr(total - kSum)).number<std::uint32_t>() != crc32(whole.substr(0, total - kSum)))
    throw EventStreamError("an event has a wrong checksum");
  EventMessage message;
  Cursor headers(whole.substr(kPrelude, header_bytes));
  while (!headers.empty()) {
    const std::string_view name = headers.bytes(headers.number<std::uint8_t>());
    if (name.empty()) throw EventStreamError("an event's header has no name");
    message.headers.emplace_back(name, read_value(headers));
  }
  message.payload = whole.substr(kPrelude + header_bytes, total - kPrelude - header_bytes - kSum);

  taken_ += total;
  // Moving the rest to the front only when at least as much was taken keeps the work linear.
  if (taken_ * 2 >= buffer_.size()) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  return message;
}

void EventStreamDecoder::finish() const {
  if (broken_) throw EventStreamError("the event stream is damaged");
  if (taken_ != buffer_.size()) throw EventStreamError("the event stream ends inside an event");
}

std::string encode_event(const EventMessage& message) {
  std::string headers;
  for (const auto& [name, value] : message.headers) {
    if (name.empty() || name.size() > kMostName) throw EventStreamError("a header's name has 1 to 255 bytes");
    put(headers, static_cast<std::uint8_t>(name.size()));
    headers += name;
    std::visit(ValueWriter{headers}, value);
  }
  const std::size_t total = kPrelude + headers.size() + message.payload.size() + kSum;
  if (total > std::numeric_limits<std::uint32_t>::max()) throw EventStreamError("an event is too long");
  std::string out;
  out.reserve(total);
  put(out, static_cast<std::uint32_t>(total));
  put(out, static_cast<std::uint32_t>(headers.size()));
  put(out, crc32(out));
  out += headers;
  out += message.payload;
  put(out, crc32(out));
  return out;
}

}  // namespace nexus::cloud::aws
