#include "app/pipeline.h"

#include "app/envelope.h"
#include "base/encoding.h"
#include "base/errors.h"
#include "config/settings_table.h"
#include "db/database.h"
#include "http/stream.h"
#include "json/json.h"
#include "observe/log.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace nexus::app {
namespace {

constexpr std::string_view kSuccessor = R"(</v1/docs>; rel="successor-version")";

struct KillSwitch {
  std::string_view name;
  const config::Setting<bool>& setting;
  std::string_view message;
};

const KillSwitch kKillSwitches[] = {
    {"kill.run", config::kKillRun, "Run is temporarily disabled"},
    {"kill.ingest", config::kKillIngest, "Ingestion is temporarily disabled"},
};

/// Paths outside /v1 that are not aliases of it (contract 01 §1.5).
bool is_deprecated(std::string_view path) {
  if (path.empty() || path == "/" || path == "/livez" || path == "/readyz" || path == "/mcp") return false;
  for (const std::string_view prefix :
       {"/v1", "/docs", "/openapi.json", "/redoc", "/api/stats", "/api/benchmark-latest"})
    if (path.starts_with(prefix)) return false;
  return true;
}

bool is_json(const http::Request& request) {
  const std::string* type = request.header("Content-Type");
  return type != nullptr && ascii_lower(*type).starts_with("application/json");
}

ApiError api_error_of(const db::Error& error) {
  switch (error.code()) {
    case db::ErrorCode::kFull:
      return ApiError(errors::kInsufficientStorage).with_cause(error.what());
    case db::ErrorCode::kBusy:
      return ApiError(errors::kServiceBusy).with_header("Retry-After", "1").with_cause(error.what());
    case db::ErrorCode::kUnavailable:
      return ApiError(errors::kServiceUnavailable, "Database unavailable").with_cause(error.what());
    case db::ErrorCode::kConstraint:
    case db::ErrorCode::kCorrupt:
    case db::ErrorCode::kOther:
      break;
  }
  return ApiError(errors::kDbError).with_cause(error.what());
}

/// Requests that matched no row, or one outside the pipeline, count as reads (contract 01 §6.1, rule 6).
http::RouteClass class_of(const http::Exchange& exchange) {
  const http::RouteClass row = exchange.endpoint ? exchange.endpoint->spec.route_class : http::RouteClass::kNone;
  return row == http::RouteClass::kNone ? http::RouteClass::kRead : row;
}

}  // namespace

bool names_tenant(std::string_view body) {
  if (body.find("tenant_id") == std::string_view::npos && body.find("\\u") == std::string_view::npos) return false;
  try {
    const boost::json::value value = json::parse(body);
    return value.is_object() && value.get_object().contains("tenant_id");
  } catch (const json::ParseError&) {
    return false;
  }
}

Pipeline::Pipeline(auth::Gate& auth, const config::Settings& settings, const Clock& clock, observe::Metrics& metrics)
    : auth_(auth),
      settings_(settings),
      clock_(clock),
      server_errors_(metrics.counter("nexusrag_server_errors_total")),
      sunset_(settings.get(config::kApiLegacySunset)) {
  for (const http::RouteClass route_class :
       {http::RouteClass::kRead, http::RouteClass::kMutation, http::RouteClass::kOps, http::RouteClass::kRun}) {
    ClassMetrics& own = classes_[static_cast<std::size_t>(route_class)];
    const std::string name(http::to_string(route_class));
    for (int hundreds = 1; hundreds <= 5; ++hundreds)
      own.by_family[static_cast<std::size_t>(hundreds)] = &metrics.counter(
          "nexusrag_requests_total", {{"route_class", name}, {"status_family", std::to_string(hundreds) + "xx"}});
    own.total_seconds = &metrics.histogram("nexusrag_request_seconds", {{"route_class", name}});
    own.latency_ms = &metrics.histogram("nexusrag_request_latency_ms", {{"route_class", name}});
  }
}

template <class Step>
void Pipeline::guarded(http::Exchange& exchange, const Step& step) noexcept {
  try {
    step();
  } catch (const ApiError& e) {
    refuse(exchange, e);
  } catch (const db::Error& e) {
    refuse(exchange, api_error_of(e));
  } catch (const std::exception& e) {
    refuse(exchange, ApiError(errors::kInternalError).with_cause(e.what()));
  }
}

void Pipeline::admit(http::Exchange& exchange) noexcept {
  guarded(exchange, [&] {
    const http::RouteSpec& spec = exchange.endpoint->spec;
    exchange.call = std::make_unique<http::Call>(exchange.request, *exchange.endpoint);
    exchange.call->path_params = exchange.path_params;
    exchange.call->request_id = exchange.request_id;
    exchange.call->versioned = exchange.versioned;
    exchange.call->now = clock_.now();
    if (!spec.role) return;
    auth_.authenticate(*exchange.call);
    check_tenant_in_body(*exchange.call);  // of bodies that are read already; the others are checked when they are
    check_kill_switch(spec);
    auth_.require_role(*exchange.call, *spec.role);
  });
}

void Pipeline::check_tenant_in_body(const http::Call& call) {
  if (call.endpoint.spec.forbids_tenant_in_body && is_json(call.request) && names_tenant(call.request.body))
    throw ApiError(errors::kTenantIdNotAllowed);
}

void Pipeline::check_kill_switch(const http::RouteSpec& spec) const {
  if (spec.kill_switch.empty()) return;
  for (const KillSwitch& entry : kKillSwitches)
    if (entry.name == spec.kill_switch && settings_.get(entry.setting))
      throw ApiError(errors::kFeatureTemporarilyDisabled, std::string(entry.message));
}

void Pipeline::execute(http::Exchange& exchange) noexcept {
  guarded(exchange, [&] { run(exchange); });
}

void Pipeline::run(http::Exchange& exchange) {
  http::Call& call = *exchange.call;
  check_tenant_in_body(call);
  // Write freeze, rate limit and quota stand here; scope, entitlement and idempotency between decoding and handler.
  const http::AfterDecode after_decode = [](http::Call&) { return std::nullopt; };
  if (const auto* plain = std::get_if<http::PlainHandler>(&exchange.endpoint->run)) {
    exchange.reply = (*plain)(call, after_decode);
  } else {
    auto answer = std::get<http::StreamHandler>(exchange.endpoint->run)(call, after_decode);
    if (auto* stream = std::get_if<std::unique_ptr<http::EventStream>>(&answer)) {
      exchange.stream = std::move(*stream);
    } else {
      exchange.reply = std::move(std::get<http::Reply>(answer));
    }
  }
  finish_reply(exchange);
}

void Pipeline::finish_reply(http::Exchange& exchange) {
  http::Reply& reply = exchange.reply;
  if (reply.is_payload && exchange.versioned && exchange.endpoint->spec.enveloped && reply.status / 100 == 2)
    wrap_success(reply, exchange.request_id);
  if (exchange.call)
    for (auto& header : exchange.call->reply_headers) reply.headers.push_back(std::move(header));
  append_common_headers(exchange, reply.headers);
  exchange.answered = true;
}

void Pipeline::append_common_headers(const http::Exchange& exchange, http::Pairs& headers) const {
  headers.emplace_back("X-Request-Id", exchange.request_id);
  if (is_deprecated(exchange.request.path)) {
    headers.emplace_back("Deprecation", "true");
    headers.emplace_back("Sunset", sunset_);
    headers.emplace_back("Link", kSuccessor);
  }
}

void Pipeline::refuse(http::Exchange& exchange, const ApiError& error) noexcept {
  // The path of a head that could not be read is not known: such a refusal takes the form that carries the request id.
  const std::string_view path = exchange.request.path;
  const bool versioned = path.empty() || path.starts_with("/v1");
  exchange.stream.reset();
  exchange.reply = error_reply(error, exchange.request_id, versioned);
  if (error.kind().status / 100 == 3) {  // a redirect has nothing to say beyond its Location
    exchange.reply.body.clear();
    exchange.reply.content_type.clear();
  }
  if (exchange.call)
    for (auto& header : exchange.call->reply_headers) exchange.reply.headers.push_back(std::move(header));
  append_common_headers(exchange, exchange.reply.headers);
  exchange.answered = true;
  if (error.kind().status >= 500)
    observe::log_error("request failed", {{"request_id", exchange.request_id},
                                          {"path", exchange.request.path},
                                          {"code", error.kind().code},
                                          {"reason", error.cause().empty() ? error.message() : error.cause()}});
}

void Pipeline::finished(http::Exchange& exchange) noexcept {
  constexpr int kClientGone = 499;  // as proxies log a client that left before its answer
  const int status = exchange.stream                              ? exchange.stream->status()
                     : exchange.client_gone && !exchange.answered ? kClientGone
                                                                  : exchange.reply.status;
  const ClassMetrics& own = classes_[static_cast<std::size_t>(class_of(exchange))];
  own.by_family[static_cast<std::size_t>(std::clamp(status / 100, 1, 5))]->add();
  own.latency_ms->observe(static_cast<double>(exchange.first_byte_us) / 1000.0);
  own.total_seconds->observe(static_cast<double>(exchange.total_us) / 1e6);
  if (status >= 500) server_errors_.add();
  if (!observe::log_enabled(observe::Level::kInfo)) return;
  const std::string_view route = exchange.endpoint ? exchange.endpoint->spec.path : std::string_view("unmatched");
  const std::string_view tenant = exchange.call && exchange.call->is_authenticated()
                                      ? std::string_view(exchange.call->principal().tenant_id)
                                      : std::string_view{};
  observe::log_info("request", {{"request_id", exchange.request_id},
                                {"tenant_id", tenant},
                                {"method", exchange.request.method},
                                {"route", route},
                                {"status", status},
                                {"duration_ms", static_cast<double>(exchange.total_us) / 1000.0}});
}

}  // namespace nexus::app
