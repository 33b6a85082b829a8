#pragma once

#include "base/principal.h"
#include "http/call.h"
#include "http/message.h"

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nexus::schema::detail {
class FieldTable;
}

namespace nexus::http {

/// Decides rate limit, quota cost, write freeze and telemetry labels (contract 01 §6.1). kNone: outside the pipeline.
enum class RouteClass : std::uint8_t { kNone, kRead, kMutation, kOps, kRun };
[[nodiscard]] std::string_view to_string(RouteClass route_class);

/// Whether a row honours `Idempotency-Key`. A row says kRequired or nothing: plain() settles the rest by the rule of
/// settled_idempotency(), so that no write can be forgotten.
enum class Idempotency : std::uint8_t { kUnsupported, kOptional, kRequired };

/// Where the blocking part of a row runs. kInline is for rows that neither block nor compute (health, static pages).
enum class LaneKind : std::uint8_t { kInline, kDb, kOutbound, kBulk };

/// Successes beside RouteSpec::success: kDone is 200 with the same payload, when there was nothing left to do;
/// kDoneOrMany also 207 with a list, one entry for each of several files.
enum class OtherSuccess : std::uint8_t { kNone, kDone, kDoneOrMany };

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
  bool secret_answer = false;           ///< answers hold a secret: kept encrypted for replays; see plain()
  bool answers_file = false;            ///< the success is a file of any media type; not enveloped
  OtherSuccess other_success = OtherSuccess::kNone;
  int success = 200;  ///< status of the documented success
  std::string_view tag = {};
  std::string_view summary = {};
};

/// Every POST, PUT, PATCH and DELETE under /v1 that a tenant may call takes the header (00-decisions,
/// `Idempotency-Key`). Throws std::logic_error for another row that says it does.
[[nodiscard]] inline Idempotency settled_idempotency(const RouteSpec& spec) {
  const bool writes =
      spec.verb == Verb::kPost || spec.verb == Verb::kPut || spec.verb == Verb::kPatch || spec.verb == Verb::kDelete;
  if (writes && spec.versioned && spec.role)
    return spec.idempotency == Idempotency::kRequired ? Idempotency::kRequired : Idempotency::kOptional;
  if (spec.idempotency != Idempotency::kUnsupported)
    throw std::logic_error(std::string(spec.path) + ": only a tenant's writes under /v1 take an Idempotency-Key");
  return Idempotency::kUnsupported;
}

/// The input that a handler is about to get, for gates that look at it (http/idempotency.h). Borrowed: valid during
/// AfterDecode only.
struct Decoded {
  const schema::detail::FieldTable* table = nullptr;  ///< null: the handler takes no input
  const void* value = nullptr;                        ///< the struct of that table
};

/// Called by the endpoint between decoding and the handler: scope, entitlement, idempotency. A value is a stored answer
/// to send instead of running the handler.
using AfterDecode = std::function<std::optional<Reply>(Call&, const Decoded&)>;

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
