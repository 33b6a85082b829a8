#pragma once

#include "base/principal.h"
#include "http/call.h"
#include "http/message.h"

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nexus::http {

/// Decides rate limit, quota cost, write freeze and telemetry labels (contract 01 §6.1). kNone: outside the pipeline.
enum class RouteClass : std::uint8_t { kNone, kRead, kMutation, kOps, kRun };
[[nodiscard]] std::string_view to_string(RouteClass route_class);

enum class Idempotency : std::uint8_t { kUnsupported, kOptional, kRequired };

/// Where the blocking part of a row runs. kInline is for rows that neither block nor compute (health, static pages).
enum class LaneKind : std::uint8_t { kInline, kDb, kOutbound, kBulk };

enum class BodyKind : std::uint8_t { kNone, kJson, kOptionalJson, kMultipart };

/// One row per operation. It drives routing, gates, OpenAPI, generated documentation and the golden route list.
struct RouteSpec {
  Verb verb = Verb::kGet;
  std::string_view path;          ///< without "/v1", parameters in braces: "/documents/{document_id}"
  std::string_view operation;     ///< handler name; operationId derives from it, SDK methods follow
  std::optional<Role> role;       ///< least role; empty: public, no credential is looked at
  std::string_view feature = {};  ///< entitlement, e.g. "feature.audit_access"
  RouteClass route_class = RouteClass::kNone;
  Idempotency idempotency = Idempotency::kUnsupported;
  BodyKind body = BodyKind::kNone;
  LaneKind lane = LaneKind::kDb;
  std::string_view kill_switch = {};    ///< e.g. "kill.ingest"
  bool forbids_tenant_in_body = false;  ///< TENANT_ID_NOT_ALLOWED guard
  bool versioned = true;                ///< served under /v1
  bool legacy_alias = true;             ///< also served without /v1, with deprecation headers
  bool hidden = false;                  ///< left out of OpenAPI
  bool enveloped = true;                ///< JSON successes are wrapped in {"data","meta"}
  int success = 200;                    ///< status of the documented success
  std::string_view tag = {};
  std::string_view summary = {};
};

/// Called by the endpoint between decoding and the handler: scope, entitlement, idempotency. A value is a stored answer
/// to send instead of running the handler.
using AfterDecode = std::function<std::optional<Reply>(Call&)>;

using PlainHandler = std::function<Reply(Call&, const AfterDecode&)>;

class EventStream;  // http/stream.h
/// Runs on the row's lane; answers either with a plain reply or with a stream that the connection then drives.
using StreamHandler = std::function<std::variant<Reply, std::unique_ptr<EventStream>>(Call&, const AfterDecode&)>;

struct Endpoint {
  RouteSpec spec;
  std::variant<PlainHandler, StreamHandler> run;
  /// OpenAPI schema of the request (body and parameters) and of the success payload; empty when there is none.
  std::function<boost::json::object()> request_schema;
  std::function<boost::json::value()> parameters_schema;
  std::function<boost::json::object()> response_schema;
};

}  // namespace nexus::http
