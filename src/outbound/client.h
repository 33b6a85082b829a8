#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::outbound {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Who chose the address: our operator (a setting) or a user (a webhook, an issuer). A user's address passes the SSRF
/// guard, which refuses private, loopback, link-local and metadata addresses unless OUTBOUND_ALLOW_PRIVATE lists them.
enum class UrlOrigin : std::uint8_t { kOperator, kUser };

/// One exchange with another machine. Bounds that are 0 take the client's defaults (settings EXT_*, OUTBOUND_*).
struct Request {
  std::string_view integration;  ///< breaker, metrics and spans go by this name, e.g. "billing.webhook"; a literal
  std::string method = "POST";
  std::string url;  ///< http or https
  Headers headers;
  std::string body;
  std::int64_t timeout_ms = 0;  ///< of one attempt, connection included
  std::size_t max_response_bytes = 0;
  std::int64_t idle_timeout_ms = 0;  ///< of stream(): the longest silence between two pieces; 0: timeout_ms
  std::int64_t deadline_ms = 0;      ///< of the whole exchange, retries and pauses included; 0: none
  int attempts = 0;                  ///< in all; 1: never retried
  bool idempotent = false;           ///< retried on timeouts and network errors; else only if nothing was sent yet
  UrlOrigin origin = UrlOrigin::kOperator;
  std::stop_token stop;          ///< stops the exchange and the remote call
  std::string_view tenant = {};  ///< for its fair share of the integration's places; empty: the platform's own call
};

struct Response {
  int status = 0;
  Headers headers;  ///< names in lower case
  std::string body;
  int attempts = 1;
  bool stopped = false;  ///< of stream(): the sink wanted no more
};

enum class Fault : std::uint8_t {
  kTimeout,
  kNetwork,         ///< resolution, connection, reset, TLS
  kRefusedAddress,  ///< the SSRF guard said no
  kBadUrl,
  kTooLarge,  ///< the answer is longer than allowed
  kBreakerOpen,
  kCancelled,  ///< the stop token, or the client closes
  kBusy,       ///< too many exchanges wait already, or the tenant has its share under way
};
[[nodiscard]] std::string_view to_string(Fault fault);

/// No answer came. `what()` is for the log; it names no secret and no part of the URL behind the host.
class Error : public std::runtime_error {
 public:
  Error(Fault fault, const std::string& message) : std::runtime_error(message), fault_(fault) {}
  [[nodiscard]] Fault fault() const noexcept { return fault_; }

 private:
  Fault fault_;
};

/// Takes the next piece of a body, in order, on the thread that called stream(). False: no more is wanted.
using PieceSink = std::function<bool(std::string_view)>;

/// The one way to other machines. Thread-safe; blocks: only on the outbound and bulk lanes or a worker's thread, never
/// on a db lane or an I/O thread. Redirects are not followed.
class Client {
 public:
  virtual ~Client() = default;
  /// Any status is an answer; throws Error when there is none, std::invalid_argument for headers or methods that HTTP
  /// cannot carry, std::logic_error on a db lane.
  virtual Response send(const Request& request) = 0;
  /// Hands the body of a 2xx answer to the sink while it arrives and returns at its end with an empty `body`; any other
  /// status returns as from send(). A slow sink slows the peer down: at most a bounded number of bytes waits.
  /// `timeout_ms` bounds the time to the first byte of the body, `max_response_bytes` all pieces together. Retried only
  /// while no piece was handed over. A sink that says false or throws ends the exchange and the remote call; then
  /// stream() returns with `stopped`, or throws what the sink threw. Throws as send() does.
  virtual Response stream(const Request& request, const PieceSink& sink) = 0;
};

}  // namespace nexus::outbound
