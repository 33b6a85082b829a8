#include "outbound/address_guard.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace nexus::outbound {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") == std::string_view::npos &&
         text.front() != '.' && text.back() != '.' &&
         text.find_first_not_of("0123456789.") != std::string_view::npos;  // a mistyped address is no name
}

}  // namespace

AddressGuard::AddressGuard(std::string_view allow_private) {
  for (std::size_t at = 0; at < allow_private.size();) {
    const std::size_t end = std::min(allow_private.find(',', at), allow_private.size());
    const std::string entry = ascii_lower(ascii_trim(allow_private.substr(at, end - at)));
    at = end + 1;
    if (entry.empty()) continue;
    if (const auto block = Cidr::parse(entry)) {
      blocks_.push_back(*block);
    } else if (entry.starts_with("*.") && is_name(std::string_view(entry).substr(2))) {
      domains_.push_back(entry.substr(1));
    } else if (is_name(entry)) {
      names_.insert(entry);
    } else {
      throw std::invalid_argument(fmt::format("\"{}\" is no address, CIDR block or host name", entry));
    }
  }
}

void AddressGuard::check(std::string_view host, std::span<const IpAddress> addresses, UrlOrigin origin) const {
  if (addresses.empty()) throw Error(Fault::kRefusedAddress, fmt::format("{} has no address", host));
  for (const IpAddress& address : addresses) {
    const AddressKind kind = classify(address);
    if (!allows(host, address, kind, origin))
      throw Error(Fault::kRefusedAddress,
                  fmt::format("{} stands for the {} address {}", host, to_string(kind), address.text()));
  }
}

bool AddressGuard::allows(std::string_view host, const IpAddress& address, AddressKind kind, UrlOrigin origin) const {
  if (kind == AddressKind::kPublic) return true;
  const bool metadata = kind == AddressKind::kMetadata;
  const bool listed = std::any_of(blocks_.begin(), blocks_.end(), [&](const Cidr& block) {
    return block.contains(address) && (!metadata || block.is_single());
  });
  if (listed) return true;
  return !metadata && (origin == UrlOrigin::kOperator || lists_name(host));
}

bool AddressGuard::lists_name(std::string_view host) const {
  return names_.contains(host) || std::any_of(domains_.begin(), domains_.end(),
                                              [&](const std::string& domain) { return host.ends_with(domain); });
}

}  // namespace nexus::outbound
