#include "cloud/google/wire.h"

#include "base/encoding.h"
#include "cloud/google/credentials_file.h"
#include "cloud/google/fields.h"
#include "cloud/google/tokens.h"
#include "json/json.h"
#include "outbound/url.h"

#include <algorithm>
#include <stdexcept>

namespace nexus::cloud::google {
namespace {

namespace bj = boost::json;

constexpr std::int64_t kSecondUs = Timestamp::kSecond;
constexpr std::int64_t kLongestLifetimeS = 43'200;  // Google issues none that last longer
constexpr std::size_t kMaxDepth = 8;
constexpr std::size_t kLongestCode = 64;

std::string host_of(const std::string& url) {
  try {
    return outbound::parse_url(url).authority();
  } catch (const outbound::Error&) {
    return "the token service";
  }
}

bj::value parse(std::string_view body, const WireOptions& options) {
  return json::parse(body, {.max_bytes = options.max_bytes, .max_depth = kMaxDepth});
}

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= kLongestCode && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

/// The peer's own word for what is wrong, when it is a word and nothing else: `"error": "invalid_grant"` (RFC 6749
/// §5.2) or `"error": {"status": "PERMISSION_DENIED"}`. Its sentences are not repeated: they may quote what was sent.
std::string error_code(std::string_view body, const WireOptions& options) {
  try {
    const bj::value parsed = parse(body, options);
    const bj::object* object = parsed.if_object();
    const bj::value* error = object != nullptr ? object->if_contains("error") : nullptr;
    if (error != nullptr && error->is_object()) error = error->get_object().if_contains("status");
    if (error == nullptr || !error->is_string()) return {};
    const std::string code(error->get_string().data(), error->get_string().size());
    return is_code(code) ? code : std::string();
  } catch (const json::ParseError&) {
    return {};  // an answer in another form: the status has to do
  }
}

}  // namespace

std::string answer_of(const std::string& url) {
  return "The answer of " + host_of(url);
}

outbound::Response Wire::ask(outbound::Request request, std::string_view hint, const std::stop_token& stop) const {
  if (request.timeout_ms == 0) request.timeout_ms = options_.timeout_ms;
  request.deadline_ms = options_.deadline_ms;
  request.max_response_bytes = options_.max_bytes;
  request.idempotent = true;  // asking twice gives two tokens, both good
  request.origin = outbound::UrlOrigin::kOperator;
  request.stop = stop;
  outbound::Response response;
  try {
    response = client_.send(request);
  } catch (const outbound::Error& error) {
    if (error.fault() == outbound::Fault::kCancelled) throw;
    throw CredentialsError("No token from " + host_of(request.url) + ": " + error.what());
  } catch (const std::invalid_argument&) {
    throw CredentialsError("No token from " + host_of(request.url) + ": the request cannot be sent; check the headers");
  }
  if (response.status / 100 == 2) return response;
  const std::string code = error_code(response.body, options_);
  throw CredentialsError(host_of(request.url) + " gives no token: status " + std::to_string(response.status) +
                         (code.empty() ? "" : " " + code) + (hint.empty() ? "" : "; " + std::string(hint)));
}

bj::object Wire::object_of(std::string_view body, const std::string& url) const {
  try {
    bj::value parsed = parse(body, options_);
    if (parsed.is_object()) return std::move(parsed.get_object());
  } catch (const json::ParseError&) {
    throw CredentialsError(answer_of(url) + " is no JSON document");
  }
  throw CredentialsError(answer_of(url) + " is no JSON object");
}

bj::object Wire::ask_object(outbound::Request request, std::string_view hint, const std::stop_token& stop) const {
  const std::string url = request.url;
  return object_of(ask(std::move(request), hint, stop).body, url);
}

AccessToken Wire::access_token(const bj::object& answer, const std::string& url, std::int64_t asked_us) const {
  const std::string document = answer_of(url);
  const Fields fields(answer, document);
  const bj::value* seconds = fields.find("expires_in");
  if (seconds == nullptr || !seconds->is_int64()) fields.fail("expires_in", "must be a number");
  const std::int64_t lifetime_s = std::clamp<std::int64_t>(seconds->get_int64(), 0, kLongestLifetimeS);
  return checked_token(fields.text("access_token"), lifetime_s * kSecondUs, url, asked_us);
}

AccessToken Wire::checked_token(std::string text, std::int64_t lifetime_us, const std::string& url,
                                std::int64_t asked_us) {
  if (!is_token_text(text)) throw CredentialsError(answer_of(url) + " holds a token that no header can carry");
  if (lifetime_us <= 0)
    throw CredentialsError(answer_of(url) + " holds a token that has ended; check the clock of this machine");
  lifetime_us = std::min(lifetime_us, kLongestLifetimeS * kSecondUs);
  return {.text = std::move(text), .end_us = asked_us + lifetime_us, .lifetime_us = lifetime_us};
}

outbound::Request form_request(const std::string& url,
                               std::initializer_list<std::pair<std::string_view, std::string_view>> form) {
  outbound::Request request{.integration = "google.auth", .url = url};
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  for (const auto& pair : form) {
    if (pair.second.empty()) continue;
    if (!request.body.empty()) request.body += '&';
    request.body.append(pair.first).append("=").append(percent_encode(pair.second));
  }
  return request;
}

}  // namespace nexus::cloud::google
