#pragma once

#include "outbound/address.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::outbound {

/// A URL that can only be read one way. What is checked and what is connected to come from these fields, never from the
/// text that somebody typed.
struct Url {
  bool https = false;
  std::string host;  ///< lower case, without brackets and trailing dot; an address in its usual text
  std::uint16_t port = 0;
  std::string target;  ///< path and query, as given; at least "/"
  std::optional<IpAddress> literal;

  /// Host and port as in a Host header: the default port is left out.
  [[nodiscard]] std::string authority() const;
  /// The whole URL, rebuilt from the fields.
  [[nodiscard]] std::string text() const;
};

/// Reads an absolute http or https URL of at most 8 KiB (RFC 3986). Hosts that end in a number are IPv4 addresses in
/// any of the forms that browsers take, such as 0x7f.1 and 2130706433 (WHATWG URL §3.5), and come out dotted. Throws
/// Error(kBadUrl) for other schemes, user names, port 0, escapes or foreign letters in the host (names come in their
/// ASCII form), zones, and what is no URL. A fragment is dropped: it is never sent.
[[nodiscard]] Url parse_url(std::string_view text);

}  // namespace nexus::outbound
