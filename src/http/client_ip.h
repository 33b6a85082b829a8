#pragma once

#include "http/message.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::http {

/// An IPv4 or IPv6 address in one form: IPv4 is kept as its IPv6 mapping (RFC 4291 §2.5.5.2).
struct IpAddress {
  std::array<unsigned char, 16> bytes{};

  /// Plain address, without port, brackets or zone; empty when malformed.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  /// "192.0.2.1" for mapped addresses, RFC 5952 form otherwise.
  [[nodiscard]] std::string to_string() const;
  /// What one subscriber holds at least: an IPv4 address itself, the /64 of any other.
  [[nodiscard]] IpAddress network() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

/// Where a request really came from.
struct Origin {
  std::string client_ip;
  bool https = false;
  std::string host;  ///< authority for absolute links; empty when the request names none
};

/// Whose `X-Forwarded-*` headers are believed: listed addresses and CIDR blocks, nobody else. Immutable, thread-safe.
class ProxyTrust {
 public:
  /// Throws std::invalid_argument naming the entry that is no address and no block.
  explicit ProxyTrust(std::span<const std::string> entries);

  [[nodiscard]] bool trusts(const IpAddress& address) const;
  [[nodiscard]] bool trusts(std::string_view address) const;

  /// Walks `X-Forwarded-For` from the right for as long as the hop that wrote an element is trusted, so that a client
  /// cannot choose its own address by sending the header itself.
  [[nodiscard]] Origin origin(const std::string& peer_ip, bool peer_trusted, const Request& request) const;

 private:
  struct Block {
    IpAddress network;
    unsigned prefix = 128;
  };
  std::vector<Block> blocks_;
};

}  // namespace nexus::http
