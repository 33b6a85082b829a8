#include "http/client_ip.h"

#include "base/encoding.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace nexus::http {
namespace {

constexpr std::array<unsigned char, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

bool is_mapped(const IpAddress& address) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
}

/// One element of X-Forwarded-For: an address, possibly quoted, bracketed or with a port.
std::optional<IpAddress> parse_hop(std::string_view text) {
  text = ascii_trim(text);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    return close == std::string_view::npos ? std::nullopt : IpAddress::parse(text.substr(1, close - 1));
  }
  const auto colon = text.find(':');
  const bool port_follows = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  return IpAddress::parse(port_follows ? text.substr(0, colon) : text);
}

/// The last element of a comma list; shortens `list` to what stands before it.
std::string_view pop_last(std::string_view& list) {
  const auto comma = list.rfind(',');
  const auto last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return ascii_trim(last);
}

/// What the nearest proxy wrote into a list header: its last element.
std::string_view nearest(const Request& request, std::string_view name) {
  std::string_view found;
  for (const auto& [key, value] : request.headers)
    if (ascii_iequals(key, name)) found = value;
  return pop_last(found);
}

bool is_authority(std::string_view text) {
  if (text.empty() || text.size() > 255) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~[]:%").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> zero_ended{};
  std::copy(text.begin(), text.end(), zero_ended.begin());
  IpAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (::inet_pton(AF_INET6, zero_ended.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.bytes.begin());
  if (::inet_pton(AF_INET, zero_ended.data(), address.bytes.data() + 12) != 1) return std::nullopt;
  return address;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_mapped(*this);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? 12 : 0), text.data(), static_cast<socklen_t>(text.size()));
  return text.data();
}

IpAddress IpAddress::network() const {
  constexpr std::size_t kNetworkBytes = 8;
  IpAddress result = *this;
  if (!is_mapped(*this)) std::fill(result.bytes.begin() + kNetworkBytes, result.bytes.end(), std::uint8_t{0});
  return result;
}

ProxyTrust::ProxyTrust(std::span<const std::string> entries) {
  for (const auto& entry : entries) {
    const std::string_view text = ascii_trim(entry);
    if (text.empty()) continue;
    const auto slash = text.find('/');
    const auto network = IpAddress::parse(text.substr(0, slash));
    if (!network) throw std::invalid_argument("not an address or CIDR block: " + entry);
    Block block{*network, 128};
    if (slash != std::string_view::npos) {
      const auto digits = text.substr(slash + 1);
      unsigned prefix = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
      const unsigned offset = text.substr(0, slash).find(':') == std::string_view::npos ? 96 : 0;
      if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() || prefix + offset > 128)
        throw std::invalid_argument("not an address or CIDR block: " + entry);
      block.prefix = prefix + offset;
    }
    blocks_.push_back(block);
  }
}

bool ProxyTrust::trusts(const IpAddress& address) const {
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const Block& block) {
    const std::size_t whole = block.prefix / 8;
    if (std::memcmp(block.network.bytes.data(), address.bytes.data(), whole) != 0) return false;
    const unsigned rest = block.prefix % 8;
    return rest == 0 || ((block.network.bytes[whole] ^ address.bytes[whole]) >> (8 - rest)) == 0;
  });
}

bool ProxyTrust::trusts(std::string_view address) const {
  const auto parsed = IpAddress::parse(address);
  return parsed && trusts(*parsed);
}

Origin ProxyTrust::origin(const std::string& peer_ip, bool peer_trusted, const Request& request) const {
  Origin origin;
  origin.client_ip = peer_ip;
  if (const std::string* host = request.header("host"); host && is_authority(*host)) origin.host = *host;
  if (!peer_trusted) return origin;

  bool next_is_believed = true;
  for (auto header = request.headers.rbegin(); header != request.headers.rend() && next_is_believed; ++header) {
    if (!ascii_iequals(header->first, "x-forwarded-for")) continue;
    std::string_view rest = header->second;
    while (next_is_believed && !rest.empty()) {
      const auto hop = parse_hop(pop_last(rest));
      if (hop) origin.client_ip = hop->to_string();
      next_is_believed = hop && trusts(*hop);
    }
  }
  origin.https = ascii_iequals(nearest(request, "x-forwarded-proto"), "https");
  if (const auto host = nearest(request, "x-forwarded-host"); is_authority(host)) origin.host = std::string(host);
  return origin;
}

}  // namespace nexus::http
