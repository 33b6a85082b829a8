#pragma once

#include "http/message.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::limits {

/// Whom failures of a request are counted against: an IPv4 address, the /64 of an IPv6 address (a subscriber owns at
/// least that much and may change within it at will), or the text as it is when it is no address.
[[nodiscard]] std::string network_of(std::string_view client_ip);

/// The key id that `Bearer nrgk_<32 hex>…` claims, borrowed from the request; empty for anything else. `header` is the
/// name of the credential's header.
[[nodiscard]] std::optional<std::string_view> claimed_key_id(const http::Request& request, std::string_view header);

}  // namespace nexus::limits
