#pragma once

#include "base/secret.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::redis {

/// Where one server listens.
struct Endpoint {
  std::string host;  ///< a name or an address, without brackets
  std::uint16_t port = 6379;

  /// `host:port`, IPv6 in brackets.
  [[nodiscard]] std::string text() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

enum class Layout : std::uint8_t {
  kSingle,    ///< redis://; turns into a cluster when the server says so
  kSentinel,  ///< redis+sentinel://: the endpoints are sentinels, which know the master
  kCluster,   ///< redis+cluster://: the endpoints are some of the nodes
};

/// REDIS_URL, read. Nothing of it but hosts and ports may be printed.
struct Url {
  Layout layout = Layout::kSingle;
  bool tls = false;
  std::vector<Endpoint> endpoints;  ///< at least one
  std::string user;                 ///< of an ACL; empty: the default user
  Secret password;                  ///< empty: none
  int database = 0;                 ///< always 0 in a cluster
  std::string service;              ///< kSentinel: the master's name
};

/// Reads
///
///     redis[s]://[[user]:password@]host[:port][/database]
///     redis[s]+sentinel://[[user]:password@]host[:port],host[:port]…/service[/database]
///     redis[s]+cluster://[[user]:password@]host[:port],host[:port]…
///
/// with `rediss` for TLS. User and password are percent-decoded. Sentinels have port 26379 when none is given. Throws
/// std::invalid_argument whose text says what is wrong and quotes nothing of the URL.
[[nodiscard]] Url parse_url(std::string_view text);

/// `host:port`, as servers write it in a redirection; port 0 is refused. Throws std::invalid_argument.
[[nodiscard]] Endpoint parse_endpoint(std::string_view text, std::uint16_t default_port);

}  // namespace nexus::redis
