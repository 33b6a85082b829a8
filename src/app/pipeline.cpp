#include "app/pipeline.h"

#include "app/envelope.h"
#include "base/encoding.h"
#include "base/errors.h"
#include "config/settings_table.h"
#include "db/database.h"
#include "http/request_trace.h"
#include "http/stream.h"
#include "json/json.h"
#include "observe/log.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace nexus::app {
namespace {

constexpr std::string_view kRequestId = "X-Request-Id";
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

/// What was charged is given back when the request was refused as it stood: not decodable, not in the plan, not valid.
bool costs_nothing(const ApiError& error) {
  const std::string_view code = error.kind().code;
  return error.kind().status == errors::kValidationError.status || code == errors::kFeatureNotEnabled.code ||
         code == errors::kCostFeatureNotEnabled.code;
}

bool is_refused_caller(const ApiError& error) {
  return error.kind().status == 401 || error.kind().status == 403;
}

/// What the gates left for the client goes with the first answer. A second one (its file has vanished, its numbers
/// cannot be read) must not repeat what was moved away.
void take_reply_headers(http::Call& call, http::Pairs& headers) {
  for (auto& header : call.reply_headers) headers.push_back(std::move(header));
  call.reply_headers.clear();
}

}  // namespace

/// A call with what the gates handed out for it.
struct Pipeline::GatedCall final : http::Call {
  using Call::Call;

  http::RequestTrace trace;
  quotas::Charge charge;
  bool charged = false;  // the quota gate let it pass: its headers belong to a success
  bool reached_handler = false;
  idempotency::Reservation reservation;
};

bool names_tenant(std::string_view body) {
  if (body.find("tenant_id") == std::string_view::npos && body.find("\\u") == std::string_view::npos) return false;
  try {
    const boost::json::value value = json::parse(body);
    return value.is_object() && value.get_object().contains("tenant_id");
  } catch (const json::ParseError&) {
    return false;
  }
}

Pipeline::Pipeline(const Gates& gates, const config::Settings& settings, const Clock& clock,
                   const observe::Segments& segments)
    : gates_(gates),
      settings_(settings),
      clock_(clock),
      tracer_(segments.tracer),
      server_errors_(segments.metrics.counter("nexusrag_server_errors_total")),
      sunset_(settings.get(config::kApiLegacySunset)) {
  for (const http::RouteClass route_class :
       {http::RouteClass::kRead, http::RouteClass::kMutation, http::RouteClass::kOps, http::RouteClass::kRun}) {
    ClassMetrics& own = classes_[static_cast<std::size_t>(route_class)];
    const std::string name(http::to_string(route_class));
    for (int hundreds = 1; hundreds <= 5; ++hundreds)
      own.by_family[static_cast<std::size_t>(hundreds)] = &segments.metrics.counter(
          "nexusrag_requests_total", {{"route_class", name}, {"status_family", std::to_string(hundreds) + "xx"}});
    own.auth = segments.of(name, "auth_rbac");
    own.total_seconds = &segments.metrics.histogram("nexusrag_request_seconds", {{"route_class", name}});
    own.latency_ms = &segments.metrics.histogram("nexusrag_request_latency_ms", {{"route_class", name}});
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
    exchange.call = std::make_unique<GatedCall>(exchange.request, *exchange.endpoint);
    exchange.call->path_params = exchange.path_params;
    exchange.call->request_id = exchange.request_id;
    exchange.call->versioned = exchange.versioned;
    exchange.call->now = clock_.now();
    GatedCall& call = gated(exchange);
    if (tracer_ != nullptr) call.trace = http::enter_trace(*tracer_, exchange.request);
    if (!spec.role) return;
    const observe::TraceScope scope(call.trace.context);
    const auto timer = classes_[static_cast<std::size_t>(spec.route_class)].auth.time(call.trace.context);
    authenticate(call);
    check_tenant_in_body(call);  // of bodies that are read already; the others are checked when they are
    check_kill_switch(spec);
    try {
      gates_.auth.require_role(call, *spec.role);
    } catch (const ApiError& e) {
      if (is_refused_caller(e)) gates_.limits.charge(call);  // its own rate bounds how often it may be told
      throw;
    }
    charge(call);  // the write freeze stands before it (failover)
  });
}

Pipeline::GatedCall& Pipeline::gated(http::Exchange& exchange) {
  return static_cast<GatedCall&>(*exchange.call);  // admit() makes no other
}

void Pipeline::authenticate(GatedCall& call) {
  gates_.limits.admit_stranger(call, [&] { return gates_.auth.remembers(call); });
  try {
    gates_.auth.authenticate(call);
  } catch (const ApiError& e) {
    if (is_refused_caller(e)) gates_.limits.refused(call);
    throw;
  }
}

void Pipeline::charge(GatedCall& call) {
  gates_.usage.request(call);
  try {
    gates_.limits.charge(call);
  } catch (const ApiError& e) {
    if (e.kind().status == errors::kRateLimited.status) gates_.usage.rate_limited(call);
    throw;
  }
  call.charge = gates_.quotas.charge(call);
  call.charged = true;
}

void Pipeline::give_back(GatedCall& call) noexcept {
  if (call.charge.units > 0) gates_.quotas.refund(call, call.charge);
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

/// The last gates, when the input is known to be well formed. Handlers look at the tenant that a path names.
std::optional<http::Reply> Pipeline::after_decode(GatedCall& call, const http::Decoded& decoded) {
  if (call.is_authenticated()) {
    const std::string_view feature = call.endpoint.spec.feature;
    if (!feature.empty()) gates_.plans.require(call.tenant(), feature);
    if (std::optional<http::Reply> stored = gates_.idempotency.begin(call, decoded, call.reservation)) {
      give_back(call);
      return stored;
    }
  }
  call.reached_handler = true;
  return std::nullopt;
}

void Pipeline::run(http::Exchange& exchange) {
  GatedCall& call = gated(exchange);
  const observe::TraceScope scope(call.trace.context);
  check_tenant_in_body(call);
  const http::AfterDecode after_decode = [&](http::Call&, const http::Decoded& decoded) {
    return this->after_decode(call, decoded);
  };
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
  if (exchange.call) take_reply_headers(*exchange.call, reply.headers);
  if (exchange.call && gated(exchange).charged && reply.status / 100 == 2)
    append_quota_headers(*exchange.call, reply.headers);
  append_common_headers(exchange, reply.headers);
  if (exchange.call && !exchange.stream) gated(exchange).reservation.complete(reply);
  exchange.answered = true;
}

/// The handler's change is committed by now: numbers that cannot be read are left out, so that a client is not told to
/// try again, nor its Idempotency-Key freed for that.
void Pipeline::append_quota_headers(const http::Call& call, http::Pairs& headers) {
  try {
    gates_.quotas.append_headers(call, headers);
  } catch (const db::Error& e) {
    observe::log_warn("quota headers are left out", {{"request_id", call.request_id}, {"reason", e.what()}});
  }
}

void Pipeline::append_common_headers(const http::Exchange& exchange, http::Pairs& headers) const {
  const bool replayed =
      std::any_of(headers.begin(), headers.end(), [](const auto& h) { return h.first == kRequestId; });
  if (!replayed) headers.emplace_back(kRequestId, exchange.request_id);  // a stored answer brings its own
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
  if (exchange.call) take_reply_headers(*exchange.call, exchange.reply.headers);
  append_common_headers(exchange, exchange.reply.headers);
  if (exchange.call) {
    GatedCall& call = gated(exchange);
    if (!call.reached_handler || costs_nothing(error)) give_back(call);
    call.reservation.complete(exchange.reply, error.kind().code);
  }
  exchange.answered = true;
  if (error.kind().status >= 500)
    observe::log_error("request failed", {{"request_id", exchange.request_id},
                                          {"path", exchange.request.path},
                                          {"code", error.kind().code},
                                          {"reason", error.cause().empty() ? error.message() : error.cause()}});
}

void Pipeline::finished(http::Exchange& exchange) noexcept {
  if (exchange.call && !gated(exchange).reached_handler) give_back(gated(exchange));  // its body never came
  constexpr int kClientGone = 499;  // as proxies log a client that left before its answer
  const int status = exchange.stream                              ? exchange.stream->status()
                     : exchange.client_gone && !exchange.answered ? kClientGone
                                                                  : exchange.reply.status;
  const ClassMetrics& own = classes_[static_cast<std::size_t>(class_of(exchange))];
  own.by_family[static_cast<std::size_t>(std::clamp(status / 100, 1, 5))]->add();
  own.latency_ms->observe(static_cast<double>(exchange.first_byte_us) / 1000.0);
  own.total_seconds->observe(static_cast<double>(exchange.total_us) / 1e6);
  if (status >= 500) server_errors_.add();
  if (tracer_ != nullptr)
    http::submit_server_span(*tracer_,
                             exchange.call ? gated(exchange).trace : http::enter_trace(*tracer_, exchange.request),
                             exchange, status, clock_.now());
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
