#include "text/extract/result_frame.h"

#include "text/extract/ascii.h"
#include "text/utf8.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

namespace nexus::text::extract {
namespace {

constexpr std::string_view kMagic = "NXE1";
constexpr std::size_t kMaxMarks = 100'000;
constexpr std::size_t kMaxTitle = 1000;
constexpr std::size_t kMaxMetadata = 32;
constexpr std::uint8_t kLastFailure = static_cast<std::uint8_t>(Failure::kUnavailable);

template <class T>
void put_number(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little && std::is_unsigned_v<T>);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_record(std::string& out, char type, std::string_view payload) {
  out += type;
  put_number(out, static_cast<std::uint32_t>(payload.size()));
  out += payload;
}

void put_end(std::string& out, std::uint32_t records) {
  std::string count;
  put_number(count, records);
  put_record(out, 'E', count);
}

[[noreturn]] void garbage() {
  throw ExtractionFailed(Failure::kDamaged, "The file could not be read: its reader failed on it.");
}

// Takes fields off the front; running short is garbage.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T number() {
    T value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take(std::size_t n) {
    if (n > bytes_.size()) garbage();
    const auto out = bytes_.substr(0, n);
    bytes_.remove_prefix(n);
    return out;
  }
  std::string_view rest() { return take(bytes_.size()); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
};

void require_clean(std::string_view text, std::size_t limit) {
  if (text.size() > limit || text.find('\0') != std::string_view::npos || !is_valid_utf8(text)) garbage();
}

Mark read_mark(std::string_view payload) {
  Bytes bytes(payload);
  Mark mark;
  const auto kind = bytes.number<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(MarkKind::kHeading)) garbage();
  mark.kind = static_cast<MarkKind>(kind);
  mark.level = bytes.number<std::uint32_t>();
  mark.offset = bytes.number<std::uint64_t>();
  mark.title = bytes.rest();
  require_clean(mark.title, kMaxTitle);
  return mark;
}

void read_metadata(std::string_view payload, Extracted& out) {
  const auto separator = payload.find('\0');
  if (separator == std::string_view::npos || out.metadata.size() >= kMaxMetadata) garbage();
  const auto key = payload.substr(0, separator);
  const auto value = payload.substr(separator + 1);
  require_clean(key, 64);
  require_clean(value, kMaxTitle);
  out.metadata.emplace(key, value);
}

[[noreturn]] void raise_failure(std::string_view payload) {
  Bytes bytes(payload);
  const auto code = bytes.number<std::uint8_t>();
  const auto reason = bytes.rest();
  if (code > kLastFailure) garbage();
  require_clean(reason, kMaxTitle);
  throw ExtractionFailed(static_cast<Failure>(code), std::string(reason));
}

void check_marks(const Extracted& out) {
  std::size_t previous = 0;
  for (const Mark& mark : out.marks) {
    const bool inside = mark.offset >= previous && mark.offset <= out.text.size();
    if (!inside || mark.level == 0) garbage();
    previous = mark.offset;
  }
}

}  // namespace

std::size_t max_frame_bytes(const Limits& limits) {
  return limits.max_text_out + kMaxMarks * 64 + (std::size_t{8} << 20);
}

std::string encode_result(const Extracted& result) {
  std::string out(kMagic);
  out.reserve(result.text.size() + 64 * result.marks.size() + 1024);
  std::uint32_t records = 1;
  put_record(out, 'T', result.text);
  for (const auto& [key, value] : result.metadata) {
    std::string payload = key;
    payload += '\0';
    payload += clip(value, kMaxTitle);
    put_record(out, 'M', payload);
    ++records;
  }
  for (const Mark& mark : result.marks) {
    if (records >= kMaxMarks) break;
    std::string payload;
    put_number(payload, static_cast<std::uint8_t>(mark.kind));
    put_number(payload, static_cast<std::uint32_t>(mark.level));
    put_number(payload, static_cast<std::uint64_t>(mark.offset));
    payload += clip(mark.title, kMaxTitle);
    put_record(out, 'K', payload);
    ++records;
  }
  put_end(out, records);
  return out;
}

std::string encode_failure(Failure failure, std::string_view reason) {
  std::string payload;
  put_number(payload, static_cast<std::uint8_t>(failure));
  payload += clip(reason, kMaxTitle);
  std::string out(kMagic);
  put_record(out, 'F', payload);
  put_end(out, 1);
  return out;
}

Extracted decode_result(std::string_view frame, const Limits& limits) {
  Bytes bytes(frame);
  if (bytes.take(kMagic.size()) != kMagic) garbage();
  Extracted out;
  std::optional<std::string_view> failure;
  bool have_text = false;
  for (std::uint32_t records = 0;; ++records) {
    const char type = bytes.take(1).front();
    const auto payload = bytes.take(bytes.number<std::uint32_t>());
    if (type == 'E') {
      if (Bytes(payload).number<std::uint32_t>() != records || !bytes.empty()) garbage();
      break;
    }
    if (type == 'T' && !have_text) {
      require_clean(payload, limits.max_text_out);
      out.text = payload;
      have_text = true;
    } else if (type == 'M') {
      read_metadata(payload, out);
    } else if (type == 'K' && out.marks.size() < kMaxMarks) {
      out.marks.push_back(read_mark(payload));
    } else if (type == 'F') {
      failure = payload;
    } else {
      garbage();
    }
  }
  if (failure) raise_failure(*failure);
  if (!have_text) garbage();
  check_marks(out);
  return out;
}

}  // namespace nexus::text::extract
