#pragma once

#include "base/time.h"
#include "observe/metrics.h"
#include "observe/tracer.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace nexus::observe {

/// What the spans of one process have in common.
struct OtlpResource {
  std::string service_name = "nexusrag";  ///< OTEL_SERVICE_NAME
  std::string version;
  std::string instance_id;  ///< tells replicas apart; empty: left out
};

/// An ExportTraceServiceRequest in the JSON mapping of OTLP: ids in hexadecimal, 64-bit numbers as strings
/// (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
[[nodiscard]] std::string otlp_json(const OtlpResource& resource, std::span<const Span> spans);

/// Where traces go below OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" → "http://collector:4318/v1/traces".
[[nodiscard]] std::string otlp_traces_url(std::string_view endpoint);

/// OTEL_EXPORTER_OTLP_HEADERS: `name=value,name=value`, values percent-encoded. Pairs without a name or with bytes that
/// cannot stand in a header are left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_otlp_headers(std::string_view text);

struct OtlpOptions {
  OtlpResource resource;
  std::size_t queue_spans = 4096;             ///< more waiting spans push out the oldest
  std::size_t batch_spans = 512;              ///< of one request to the collector
  std::chrono::milliseconds linger{1000};     ///< how long a span may wait for company
  std::chrono::milliseconds most_stop{2000};  ///< how long stop() may take
};

/// Sends spans to a collector from a thread of its own. Telemetry may be lost, a request never waits for it: submit()
/// is a push under a lock that no sending holds, and a full queue drops its oldest span. What became of the spans is
/// counted in `nexusrag_trace_spans_total{outcome}`: exported, failed (the collector did not take them), dropped.
class OtlpExporter final : public SpanSink {
 public:
  /// Sends one body as `application/json` and returns when the collector has taken it; throws when it has not. Called
  /// on the exporter's thread, which may block; must end soon after the token was tripped.
  using Sender = std::function<void(std::string body, const std::stop_token& stop)>;

  OtlpExporter(Sender sender, OtlpOptions options, Metrics& metrics);
  ~OtlpExporter() override;
  OtlpExporter(const OtlpExporter&) = delete;
  OtlpExporter& operator=(const OtlpExporter&) = delete;

  void submit(Span span) noexcept override;

  /// Sends what is queued, for at most `most_stop`, then gives up the rest and joins. Later spans are dropped.
  /// Idempotent. Stop it after the work that makes spans and before what the sender uses.
  void stop();

 private:
  void run();
  [[nodiscard]] std::vector<Span> take_batch();
  void send(const std::vector<Span>& batch);

  const Sender sender_;
  const OtlpOptions options_;
  Counter& exported_;
  Counter& failed_;
  Counter& dropped_;
  std::stop_source give_up_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable ended_;
  std::deque<Span> queue_;  // guarded by mutex_, as are the flags
  bool stopping_ = false;
  bool has_ended_ = false;
  bool failing_ = false;  // the thread's own: said once, until it works again
  std::thread thread_;    // last: starts when the rest stands
};

}  // namespace nexus::observe
