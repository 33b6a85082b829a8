#include "http/plain.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/errors.h"
#include "http/idempotency.h"
#include "json/json.h"
#include "json/text.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::http::detail {
namespace {

namespace bj = boost::json;

[[noreturn]] void refuse(schema::Problems& problems) {
  throw ApiError(errors::kRequestValidationError, "Validation error", {{"errors", problems.take()}});
}

/// Missing and `+json` types count as JSON. SCIM clients send JSON under a form type (contract 03, C4); elsewhere that
/// stays an error, because such a request needs no CORS preflight.
bool is_json(const Request& request) {
  const std::string* header = request.header("Content-Type");
  if (header == nullptr) return true;
  const std::string type = ascii_lower(ascii_trim(std::string_view(*header).substr(0, header->find(';'))));
  if (type.empty() || type == "application/json") return true;
  if (type.starts_with("application/") && type.ends_with("+json")) return true;
  const std::string_view path = request.path;
  const bool scim = path.starts_with("/v1/scim/") || path.starts_with("/scim/");
  return scim && std::string_view(request.body).substr(0, 1) == "{";
}

[[noreturn]] void refuse(const json::ParseError& error) {
  using Kind = json::ParseError::Kind;
  if (error.kind() == Kind::kEncoding || error.kind() == Kind::kTooDeep)
    throw ApiError(errors::kBadRequest, "There was an error parsing the body").with_cause(error.what());
  schema::Problems problems;
  problems.add("json_invalid", {"body", error.position()}, "JSON decode error", bj::object(),
               {{"error", error.what()}});
  refuse(problems);
}

/// The JSON body, or null when there is none. Text of another type is kept as a string, which no struct accepts.
bj::value body_of(const Request& request, bj::storage_ptr storage) {
  if (request.body.empty()) return nullptr;
  if (!is_json(request)) return bj::value(json::utf8_or_replaced(request.body));
  try {
    return json::parse(request.body, {.max_bytes = request.body.size()}, std::move(storage));
  } catch (const json::ParseError& error) {
    refuse(error);
  }
}

void check_idempotency_key(const Call& call, schema::Problems& problems) {
  if (!reads_idempotency_key(call)) return;
  const std::optional<std::string_view> key = idempotency_key(call.request);
  if (!key || key->size() <= kLongestIdempotencyKey) return;
  problems.add("string_too_long", {"header", bj::string_view(kIdempotencyKey.data(), kIdempotencyKey.size())},
               "String should have at most 128 characters", bj::value(json::utf8_or_replaced(*key)),
               {{"max_length", kLongestIdempotencyKey}});
}

}  // namespace

void decode(const schema::detail::FieldTable& table, const Call& call, void* out) {
  using schema::Location;
  const Request& request = call.request;
  // Most bodies fit the buffer: then the parse allocates nothing. Members copy what they keep.
  std::array<unsigned char, 4096> buffer;
  bj::monotonic_resource memory(buffer.data(), buffer.size());
  const bool wants_body = table.has(Location::kBody);
  const bj::value body = wants_body ? body_of(request, &memory) : bj::value();
  const bj::value nothing_sent = bj::object();

  schema::Pairs files;
  if (table.has(Location::kFile))
    for (const UploadedFile& file : request.files) files.emplace_back(file.field, file.filename);

  schema::Inputs inputs{.body = &body,
                        .query = &request.query,
                        .path = &call.path_params,
                        .form = &request.form,
                        .headers = &request.headers,
                        .files = &files};
  if (body.is_null() && call.endpoint.spec.body == BodyKind::kOptionalJson && table.whole_body() == nullptr)
    inputs.body = &nothing_sent;

  schema::Problems problems;
  schema::detail::read_parameters(table, inputs, problems, out);
  check_idempotency_key(call, problems);
  schema::detail::read_body(table, inputs, problems, out);
  if (!problems.empty()) refuse(problems);
}

void decode_nothing(const Call& call) {
  schema::Problems problems;
  check_idempotency_key(call, problems);
  if (!problems.empty()) refuse(problems);
}

void check_row(const RouteSpec& spec, const schema::detail::FieldTable& table) {
  using schema::Location;
  const auto mistake = [&](std::string_view what) {
    throw std::logic_error(std::string(to_string(spec.verb)).append(" ").append(spec.path).append(": ").append(what));
  };
  const bool json = spec.body == BodyKind::kJson || spec.body == BodyKind::kOptionalJson;
  if (table.has(Location::kBody) && !json) mistake("body fields need .body = kJson or kOptionalJson");
  if ((table.has(Location::kForm) || table.has(Location::kFile)) && spec.body != BodyKind::kMultipart)
    mistake("form and file fields need .body = kMultipart");
  for (const auto& row : table.rows())
    if (row.location == Location::kPath && spec.path.find("{" + row.name + "}") == std::string_view::npos)
      mistake("the path has no parameter " + row.name);
}

Reply encode(const Call& call, const schema::detail::Type& type, const void* value) {
  std::string text;
  text.reserve(512);
  schema::detail::write_value(text, type, value);
  return Reply::json(std::move(text), call.endpoint.spec.success);
}

}  // namespace nexus::http::detail
