#include "app/tracing.h"

#include "base/ids.h"
#include "base/version.h"
#include "config/settings_table.h"
#include "observe/trace.h"

#include <stdexcept>
#include <string>
#include <utility>

namespace nexus::app {
namespace {

outbound::Headers export_headers(const config::Settings& settings) {
  outbound::Headers headers = observe::parse_otlp_headers(settings.get(config::kOtelExporterOtlpHeaders).reveal());
  headers.emplace_back("Content-Type", "application/json");
  return headers;
}

}  // namespace

Tracing::Tracing(const config::Settings& settings, outbound::Client& client, observe::Metrics& metrics) {
  const auto& endpoint = settings.get(config::kOtelExporterOtlpEndpoint);
  if (!endpoint || endpoint->empty()) return;
  outbound::Request request{.integration = "otlp",
                            .url = observe::otlp_traces_url(*endpoint),
                            .headers = export_headers(settings),
                            .timeout_ms = settings.get(config::kOtelExporterOtlpTimeout),
                            .attempts = 2,
                            .idempotent = true};
  exporter_ = std::make_unique<observe::OtlpExporter>(
      [&client, request = std::move(request)](std::string body, const std::stop_token& stop) {
        outbound::Request sent = request;
        sent.body = std::move(body);
        sent.stop = stop;
        const outbound::Response answer = client.send(sent);
        if (answer.status / 100 != 2) throw std::runtime_error("status " + std::to_string(answer.status));
      },
      observe::OtlpOptions{.resource = {.service_name = settings.get(config::kOtelServiceName),
                                        .version = std::string(version()),
                                        .instance_id = uuid4()}},
      metrics);
  tracer_ = std::make_unique<const observe::Tracer>(*exporter_, settings.get(config::kOtelTracesSamplerArg));
}

void Tracing::stop() {
  if (exporter_) exporter_->stop();
}

void add_trace_headers(outbound::Headers& headers) {
  const observe::TraceContext& trace = observe::current_trace();
  if (!trace.valid()) return;
  headers.emplace_back("traceparent", observe::traceparent(trace));
  if (!trace.trace_state.empty()) headers.emplace_back("tracestate", trace.trace_state);
}

}  // namespace nexus::app
