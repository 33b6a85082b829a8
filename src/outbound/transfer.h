#pragma once

#include "outbound/client.h"

#include <cstddef>
#include <cstdint>
#include <exception>
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
  std::string connect_to;       ///< CURLOPT_CONNECT_TO; empty: what the URL says
  std::string resolve;          ///< CURLOPT_RESOLVE; empty: none
  std::int64_t timeout_ms = 0;  ///< of a stream: to the first byte of the body
  std::size_t max_response_bytes = 0;
  const PieceSink* sink = nullptr;   ///< takes the body of a 2xx answer while it arrives; null: the body is collected
  std::int64_t idle_timeout_ms = 0;  ///< of a stream: the longest silence after a piece
  std::int64_t time_left_ms = 0;     ///< of a stream: for everything; 0: as long as it takes
  bool replayable = false;           ///< libcurl may send it again when a kept connection turns out to be dead
  std::stop_token stop;
};

/// A network failure before a byte of the request was sent: whatever the request does, it has not been done.
class NothingSent final : public Error {
 public:
  using Error::Error;
};

/// A failure after a piece of the body was handed to the sink: never tried again.
class BrokenOff final : public Error {
 public:
  BrokenOff(const Error& why, bool held_back) : Error(why), held_back_(held_back) {}
  /// Our own reader made the peer wait when the time was up: this says nothing about the service.
  [[nodiscard]] bool held_back() const noexcept { return held_back_; }

 private:
  bool held_back_;
};

/// What a sink threw, on its way through attempts and breaker: an Error of the sink's own is none of this exchange.
struct SinkThrew {
  std::exception_ptr what;
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
