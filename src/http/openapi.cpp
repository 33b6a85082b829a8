#include "http/openapi.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/errors.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nexus::http {
namespace {

namespace bj = boost::json;

constexpr std::array<std::string_view, 21> kTagOrder{
    "admin",    "security",    "audio",      "audit",  "authz",     "compliance", "ops",
    "corpora",  "costs",       "self-serve", "crypto", "documents", "governance", "health",
    "identity", "operability", "run",        "scim",   "sla",       "sso",        "ui"};

bj::string_view json_view(std::string_view view) {
  return {view.data(), view.size()};
}
bj::object component_ref(std::string_view component) {
  return {{"$ref", "#/components/schemas/" + std::string(component)}};
}

/// Contract 01 §1.6: the documentation covers /v1 and two public reads beside it.
bool documented(const RouteSpec& spec) {
  if (spec.hidden || spec.verb == Verb::kOptions || spec.verb == Verb::kHead || spec.verb == Verb::kOther) return false;
  if (!spec.versioned) return spec.path == "/api/stats" || spec.path == "/api/benchmark-latest";
  return spec.path != "/healthz" && spec.path != "/metrics" && spec.path != "/openapi.json" && spec.path != "/docs";
}

bool needs_credential(const RouteSpec& spec) {
  return spec.path != "/health" && spec.path != "/metrics" && spec.path != "/audio/{audio_id}.mp3";
}

/// `list_documents` → `List Documents`.
std::string spoken(std::string_view operation) {
  std::string out;
  bool start = true;
  for (const char c : operation) {
    out.push_back(c == '_' ? ' ' : start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c);
    start = c == '_';
  }
  return out;
}

/// A struct that is both sent and answered has two shapes; this marks the one that is sent.
constexpr std::string_view kInput = "Input";

/// Structs found in schemas, moved to one place and referred to by name.
class Components {
 public:
  /// Replaces every struct in `schema` by a reference. `suffix` tells a struct from another one that has its name.
  void hoist(bj::value& schema, std::string_view suffix = {}) {
    if (schema.is_array()) {
      for (bj::value& item : schema.get_array()) hoist(item, suffix);
      return;
    }
    if (!schema.is_object()) return;
    bj::object& object = schema.get_object();
    for (bj::key_value_pair& member : object)
      if (!is_data(member.key())) hoist(member.value(), suffix);
    const bj::value* title = object.if_contains("title");
    if (title == nullptr || !title->is_string() || !object.contains("properties")) return;
    bj::object beside;
    for (const char* key : {"default", "description", "examples"}) {
      if (bj::value* extra = object.if_contains(key)) {
        beside[key] = std::move(*extra);
        object.erase(key);
      }
    }
    bj::object replaced = component_ref(place(std::string(title->get_string()), object, suffix));
    for (bj::key_value_pair& member : beside) replaced[member.key()] = std::move(member.value());
    schema = std::move(replaced);
  }

  /// The name under which the schema stands: two structs of one name and different shape are told apart by the suffix,
  /// then by a number.
  std::string place(const std::string& title, const bj::object& schema, std::string_view suffix = {}) {
    const std::string other = title + std::string(suffix);
    std::string name = title;
    for (int i = suffix.empty() ? 2 : 1;; ++i) {
      const auto [slot, fresh] = schemas_.try_emplace(name, schema);
      if (fresh || slot->second == schema) return name;
      name = i == 1 ? other : other + std::to_string(i);
    }
  }

  [[nodiscard]] bj::object take() {
    bj::object out;
    for (auto& [name, schema] : schemas_) out[name] = std::move(schema);
    return out;
  }

 private:
  static bool is_data(bj::string_view key) {
    return key == "default" || key == "examples" || key == "example" || key == "enum" || key == "required";
  }
  std::map<std::string, bj::object> schemas_;
};

/// `{"data": payload, "meta": …}`, named after the payload where that has a name, as the original's components are.
bj::value enveloped(Components& components, bj::value payload) {
  std::string name;
  const auto named = [](const bj::value& schema) -> std::string {
    const bj::value* target = schema.is_object() ? schema.get_object().if_contains("$ref") : nullptr;
    if (target == nullptr) return {};
    const std::string path(target->as_string());
    return path.substr(path.rfind('/') + 1);
  };
  if (const std::string one = named(payload); !one.empty()) {
    name = "SuccessEnvelope_" + one + "_";
  } else if (payload.is_object() && payload.get_object().contains("items")) {
    if (const std::string item = named(payload.at("items")); !item.empty())
      name = "SuccessEnvelope_list_" + item + "__";
  }
  bj::object schema{{"type", "object"},
                    {"properties", {{"data", std::move(payload)}, {"meta", component_ref("ResponseMeta")}}},
                    {"required", {"data", "meta"}}};
  return name.empty() ? bj::value(std::move(schema)) : bj::value(component_ref(components.place(name, schema)));
}

struct ErrorAnswer {
  const ErrorKind& kind;
  const char* description;
  bool (*given_by)(const RouteSpec&);
  bj::object details = {};
};

bool always(const RouteSpec&) {
  return true;
}
bool takes_body(const RouteSpec& spec) {
  return spec.body != BodyKind::kNone;
}
bool takes_file(const RouteSpec& spec) {
  return spec.body == BodyKind::kMultipart;
}
/// Every tenant's write keeps something, if only its audit row.
bool stores(const RouteSpec& spec) {
  return spec.verb != Verb::kGet && spec.role.has_value();
}

/// The error answers of the operations, in the order in which they are listed.
std::vector<ErrorAnswer> error_answers() {
  return {
      {errors::kBadRequest, "Bad request", always},
      {errors::kAuthUnauthorized, "Unauthorized", always},
      {errors::kQuotaExceeded,
       "Quota exceeded",
       always,
       {{"period", "month"}, {"limit", 10000}, {"used", 10000}, {"remaining", 0}}},
      {errors::kAuthForbidden, "Forbidden", always},
      {errors::kNotFound, "Not found", always},
      {errors::kRequestTimeout, "The body did not arrive in time", takes_body},
      {errors::kIdempotencyKeyConflict, "Conflict", always},
      {errors::kPayloadTooLarge, "Body too large", takes_body},
      {errors::kUnsupportedMediaType, "Unsupported kind of file", takes_file},
      {errors::kRequestValidationError,
       "Validation error",
       always,
       {{"errors",
         bj::array{bj::object{
             {"type", "missing"}, {"loc", {"body", "name"}}, {"msg", "Field required"}, {"input", bj::object()}}}}}},
      {errors::kRateLimited,
       "Rate limited",
       always,
       {{"scope", "api_key"}, {"route_class", "read"}, {"retry_after_ms", 1200}}},
      {errors::kInternalError, "Internal server error", always},
      {errors::kServiceUnavailable, "Service unavailable", always},
      {errors::kInsufficientStorage, "No space left", stores},
  };
}

bj::object error_response(const ErrorAnswer& answer) {
  bj::object error{{"code", json_view(answer.kind.code)}, {"message", json_view(answer.kind.message)}};
  if (!answer.details.empty()) error["details"] = answer.details;
  const bj::object example{{"error", std::move(error)},
                           {"meta", {{"request_id", "req_example"}, {"api_version", "v1"}}}};
  return {{"description", answer.description},
          {"content", {{"application/json", {{"schema", component_ref("ErrorEnvelope")}, {"example", example}}}}}};
}

void place_envelopes(Components& components) {
  components.place(
      "ResponseMeta",
      {{"title", "ResponseMeta"},
       {"type", "object"},
       {"properties", {{"request_id", {{"type", "string"}}}, {"api_version", {{"type", "string"}, {"default", "v1"}}}}},
       {"required", bj::array{"request_id"}}});
  components.place("ErrorDetail", {{"title", "ErrorDetail"},
                                   {"type", "object"},
                                   {"properties",
                                    {{"code", {{"type", "string"}}},
                                     {"message", {{"type", "string"}}},
                                     {"details", {{"type", "object"}, {"additionalProperties", true}}}}},
                                   {"required", {"code", "message"}}});
  components.place("ErrorEnvelope",
                   {{"title", "ErrorEnvelope"},
                    {"type", "object"},
                    {"properties", {{"error", component_ref("ErrorDetail")}, {"meta", component_ref("ResponseMeta")}}},
                    {"required", {"error", "meta"}}});
}

bj::array parameters_of(const Endpoint& row, Components& components) {
  bj::array parameters;
  if (row.parameters_schema) {
    bj::value declared = row.parameters_schema();
    if (declared.is_array()) parameters = std::move(declared.get_array());
  }
  const auto known = [&](std::string_view name, const char* where) {
    return std::any_of(parameters.begin(), parameters.end(), [&](const bj::value& p) {
      return p.at("in") == where && ascii_iequals(std::string_view(p.at("name").as_string()), name);
    });
  };
  // Handlers may read a path parameter straight from the call; it is documented all the same.
  const std::string_view path = row.spec.path;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open + 1)) {
    const std::string_view name = path.substr(open + 1, path.find('}', open) - open - 1);
    if (!known(name, "path"))
      parameters.push_back(
          {{"name", json_view(name)}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  }
  if (row.spec.idempotency != Idempotency::kUnsupported && !known("Idempotency-Key", "header"))
    parameters.push_back({{"name", "Idempotency-Key"},
                          {"in", "header"},
                          {"required", row.spec.idempotency == Idempotency::kRequired},
                          {"description", "Makes a repeated request answer with the first one's result."},
                          {"schema", {{"type", "string"}, {"maxLength", 128}}}});
  for (bj::value& parameter : parameters) components.hoist(parameter, kInput);
  return parameters;
}

/// schema::write() writes every member, null ones too: in an answer a client may count on each.
void require_all(bj::value& schema) {
  if (schema.is_array()) {
    for (bj::value& item : schema.get_array()) require_all(item);
    return;
  }
  if (!schema.is_object()) return;
  bj::object& object = schema.get_object();
  for (const char* key : {"items", "additionalProperties", "anyOf"})
    if (bj::value* inside = object.if_contains(key)) require_all(*inside);
  bj::value* properties = object.if_contains("properties");
  if (properties == nullptr) return;
  bj::array names;
  for (bj::key_value_pair& member : properties->get_object()) {
    names.emplace_back(member.key());
    require_all(member.value());
  }
  if (!names.empty()) object["required"] = std::move(names);
}

bj::object success_of(const Endpoint& row, Components& components) {
  bj::object response{{"description", "Successful Response"}};
  if (row.spec.success == 204) return response;
  if (std::holds_alternative<StreamHandler>(row.run)) {
    // No type: some tools hold the schema against the whole text, others against each event.
    response["content"] = {{"text/event-stream", {{"schema", {{"description", "A stream of server-sent events"}}}}}};
    return response;
  }
  if (row.spec.answers_file) {
    response["content"] = {{"*/*", {{"schema", bj::object()}}}};
    return response;
  }
  bj::value schema = row.response_schema ? bj::value(row.response_schema()) : bj::value(bj::object());
  require_all(schema);
  components.hoist(schema);
  if (row.spec.versioned && row.spec.enveloped) schema = enveloped(components, std::move(schema));
  response["content"] = {{"application/json", {{"schema", std::move(schema)}}}};
  return response;
}

/// What became of each of several files.
bj::object multi_status() {
  const bj::object item{{"type", "object"},
                        {"properties",
                         {{"filename", {{"type", "string"}}},
                          {"status_code", {{"type", "integer"}}},
                          {"document", {{"type", "object"}}},
                          {"error", {{"type", "object"}}}}},
                        {"required", {"filename", "status_code"}}};
  const bj::object list{{"type", "object"},
                        {"properties", {{"items", {{"type", "array"}, {"items", item}}}}},
                        {"required", bj::array{"items"}}};
  const bj::object schema{{"type", "object"},
                          {"properties", {{"data", list}, {"meta", component_ref("ResponseMeta")}}},
                          {"required", {"data", "meta"}}};
  return {{"description", "Several files were sent; each has a status of its own"},
          {"content", {{"application/json", {{"schema", schema}}}}}};
}

bj::object operation_of(const Endpoint& row, Components& components, const std::vector<ErrorAnswer>& answers) {
  const RouteSpec& spec = row.spec;
  bj::object operation;
  if (!spec.tag.empty()) operation["tags"] = bj::array{json_view(spec.tag)};
  operation["summary"] =
      spec.summary.empty() ? bj::string(spoken(spec.operation)) : bj::string(json_view(spec.summary));
  operation["operationId"] = operation_id(spec);
  if (spec.role) operation["x-required-role"] = json_view(to_string(*spec.role));
  if (!spec.feature.empty()) operation["x-required-feature"] = json_view(spec.feature);
  if (bj::array parameters = parameters_of(row, components); !parameters.empty())
    operation["parameters"] = std::move(parameters);
  if (spec.body != BodyKind::kNone) {
    bj::value schema = row.request_schema ? bj::value(row.request_schema()) : bj::value(bj::object());
    components.hoist(schema, kInput);
    const char* type = spec.body == BodyKind::kMultipart ? "multipart/form-data" : "application/json";
    operation["requestBody"] = {{"required", spec.body != BodyKind::kOptionalJson},
                                {"content", {{type, {{"schema", std::move(schema)}}}}}};
  }
  bj::object responses;
  responses[std::to_string(spec.success)] = success_of(row, components);
  if (spec.other_success != OtherSuccess::kNone) {
    responses["200"] = success_of(row, components);
    responses["200"].get_object()["description"] = "Nothing was left to do";
  }
  if (spec.other_success == OtherSuccess::kDoneOrMany) responses["207"] = multi_status();
  for (const ErrorAnswer& answer : answers)
    if (answer.given_by(spec)) responses[std::to_string(answer.kind.status)] = error_response(answer);
  operation["responses"] = std::move(responses);
  if (needs_credential(spec)) operation["security"] = bj::array{bj::object{{"BearerAuth", bj::array()}}};
  return operation;
}

bj::array tags_of(std::span<const Endpoint> endpoints) {
  std::vector<std::string_view> used;
  for (const Endpoint& row : endpoints)
    if (documented(row.spec) && !row.spec.tag.empty() &&
        std::find(used.begin(), used.end(), row.spec.tag) == used.end())
      used.push_back(row.spec.tag);
  const auto rank = [](std::string_view tag) {
    return std::find(kTagOrder.begin(), kTagOrder.end(), tag) - kTagOrder.begin();
  };
  std::stable_sort(used.begin(), used.end(), [&](std::string_view a, std::string_view b) { return rank(a) < rank(b); });
  bj::array tags;
  for (const std::string_view tag : used) tags.push_back(bj::object{{"name", json_view(tag)}});
  return tags;
}

bj::array error_codes() {
  bj::array codes;
  for (const ErrorKind* kind : errors::catalogue())
    codes.push_back({{"code", json_view(kind->code)},
                     {"status", kind->status},
                     {"message", json_view(kind->message)},
                     {"advice", json_view(kind->advice)}});
  return codes;
}

}  // namespace

std::string documented_path(const RouteSpec& spec) {
  return (spec.versioned ? "/v1" : "") + std::string(spec.path);
}

std::string operation_id(const RouteSpec& spec) {
  std::string id(spec.operation);
  for (const char c : documented_path(spec)) {
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    id.push_back(word ? c : '_');
  }
  return id + "_" + ascii_lower(to_string(spec.verb));
}

boost::json::object openapi_document(std::span<const Endpoint> endpoints) {
  Components components;
  place_envelopes(components);
  const std::vector<ErrorAnswer> answers = error_answers();
  // First, so that answers keep the plain names, whatever the order of the rows.
  for (const Endpoint& row : endpoints)
    if (documented(row.spec)) (void)success_of(row, components);
  bj::object paths;
  for (const Endpoint& row : endpoints) {
    if (!documented(row.spec)) continue;
    bj::value& path = paths[documented_path(row.spec)];
    if (path.is_null()) path.emplace_object();
    path.get_object()[ascii_lower(to_string(row.spec.verb))] = operation_of(row, components, answers);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "NexusRAG API"}, {"version", "v1"}}},
          {"servers", bj::array{bj::object{{"url", "/"}}}},
          {"tags", tags_of(endpoints)},
          {"paths", std::move(paths)},
          {"components",
           {{"schemas", components.take()},
            {"securitySchemes", {{"BearerAuth", {{"type", "http"}, {"scheme", "bearer"}}}}}}},
          {"x-error-codes", error_codes()}};
}

}  // namespace nexus::http
