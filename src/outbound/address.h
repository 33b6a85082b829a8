#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::outbound {

/// An IPv4 or IPv6 address. IPv4 is kept in its mapped form ::ffff:a.b.c.d, so the two spellings of one machine are one
/// value and no rule can be passed by choosing the other. A value; cheap to copy.
class IpAddress {
 public:
  /// Four decimal numbers without leading zeros, or RFC 4291 text without zone and brackets; empty otherwise.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress from_v4(std::uint32_t host_order);
  [[nodiscard]] static IpAddress from_v6(const std::array<std::uint8_t, 16>& bytes) { return IpAddress(bytes); }

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  /// The IPv4 address in four of the bytes, for the forms that embed one (RFC 3056, RFC 6052).
  [[nodiscard]] IpAddress embedded_v4(std::size_t first_byte) const;
  /// Dotted or RFC 5952 text, without brackets.
  [[nodiscard]] std::string text() const;
  /// As it stands in a URL: IPv6 in brackets.
  [[nodiscard]] std::string url_text() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}

  std::array<std::uint8_t, 16> bytes_;
};

/// A block of addresses: those that share the first bits with its base.
class Cidr {
 public:
  /// "10.0.0.0/8", "fd00::/8"; an address alone is a block of one. Bits behind the prefix are ignored.
  [[nodiscard]] static std::optional<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool is_single() const { return bits_ == 128; }

 private:
  Cidr(const IpAddress& base, unsigned bits) : base_(base), bits_(bits) {}

  IpAddress base_;
  unsigned bits_;  // of 128: an IPv4 prefix counts 96 more
};

enum class AddressKind : std::uint8_t {
  kPublic,
  kMetadata,  ///< hands out credentials of the machine to whoever asks
  kLoopback,
  kPrivate,
  kLinkLocal,
  kMulticast,
  kUnspecified,
  kReserved,  ///< documentation, benchmarks, tunnels, not assigned
};
[[nodiscard]] std::string_view to_string(AddressKind kind);

/// What an address is for, from the IANA special-purpose registries (RFC 6890) and the clouds' manuals. Forms that
/// embed an IPv4 address (mapped, NAT64, 6to4) count as that address. IPv6 outside 2000::/3 is never public.
[[nodiscard]] AddressKind classify(const IpAddress& address);

}  // namespace nexus::outbound
