#pragma once

#include "base/time.h"
#include "exec/backoff.h"
#include "exec/deadline.h"
#include "outbound/address_guard.h"
#include "outbound/breaker.h"
#include "outbound/bulkheads.h"
#include "outbound/client.h"
#include "outbound/curl_loop.h"
#include "outbound/resolver.h"
#include "outbound/retries.h"
#include "outbound/transfer.h"
#include "outbound/url.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Counter;
class Metrics;
}  // namespace nexus::observe

namespace nexus::outbound {

struct ClientOptions {
  std::int64_t timeout_ms = 8'000;  ///< of one attempt that names none
  std::size_t max_response_bytes = 8u * 1024 * 1024;
  std::string allow_private;  ///< see AddressGuard
  RetryOptions retry;
  TransferOptions transfer;
  LoopOptions loop;
  BulkheadOptions bulkheads;
  ResolverOptions resolver;
};

/// How one call of send() or stream() went, for whoever keeps statistics. A sink that throws counts as kCancelled.
struct CallReport {
  std::string_view integration;
  std::string host;  ///< empty when the URL was none
  int status = 0;    ///< 0: no answer
  std::optional<Fault> fault;
  int attempts = 0;
  std::int64_t duration_us = 0;
};

/// What the client is told from outside. The functions run on the callers' threads, several at a time.
struct ClientHooks {
  exec::Random random;                    ///< called under a lock
  Resolve resolve = resolve_with_system;  ///< tests put their own names here
  /// Adds headers to each attempt: the trace context.
  std::function<void(const Request&, Headers&)> add_headers = {};
  std::function<void(const CallReport&)> on_finished = {};
};

/// The client of design §10 over libcurl: for each call the bulkhead and the breaker are asked, then each attempt
/// resolves the host once, has every address checked, and connects to a checked address whatever the name says by then.
/// HTTP/2 over TLS where the peer offers it, kept connections, no cookies, no redirects, no netrc, no proxies from the
/// environment. With a proxy, names of operator URLs are resolved by the proxy and not checked; user URLs are tunnelled
/// to the checked address. A stream that its sink ended counts as an answer; one whose sink threw tells the breaker
/// nothing. Metrics: nexusrag_external_*.
class CurlClient final : public Client {
 public:
  /// Throws std::invalid_argument when `options.allow_private` is malformed.
  CurlClient(const ClientOptions& options, const Clock& clock, observe::Metrics& metrics, CircuitBreaker& breaker,
             ClientHooks hooks);
  /// Closes, and waits until every call has returned.
  ~CurlClient() override;
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  Response send(const Request& request) override;
  Response stream(const Request& request, const PieceSink& sink) override;
  /// Ends every call under way, and those that come later, with kCancelled. Thread-safe; returns at once.
  void close();

 private:
  class Caller;
  /// `sink` is null for send().
  [[nodiscard]] Response exchange(const Request& request, const PieceSink* sink);
  [[nodiscard]] Response call(const Request& request, const PieceSink* sink, const std::stop_token& stop,
                              CallReport& report);
  [[nodiscard]] Response attempt(const Request& request, const PieceSink* sink, const Url& url, exec::Deadline deadline,
                                 const std::stop_token& stop);
  [[nodiscard]] std::vector<IpAddress> look_up(const std::string& host, exec::Deadline deadline,
                                               const std::stop_token& stop);
  /// Where to connect for this URL, checked.
  void route(const Url& url, UrlOrigin origin, exec::Deadline deadline, const std::stop_token& stop,
             Transfer& transfer);
  void finish(CallReport& report, std::int64_t started_us);

  const ClientOptions options_;
  const Clock& clock_;
  observe::Metrics& metrics_;
  CircuitBreaker& breaker_;
  const ClientHooks hooks_;
  const AddressGuard guard_;
  Resolver resolver_;
  observe::Counter& retried_;
  Retries retries_;
  Bulkheads bulkheads_;

  std::stop_source closing_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t callers_ = 0;
  CurlLoop loop_;  // last: ends first
};

}  // namespace nexus::outbound
