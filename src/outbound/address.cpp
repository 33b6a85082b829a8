#include "outbound/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <stdexcept>
#include <vector>

namespace nexus::outbound {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

struct Row {
  std::string_view block;
  AddressKind kind;
};

using enum AddressKind;

/// The first row that contains an address decides.
constexpr Row kRows[] = {
    // Metadata services: AWS (IMDS, ECS, EKS), Azure, Google, Oracle and DigitalOcean share the first address.
    {"169.254.169.254", kMetadata},
    {"169.254.170.2", kMetadata},
    {"169.254.170.23", kMetadata},
    {"168.63.129.16", kMetadata},    // Azure's host agent, in a public block
    {"100.100.100.200", kMetadata},  // Alibaba
    {"192.0.0.192", kMetadata},      // Oracle, older images
    {"fd00:ec2::254", kMetadata},
    {"fd00:ec2::23", kMetadata},
    {"fd20:ce::254", kMetadata},  // Google over IPv6
    // IPv4
    {"0.0.0.0/8", kUnspecified},  // Linux connects 0.0.0.0 to this machine
    {"10.0.0.0/8", kPrivate},
    {"100.64.0.0/10", kPrivate},  // RFC 6598
    {"127.0.0.0/8", kLoopback},
    {"169.254.0.0/16", kLinkLocal},
    {"172.16.0.0/12", kPrivate},
    {"192.0.0.0/24", kReserved},
    {"192.0.2.0/24", kReserved},
    {"192.88.99.0/24", kReserved},
    {"192.168.0.0/16", kPrivate},
    {"198.18.0.0/15", kReserved},
    {"198.51.100.0/24", kReserved},
    {"203.0.113.0/24", kReserved},
    {"224.0.0.0/4", kMulticast},
    {"240.0.0.0/4", kReserved},
    {"0.0.0.0/0", kPublic},
    // IPv6
    {"::", kUnspecified},
    {"::1", kLoopback},
    {"64:ff9b:1::/48", kPrivate},  // NAT64 for local use, RFC 8215
    {"2001::/23", kReserved},      // Teredo, benchmarks, ORCHID
    {"2001:db8::/32", kReserved},
    {"3fff::/20", kReserved},
    {"2000::/3", kPublic},
    {"fc00::/7", kPrivate},
    {"fe80::/10", kLinkLocal},
    {"fec0::/10", kPrivate},  // site-local, deprecated but routed by some
    {"ff00::/8", kMulticast},
    {"::/0", kReserved},
};

Cidr block(std::string_view text) {
  const auto parsed = Cidr::parse(text);
  if (!parsed) throw std::logic_error("no address block: " + std::string(text));
  return *parsed;
}

struct Rule {
  Cidr block;
  AddressKind kind;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = [] {
    std::vector<Rule> out;
    for (const Row& row : kRows) out.push_back({block(row.block), row.kind});
    return out;
  }();
  return all;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  in_addr v4{};
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) return from_v4(ntohl(v4.s_addr));
  if (::inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return IpAddress(bytes);
  return std::nullopt;
}

IpAddress IpAddress::from_v4(std::uint32_t host_order) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
  for (std::size_t i = 0; i < 4; ++i) bytes[12 + i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return IpAddress(bytes);
}

bool IpAddress::is_v4() const {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin());
}

IpAddress IpAddress::embedded_v4(std::size_t first_byte) const {
  std::uint32_t v4 = 0;
  for (std::size_t i = 0; i < 4; ++i) v4 = v4 << 8 | bytes_.at(first_byte + i);
  return from_v4(v4);
}

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN]{};
  const bool v4 = is_v4();
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes_.data() + (v4 ? 12 : 0), out, sizeof out);
  return out;
}

std::string IpAddress::url_text() const {
  return is_v4() ? text() : "[" + text() + "]";
}

std::optional<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view base_text = text.substr(0, slash);
  const auto base = IpAddress::parse(base_text);
  if (!base) return std::nullopt;
  if (slash == std::string_view::npos) return Cidr(*base, 128);
  // The spelling decides what a prefix counts: ::ffff:0:0/96 is all of IPv4, 0.0.0.0/0 too.
  const unsigned width = base_text.find(':') == std::string_view::npos ? 32 : 128;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc{} || end != digits.data() + digits.size() || bits > width) return std::nullopt;
  return Cidr(*base, bits + 128 - width);
}

bool Cidr::contains(const IpAddress& address) const {
  // ::/0 and the like mean IPv6; that mapped IPv4 lies inside is an accident of its notation.
  if (bits_ < 96 && address.is_v4()) return false;
  const std::size_t whole = bits_ / 8;
  const auto& a = base_.bytes();
  const auto& b = address.bytes();
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const unsigned rest = bits_ % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFFu << (8 - rest) & 0xFFu;
  return (a.at(whole) & mask) == (b.at(whole) & mask);
}

std::string_view to_string(AddressKind kind) {
  switch (kind) {
    case kPublic:
      return "public";
    case kMetadata:
      return "metadata";
    case kLoopback:
      return "loopback";
    case kPrivate:
      return "private";
    case kLinkLocal:
      return "link-local";
    case kMulticast:
      return "multicast";
    case kUnspecified:
      return "unspecified";
    case kReserved:
      return "reserved";
  }
  return "reserved";
}

AddressKind classify(const IpAddress& address) {
  static const Cidr nat64 = block("64:ff9b::/96");
  static const Cidr six_to_four = block("2002::/16");
  if (nat64.contains(address)) return classify(address.embedded_v4(12));
  if (six_to_four.contains(address)) return classify(address.embedded_v4(2));
  const auto rule =
      std::find_if(rules().begin(), rules().end(), [&](const Rule& r) { return r.block.contains(address); });
  return rule == rules().end() ? kReserved : rule->kind;
}

}  // namespace nexus::outbound
