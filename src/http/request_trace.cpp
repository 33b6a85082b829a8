#include "http/request_trace.h"

#include "base/encoding.h"
#include "http/call.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::http {
namespace {

// Names of an HTTP method that may stand in a span's name; others would make it anything.
bool is_known(Verb verb) {
  return verb != Verb::kOther;
}

std::string route_of(const Exchange& exchange) {
  if (exchange.endpoint == nullptr) return {};
  const std::string path(exchange.endpoint->spec.path);
  return exchange.endpoint->spec.versioned && exchange.versioned ? "/v1" + path : path;
}

std::vector<observe::Attribute> attributes_of(const Exchange& exchange, const std::string& route, int status) {
  std::vector<observe::Attribute> out;
  out.push_back({"http.request.method", is_known(exchange.request.verb) ? exchange.request.method : "_OTHER"});
  if (!route.empty()) out.push_back({"http.route", route});
  out.push_back({"http.response.status_code", std::int64_t{status}});
  out.push_back({"url.scheme", std::string(exchange.request.https ? "https" : "http")});
  out.push_back({"nexusrag.request_id", exchange.request_id});
  if (exchange.call && exchange.call->is_authenticated())
    out.push_back({"nexusrag.tenant_id", exchange.call->principal().tenant_id});
  if (exchange.client_gone) out.push_back({"nexusrag.client_gone", true});
  if (status >= 500) out.push_back({"error.type", std::to_string(status)});
  return out;
}

}  // namespace

RequestTrace enter_trace(const observe::Tracer& tracer, const Request& request) {
  std::string_view parent;
  std::string state;
  int parents = 0;
  for (const auto& [name, value] : request.headers) {
    if (ascii_iequals(name, "traceparent")) {
      parent = value;
      ++parents;
    } else if (ascii_iequals(name, "tracestate")) {
      state.append(state.empty() ? "" : ",").append(value);
    }
  }
  RequestTrace trace;
  trace.context = tracer.enter(parents == 1 ? ascii_trim(parent) : std::string_view{}, state, trace.caller);
  return trace;
}

void submit_server_span(const observe::Tracer& tracer, const RequestTrace& trace, const Exchange& exchange, int status,
                        Timestamp now) {
  if (!trace.context.sampled) return;
  const std::string route = route_of(exchange);
  std::string name = is_known(exchange.request.verb) ? exchange.request.method : "HTTP";
  if (!route.empty()) name.append(" ").append(route);
  tracer.submit({.context = trace.context,
                 .parent = trace.caller.span_id,
                 .parent_remote = trace.caller.valid(),
                 .name = std::move(name),
                 .kind = observe::SpanKind::kServer,
                 .begin = now - exchange.total_us,
                 .end = now,
                 .status = status >= 500 ? observe::SpanStatus::kError : observe::SpanStatus::kUnset,
                 .attributes = attributes_of(exchange, route, status)});
}

}  // namespace nexus::http
