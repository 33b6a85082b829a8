#include "modules/audit/cursor.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "crypto/constant_time.h"
#include "json/json.h"

#include <cstdint>

namespace nexus::audit {
namespace {

constexpr std::size_t kPositionSize = 16;
constexpr std::size_t kCursorSize = kPositionSize + 32;

void append_big_endian(std::string& out, std::int64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>((static_cast<std::uint64_t>(number) >> shift) & 0xFF));
}

std::int64_t big_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = (number << 8) | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(number);
}

template <class T>
boost::json::value or_null(const std::optional<T>& value) {
  if constexpr (std::is_same_v<T, Timestamp>)
    return value ? boost::json::value(value->us) : boost::json::value(nullptr);
  else
    return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

}  // namespace

crypto::Digest CursorCodec::tag(std::string_view tenant, const EventFilter& filter, std::string_view position) const {
  const boost::json::array bound{"audit.events",
                                 tenant,
                                 or_null(filter.event_type),
                                 or_null(filter.outcome),
                                 or_null(filter.resource_type),
                                 or_null(filter.resource_id),
                                 or_null(filter.from),
                                 or_null(filter.to)};
  std::string text(position);
  json::append(text, bound);
  return key_.sign(text);
}

std::string CursorCodec::encode(std::string_view tenant, const EventFilter& filter, Position position) const {
  std::string bytes;
  append_big_endian(bytes, position.occurred_at.us);
  append_big_endian(bytes, position.id);
  bytes.append(as_text(tag(tenant, filter, bytes)));
  return base64url_encode(as_bytes(bytes));
}

Position CursorCodec::decode(std::string_view tenant, const EventFilter& filter, std::string_view cursor) const {
  const auto bytes = cursor.size() <= 2 * kCursorSize ? base64_decode(cursor) : std::nullopt;
  if (!bytes || bytes->size() != kCursorSize) throw ApiError(errors::kInvalidCursor);
  const std::string_view text = as_text(*bytes);
  const std::string_view position = text.substr(0, kPositionSize);
  if (!crypto::constant_time_equal(as_text(tag(tenant, filter, position)), text.substr(kPositionSize)))
    throw ApiError(errors::kInvalidCursor);
  return {Timestamp{big_endian(position.substr(0, 8))}, big_endian(position.substr(8))};
}

}  // namespace nexus::audit
