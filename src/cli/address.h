#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::cli {

/// Where a server listens or is reached.
struct Address {
  std::string host;  ///< name or number, IPv6 without brackets
  std::uint16_t port = 0;

  friend bool operator==(const Address&, const Address&) = default;
};

/// "127.0.0.1:8000", "localhost:0", "[::1]:8000". Throws UsageError that says what is wrong.
[[nodiscard]] Address parse_address(std::string_view text);

/// "host:port", IPv6 in brackets.
[[nodiscard]] std::string to_string(const Address& address);

/// A server's base address as people give it.
struct BaseUrl {
  Address address;
  std::string prefix;  ///< path before "/v1", without the last slash; usually empty
};

/// "http://host[:port][/prefix]"; the scheme may be left out, the port is then 80 unless given. Throws UsageError, also
/// for https, which this program does not speak as a client.
[[nodiscard]] BaseUrl parse_base_url(std::string_view text);

}  // namespace nexus::cli
