#pragma once

#include "observe/metrics.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

// Internal to the server.
namespace nexus::http {

/// What a connection waits for under a time limit.
enum class Phase : std::uint8_t { kIdle, kHeader, kBody, kWrite, kLinger };
inline constexpr std::size_t kPhases = 5;

/// The series of the server, looked up once: a connection adds to them without a search.
struct HttpMetrics {
  explicit HttpMetrics(observe::Metrics& metrics)
      : connections(metrics.gauge("nexusrag_http_connections")),
        accepted(metrics.counter("nexusrag_http_connections_total")),
        refused_full(metrics.counter("nexusrag_http_connections_refused_total", {{"reason", "full"}})),
        in_flight(metrics.gauge("nexusrag_http_requests_in_flight")),
        received(metrics.counter("nexusrag_http_received_bytes_total")),
        sent(metrics.counter("nexusrag_http_sent_bytes_total")),
        request_bytes(metrics.histogram("nexusrag_http_request_bytes")),
        streams(metrics.gauge("nexusrag_sse_streams")) {
    constexpr std::array<const char*, kPhases> kNames{"idle", "header", "body", "write", "linger"};
    for (std::size_t i = 0; i < kPhases; ++i)
      timeouts[i] = &metrics.counter("nexusrag_http_timeouts_total", {{"phase", kNames[i]}});
  }

  observe::Gauge& connections;
  observe::Counter& accepted;
  observe::Counter& refused_full;
  observe::Gauge& in_flight;
  observe::Counter& received;
  observe::Counter& sent;
  observe::Histogram& request_bytes;
  observe::Gauge& streams;
  std::array<observe::Counter*, kPhases> timeouts{};
};

/// Adds one to a gauge for as long as it lives.
class Present {
 public:
  explicit Present(observe::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Present() { gauge_.add(-1); }
  Present(const Present&) = delete;
  Present& operator=(const Present&) = delete;

 private:
  observe::Gauge& gauge_;
};

}  // namespace nexus::http
