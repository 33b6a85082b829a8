#pragma once

#include "observe/metrics.h"
#include "outbound/curl_client.h"
#include "support/http_twin.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::outbound {

/// A client against a twin on loopback. Change `options` and `hooks` before the first call.
struct CurlClientFixture : ::testing::Test {
  SystemClock clock;
  observe::Metrics metrics;
  LocalBreakerStore store{clock};
  CircuitBreaker breaker{store, {.failure_threshold = 3}, metrics};
  testing::HttpTwin twin;
  ClientOptions options{.timeout_ms = 20'000, .retry = {.backoff_ms = 1}};
  ClientHooks hooks{.random = [] { return 0.5; }};
  std::unique_ptr<CurlClient> owned;

  CurlClient& client() {
    if (!owned) owned = std::make_unique<CurlClient>(options, clock, metrics, breaker, hooks);
    return *owned;
  }
  [[nodiscard]] Request post(std::string body = "{}") const {
    Request request{.integration = "test", .url = twin.url("/hook"), .body = std::move(body)};
    request.attempts = 1;
    return request;
  }
  Request get(std::string_view path = "/") const {
    Request request{.integration = "test", .method = "GET", .url = twin.url(path)};
    request.attempts = 1;
    return request;
  }
  /// "200 body" or the name of the fault.
  std::string outcome(const Request& request) {
    try {
      const Response response = client().send(request);
      return std::to_string(response.status) + " " + response.body;
    } catch (const Error& error) {
      return std::string(to_string(error.fault()));
    }
  }
  std::uint64_t calls(const std::string& how) {
    return metrics.counter("nexusrag_external_calls_total", {{"integration", "test"}, {"outcome", how}}).value();
  }
  std::uint64_t retries() { return metrics.counter("nexusrag_external_retries_total").value(); }
};

struct CurlStreamFixture : CurlClientFixture {
  std::string got;  ///< all pieces of the latest stream

  /// Streams into `got`; "200 body" (the body of the response, not of the pieces) or the name of the fault.
  std::string outcome_of(const Request& request, const PieceSink& also = {}) {
    got.clear();
    try {
      const Response response = client().stream(request, [&](std::string_view piece) {
        got.append(piece);
        return !also || also(piece);
      });
      return std::to_string(response.status) + (response.stopped ? " stopped" : " ") + response.body;
    } catch (const Error& error) {
      return std::string(to_string(error.fault()));
    }
  }
};

}  // namespace nexus::outbound
