#include "app/envelope.h"

#include "base/errors.h"

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <string>

namespace nexus::app {
namespace {

using boost::json::object;

TEST(Envelope, WrapsAPayload) {
  http::Reply reply = http::Reply::json(R"([{"a":1}])", 202);
  wrap_success(reply, "8f0c\"");
  EXPECT_EQ(reply.body, R"({"data":[{"a":1}],"meta":{"request_id":"8f0c\"","api_version":"v1"}})");
  EXPECT_EQ(reply.status, 202);
  EXPECT_FALSE(reply.is_payload);
}

struct ErrorCase {
  const char* what;
  ApiError error;
  int status;
  std::string versioned;  // the `error` member
  std::string legacy;     // the whole body
};

TEST(Envelope, ErrorsAreByteForByteTheContracts) {
  const object list{{"errors", {{{"type", "missing"}, {"loc", {"body", "message"}}}}}};
  const ErrorCase cases[] = {
      {"plain text of a handler", ApiError(errors::kNotFound, "Corpus not found"), 404,
       R"({"code":"NOT_FOUND","message":"Corpus not found"})", R"({"detail":"Corpus not found"})"},
      {"plain conflict", ApiError(errors::kConflict, "Document belongs to a different corpus"), 409,
       R"({"code":"CONFLICT","message":"Document belongs to a different corpus"})",
       R"({"detail":"Document belongs to a different corpus"})"},
      {"plain validation", ApiError(errors::kValidationError, "retrieval config missing"), 422,
       R"({"code":"VALIDATION_ERROR","message":"retrieval config missing"})",
       R"({"detail":"retrieval config missing"})"},
      {"a code of its own", ApiError(errors::kIngestValidationError, "Text must not be empty"), 422,
       R"({"code":"INGEST_VALIDATION_ERROR","message":"Text must not be empty"})",
       R"({"detail":{"code":"INGEST_VALIDATION_ERROR","message":"Text must not be empty"}})"},
      {"details are inline on legacy paths", ApiError(errors::kConflict, "m", object{{"a", 1}, {"b", nullptr}}), 409,
       R"({"code":"CONFLICT","message":"m","details":{"a":1,"b":null}})",
       R"({"detail":{"code":"CONFLICT","message":"m","a":1,"b":null}})"},
      {"credentials are objects", ApiError(errors::kAuthUnauthorized), 401,
       R"({"code":"AUTH_UNAUTHORIZED","message":"Missing or invalid credentials"})",
       R"({"detail":{"code":"AUTH_UNAUTHORIZED","message":"Missing or invalid credentials"}})"},
      {"limits are objects", ApiError(errors::kRateLimited), 429,
       R"({"code":"RATE_LIMITED","message":"Rate limit exceeded"})",
       R"({"detail":{"code":"RATE_LIMITED","message":"Rate limit exceeded"}})"},
      {"validation is a list", ApiError(errors::kRequestValidationError, "Validation error", list), 422,
       R"({"code":"REQUEST_VALIDATION_ERROR","message":"Validation error",)"
       R"("details":{"errors":[{"type":"missing","loc":["body","message"]}]}})",
       R"({"detail":[{"type":"missing","loc":["body","message"]}]})"},
      {"what went wrong inside stays inside", ApiError(errors::kInternalError).with_cause("stack"), 500,
       R"({"code":"INTERNAL_ERROR","message":"Internal server error"})", R"({"detail":"Internal Server Error"})"},
      {"text is escaped", ApiError(errors::kNotFound, "a \"b\"\n\x01 ü"), 404,
       "{\"code\":\"NOT_FOUND\",\"message\":\"a \\\"b\\\"\\n\\u0001 ü\"}", "{\"detail\":\"a \\\"b\\\"\\n\\u0001 ü\"}"},
  };
  for (const ErrorCase& row : cases) {
    const http::Reply versioned = error_reply(row.error, "req-1", true);
    EXPECT_EQ(versioned.status, row.status) << row.what;
    EXPECT_EQ(versioned.body, R"({"error":)" + row.versioned + R"(,"meta":{"request_id":"req-1","api_version":"v1"}})")
        << row.what;
    EXPECT_EQ(versioned.content_type, "application/json");
    EXPECT_FALSE(versioned.is_payload);
    const http::Reply legacy = error_reply(row.error, "req-1", false);
    EXPECT_EQ(legacy.status, row.status) << row.what;
    EXPECT_EQ(legacy.body, row.legacy) << row.what;
  }
}

TEST(Envelope, SendsTheHeadersOfAnErrorInBothForms) {
  const ApiError error = ApiError(errors::kServiceBusy).with_header("Retry-After", "1");
  for (const bool versioned : {true, false})
    EXPECT_EQ(error_reply(error, "r", versioned).headers, (http::Pairs{{"Retry-After", "1"}}));
}

}  // namespace
}  // namespace nexus::app
