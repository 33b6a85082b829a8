#include "modules/limits/caller.h"

#include "base/encoding.h"
#include "http/client_ip.h"

#include <algorithm>

namespace nexus::limits {
namespace {

constexpr std::string_view kKeyMark = "nrgk_";
constexpr std::size_t kIdSize = 32;

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

std::string network_of(std::string_view client_ip) {
  const auto address = http::IpAddress::parse(client_ip);
  return address ? address->network().to_string() : std::string(client_ip);
}

std::optional<std::string_view> claimed_key_id(const http::Request& request, std::string_view header) {
  const std::string* value = request.header(header);
  if (value == nullptr) return std::nullopt;
  const std::string_view text = ascii_trim(*value);
  constexpr std::string_view kScheme = "bearer";
  if (!ascii_iequals(text.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const std::string_view token = ascii_trim(text.substr(kScheme.size()));
  if (!token.starts_with(kKeyMark) || token.size() < kKeyMark.size() + kIdSize) return std::nullopt;
  const std::string_view id = token.substr(kKeyMark.size(), kIdSize);
  if (!std::all_of(id.begin(), id.end(), is_lower_hex)) return std::nullopt;
  return id;
}

}  // namespace nexus::limits
