#include "llm/provider_errors.h"

#include "json/json.h"
#include "llm/json_fields.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace nexus::llm {
namespace {

constexpr std::size_t kMostErrorBytes = 64 * 1024;

constexpr std::array kKnownCodes = {
    // OpenAI and what is compatible with it
    Fault{Failure::kAuth, "invalid_api_key"},
    Fault{Failure::kAuth, "billing_not_active"},
    Fault{Failure::kLimited, "rate_limit_exceeded"},
    Fault{Failure::kLimited, "insufficient_quota"},
    Fault{Failure::kConfig, "model_not_found"},
    Fault{Failure::kConfig, "DeploymentNotFound"},
    Fault{Failure::kInvalid, "context_length_exceeded"},
    Fault{Failure::kInvalid, "string_above_max_length"},
    Fault{Failure::kBlocked, "content_filter"},
    Fault{Failure::kBlocked, "content_policy_violation"},
    Fault{Failure::kBroken, "server_error"},
    // Anthropic; the first is OpenAI's too
    Fault{Failure::kInvalid, "invalid_request_error"},
    Fault{Failure::kInvalid, "request_too_large"},
    Fault{Failure::kAuth, "authentication_error"},
    Fault{Failure::kAuth, "permission_error"},
    Fault{Failure::kAuth, "billing_error"},
    Fault{Failure::kConfig, "not_found_error"},
    Fault{Failure::kLimited, "rate_limit_error"},
    Fault{Failure::kLimited, "overloaded_error"},
    Fault{Failure::kTimeout, "timeout_error"},
    Fault{Failure::kBroken, "api_error"},
    // Google
    Fault{Failure::kAuth, "UNAUTHENTICATED"},
    Fault{Failure::kAuth, "PERMISSION_DENIED"},
    Fault{Failure::kConfig, "NOT_FOUND"},
    Fault{Failure::kConfig, "FAILED_PRECONDITION"},
    Fault{Failure::kInvalid, "INVALID_ARGUMENT"},
    Fault{Failure::kLimited, "RESOURCE_EXHAUSTED"},
    Fault{Failure::kTimeout, "DEADLINE_EXCEEDED"},
    Fault{Failure::kBroken, "UNAVAILABLE"},
    Fault{Failure::kBroken, "INTERNAL"},
    // AWS
    Fault{Failure::kAuth, "AccessDeniedException"},
    Fault{Failure::kAuth, "UnrecognizedClientException"},
    Fault{Failure::kAuth, "ExpiredTokenException"},
    Fault{Failure::kAuth, "InvalidSignatureException"},
    Fault{Failure::kConfig, "ResourceNotFoundException"},
    Fault{Failure::kLimited, "ThrottlingException"},
    Fault{Failure::kLimited, "ServiceQuotaExceededException"},
    Fault{Failure::kLimited, "ModelNotReadyException"},
    Fault{Failure::kTimeout, "ModelTimeoutException"},
    Fault{Failure::kInvalid, "ValidationException"},
    Fault{Failure::kBroken, "ModelErrorException"},
    Fault{Failure::kBroken, "ModelStreamErrorException"},
    Fault{Failure::kBroken, "InternalServerException"},
    Fault{Failure::kBroken, "ServiceUnavailableException"},
};

constexpr char lower_letter(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_code(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_letter(x) == lower_letter(y); });
}

/// The first of the object's codes that is known.
Fault named_in(const boost::json::object& error) {
  for (const std::string_view key : {"code", "status", "type"}) {
    const Fault fault = fault_of_code(find_text(error, key));
    if (!fault.code.empty()) return fault;
  }
  return {};
}

/// {"error": {…}}, the same in an array (Google without alt=sse), or the error itself.
Fault named_in_body(std::string_view body) {
  boost::json::value value;
  try {
    value = json::parse(body, {.max_bytes = kMostErrorBytes});
  } catch (const json::ParseError&) {
    return {};  // a proxy's page, say: the status has to do
  }
  const boost::json::value* first = &value;
  if (const boost::json::array* array = value.if_array(); array != nullptr && !array->empty()) first = &array->front();
  const boost::json::object* object = first->if_object();
  if (object == nullptr) return {};
  const boost::json::object* error = find_object(*object, "error");
  return named_in(error != nullptr ? *error : *object);
}

Fault named_in_response(const outbound::Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "x-amzn-errortype") return fault_of_code(value);
  }
  return named_in_body(response.body);
}

}  // namespace

Failure failure_of_status(int status) noexcept {
  switch (status) {
    case 401:
    case 402:  // "payment required": the account, not the request
    case 403:
      return Failure::kAuth;
    case 404:
    case 405:
    case 410:
      return Failure::kConfig;
    case 408:
    case 504:
      return Failure::kTimeout;
    case 424:
      return Failure::kBroken;  // Bedrock: the model failed
    case 429:
    case 529:
      return Failure::kLimited;  // Anthropic: overloaded
    default:
      break;
  }
  if (status >= 300 && status < 400) return Failure::kConfig;  // not followed: the base address is wrong
  return status >= 400 && status < 500 ? Failure::kInvalid : Failure::kBroken;
}

Fault fault_of_code(std::string_view code) noexcept {
  code = code.substr(0, code.find(':'));
  const auto* const row =
      std::find_if(kKnownCodes.begin(), kKnownCodes.end(), [&](const Fault& f) { return same_code(f.code, code); });
  return row == kKnownCodes.end() ? Fault{} : *row;
}

Fault fault_of_object(const boost::json::object& error) {
  Fault fault = named_in(error);
  const std::optional<std::int64_t> status = find_count(error, "code");
  if (status && *status >= 400 && *status < 600 && fault.failure != Failure::kBlocked) {
    fault.failure = failure_of_status(static_cast<int>(*status));
  }
  return fault;
}

Fault fault_of_response(const outbound::Response& response) {
  Fault fault = named_in_response(response);
  const bool code_decides = !fault.code.empty() && (response.status == 400 || fault.failure == Failure::kBlocked);
  if (!code_decides) fault.failure = failure_of_status(response.status);
  return fault;
}

}  // namespace nexus::llm
