#pragma once

#include "outbound/address.h"
#include "outbound/client.h"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::outbound {

/// Decides which addresses may be connected to: the fence against requests that make this server reach what only it can
/// reach (SSRF). Immutable; thread-safe.
class AddressGuard {
 public:
  AddressGuard() = default;
  /// Comma list of addresses, CIDR blocks, host names and "*.domain" (names below a domain): OUTBOUND_ALLOW_PRIVATE.
  /// Throws std::invalid_argument that names the entry it cannot read.
  explicit AddressGuard(std::string_view allow_private);

  /// Throws Error(kRefusedAddress) unless every address may be used. A user's URL may reach public addresses and what
  /// the list names. Metadata services are refused to the operator's URLs too, and opened only by an entry for that one
  /// address: neither a host name nor a wider block does it by accident. No addresses: refused.
  void check(std::string_view host, std::span<const IpAddress> addresses, UrlOrigin origin) const;

 private:
  [[nodiscard]] bool allows(std::string_view host, const IpAddress& address, AddressKind kind, UrlOrigin origin) const;
  [[nodiscard]] bool lists_name(std::string_view host) const;

  std::vector<Cidr> blocks_;
  std::set<std::string, std::less<>> names_;
  std::vector<std::string> domains_;  // ".example.com"
};

}  // namespace nexus::outbound
