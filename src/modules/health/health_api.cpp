#include "modules/health/health_api.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "crypto/constant_time.h"
#include "http/plain.h"
#include "json/json.h"

namespace nexus::health {

using enum http::Verb;

HealthApi::HealthApi(const Clock& clock, const observe::Metrics& metrics, Readiness readiness, Secret metrics_token)
    : clock_(clock), metrics_(metrics), readiness_(std::move(readiness)), metrics_token_(std::move(metrics_token)) {}

std::vector<http::Endpoint> HealthApi::endpoints() const {
  using http::LaneKind;
  std::vector<http::Endpoint> rows{
      http::plain<&HealthApi::health>(*this, {.verb = kGet,
                                              .path = "/health",
                                              .operation = "health",
                                              .lane = LaneKind::kInline,
                                              .tag = "health",
                                              .summary = "Tell that the server answers"}),
      http::plain<&HealthApi::healthz>(*this, {.verb = kGet,
                                               .path = "/healthz",
                                               .operation = "healthz",
                                               .lane = LaneKind::kInline,
                                               .hidden = true,
                                               .enveloped = false,
                                               .tag = "health",
                                               .summary = "Tell that the server answers, with its time"}),
      http::plain<&HealthApi::metrics>(*this, {.verb = kGet,
                                               .path = "/metrics",
                                               .operation = "metrics",
                                               .hidden = true,
                                               .enveloped = false,
                                               .tag = "health",
                                               .summary = "Prometheus metrics"}),
      http::plain<&HealthApi::livez>(*this, {.verb = kGet,
                                             .path = "/livez",
                                             .operation = "livez",
                                             .lane = LaneKind::kInline,
                                             .versioned = false,
                                             .legacy_alias = false,
                                             .hidden = true,
                                             .enveloped = false,
                                             .tag = "health",
                                             .summary = "Liveness probe"}),
      http::plain<&HealthApi::readyz>(*this, {.verb = kGet,
                                              .path = "/readyz",
                                              .operation = "readyz",
                                              .versioned = false,
                                              .legacy_alias = false,
                                              .hidden = true,
                                              .enveloped = false,
                                              .tag = "health",
                                              .summary = "Readiness probe: database, migrations, not stopping"})};
  return rows;
}

http::Reply HealthApi::health(http::Call& /*call*/) const {
  return http::Reply::json(R"({"status":"ok"})");
}

http::Reply HealthApi::healthz(http::Call& /*call*/) const {
  std::string out;
  json::Writer(out).begin_object().field("status", "ok").field("ts", iso(clock_.now())).end_object();
  return http::Reply::json(std::move(out));
}

http::Reply HealthApi::livez(http::Call& /*call*/) const {
  return http::Reply::json(R"({"status":"ok"})");
}

http::Reply HealthApi::readyz(http::Call& /*call*/) const {
  bool ready = true;
  std::string out;
  json::Writer w(out);
  w.begin_object().key("checks").begin_object();
  const bool stopping = readiness_.stopping != nullptr && readiness_.stopping->load();
  if (stopping) {
    ready = false;
    w.field("shutdown", "in progress");
  }
  for (const Readiness::Check& check : readiness_.checks) {
    const std::string problem = check.problem();
    ready = ready && problem.empty();
    w.field(check.name, problem.empty() ? std::string("ok") : problem);
  }
  w.end_object().field("status", ready ? "ready" : "unavailable").end_object();
  return http::Reply::json(std::move(out), ready ? 200 : 503);
}

http::Reply HealthApi::metrics(http::Call& call) const {
  if (!metrics_token_.empty()) {
    const std::string* given = call.request.header("Authorization");
    const std::string expected = "Bearer " + std::string(metrics_token_.reveal());
    if (given == nullptr || !crypto::constant_time_equal(*given, expected))
      throw ApiError(errors::kAuthUnauthorized, "Missing or invalid bearer token")
          .with_header("WWW-Authenticate", "Bearer");
  }
  return http::Reply::raw(metrics_.text(), "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace nexus::health
