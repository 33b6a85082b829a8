#pragma once

#include "outbound/client.h"

#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::outbound {

/// One attempt with everything decided: where to connect, how long, how much. Refers to the caller's strings.
struct Transfer {
  std::string_view method;
  std::string url;   ///< rebuilt from a checked Url
  std::string peer;  ///< host and port, for messages
  const Headers* headers = nullptr;
  std::string_view body;
  std::string connect_to;  ///< CURLOPT_CONNECT_TO; empty: what the URL says
  std::string resolve;     ///< CURLOPT_RESOLVE; empty: none
  std::int64_t timeout_ms = 0;
  std::size_t max_response_bytes = 0;
  bool replayable = false;  ///< libcurl may send it again when a kept connection turns out to be dead
  std::stop_token stop;
};

/// A network failure before a byte of the request was sent: whatever the request does, it has not been done.
class NothingSent final : public Error {
 public:
  using Error::Error;
};

struct TransferOptions {
  std::int64_t connect_timeout_ms = 5'000;  ///< TCP and TLS
  std::size_t max_header_bytes = 64 * 1024;
  std::string user_agent = "nexusrag";
  std::string proxy;     ///< "http://proxy:3128"; empty: none, whatever the environment says
  std::string no_proxy;  ///< comma list of hosts and domains that bypass it
  std::string ca_file;   ///< PEM bundle that replaces the system's; empty: the system's
};

}  // namespace nexus::outbound
