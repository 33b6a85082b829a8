#include "app/envelope.h"

#include "base/errors.h"
#include "json/json.h"

#include <boost/json/object.hpp>

namespace nexus::app {
namespace {

void append_meta(std::string& out, std::string_view request_id) {
  out.append(R"("meta":{"request_id":)");
  json::append_string(out, request_id);
  out.append(R"(,"api_version":"v1"})");
}

/// The original raised some errors as plain text, which its legacy answers still show; those carry the default code of
/// their status and no details. Credentials and limits always came as objects.
bool is_plain_text(const ApiError& error) {
  const std::string_view code = error.kind().code;
  if (!error.details().empty() || code.starts_with("AUTH_") || code == errors::kRateLimited.code) return false;
  return code == errors::default_for_status(error.kind().status).code;
}

std::string legacy_body(const ApiError& error) {
  std::string out = R"({"detail":)";
  if (error.kind().code == errors::kRequestValidationError.code && error.details().contains("errors")) {
    json::append(out, error.details().at("errors"));
  } else if (error.kind() == errors::kInternalError) {
    out.append(R"("Internal Server Error")");
  } else if (is_plain_text(error)) {
    json::append_string(out, error.message());
  } else {
    boost::json::object detail{{"code", error.kind().code}, {"message", error.message()}};
    for (const auto& member : error.details()) detail[member.key()] = member.value();
    json::append(out, detail);
  }
  return out.append("}");
}

std::string versioned_body(const ApiError& error, std::string_view request_id) {
  std::string out = R"({"error":{"code":)";
  json::append_string(out, error.kind().code);
  out.append(R"(,"message":)");
  json::append_string(out, error.message());
  if (!error.details().empty()) {
    out.append(R"(,"details":)");
    json::append(out, error.details());
  }
  out.append("},");
  append_meta(out, request_id);
  return out.append("}");
}

}  // namespace

void wrap_success(http::Reply& reply, std::string_view request_id) {
  std::string out;
  out.reserve(reply.body.size() + 110);
  out.append(R"({"data":)").append(reply.body).append(",");
  append_meta(out, request_id);
  out.append("}");
  reply.body = std::move(out);
  reply.is_payload = false;
}

http::Reply error_reply(const ApiError& error, std::string_view request_id, bool versioned) {
  http::Reply reply;
  reply.status = error.kind().status;
  reply.body = versioned ? versioned_body(error, request_id) : legacy_body(error);
  for (const auto& [name, value] : error.headers()) reply.headers.emplace_back(name, value);
  return reply;
}

}  // namespace nexus::app
