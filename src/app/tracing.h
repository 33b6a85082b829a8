#pragma once

#include "config/settings.h"
#include "observe/metrics.h"
#include "observe/otlp.h"
#include "observe/segment.h"
#include "observe/tracer.h"
#include "outbound/client.h"

#include <memory>

namespace nexus::app {

/// Spans of this process on their way to OTEL_EXPORTER_OTLP_ENDPOINT; without one there is no tracer, and nothing is
/// traced.
class Tracing {
 public:
  Tracing(const config::Settings& settings, outbound::Client& client, observe::Metrics& metrics);

  [[nodiscard]] const observe::Tracer* tracer() const { return tracer_.get(); }
  /// Sends what is left, for a bounded time. After the work that makes spans, before the client closes.
  void stop();

 private:
  std::unique_ptr<observe::OtlpExporter> exporter_;
  std::unique_ptr<const observe::Tracer> tracer_;
};

/// `traceparent` and `tracestate` of the current request, for calls to other machines.
void add_trace_headers(outbound::Headers& headers);

}  // namespace nexus::app
