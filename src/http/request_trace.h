#pragma once

#include "base/time.h"
#include "http/server.h"
#include "observe/tracer.h"

namespace nexus::http {

/// A request's place in its trace, kept from admission to its last byte.
struct RequestTrace {
  observe::TraceContext context;  ///< of the server span; invalid where nothing is traced
  observe::TraceContext caller;   ///< invalid when the trace begins here
};

/// Reads `traceparent` and `tracestate`. More than one traceparent is none; several tracestates are one list.
[[nodiscard]] RequestTrace enter_trace(const observe::Tracer& tracer, const Request& request);

/// Submits the server span of a finished exchange, named and described as OpenTelemetry's conventions for HTTP say
/// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/): method, route, status, request id and tenant; no
/// path with its ids, no query, no address. Does nothing when the trace is not sampled.
void submit_server_span(const observe::Tracer& tracer, const RequestTrace& trace, const Exchange& exchange, int status,
                        Timestamp now);

}  // namespace nexus::http
