#include "cloud/aws/sts.h"

#include "base/encoding.h"
#include "cloud/aws/sigv4.h"
#include "json/json.h"
#include "outbound/address.h"
#include "outbound/url.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <cmath>

namespace nexus::cloud::aws {
namespace {

constexpr std::string_view kGlobalRegion = "us-east-1";

bool is_region(std::string_view text) {
  return text.size() <= 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

std::string default_endpoint(const std::string& region) {
  if (region.empty()) return "https://sts.amazonaws.com/";
  return "https://sts." + region + ".amazonaws.com" + (region.starts_with("cn-") ? ".cn/" : "/");
}

const boost::json::object* member(const boost::json::object* object, std::string_view name) {
  const auto* value =
      object == nullptr ? nullptr : object->if_contains(boost::json::string_view(name.data(), name.size()));
  return value == nullptr ? nullptr : value->if_object();
}

std::string text(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(boost::json::string_view(name.data(), name.size()));
  return value != nullptr && value->is_string() ? std::string(value->get_string().c_str(), value->get_string().size())
                                                : std::string();
}

/// Seconds since 1970, whole or not, as the JSON of AWS has times; or ISO 8601.
std::optional<Timestamp> time(const boost::json::value* value) {
  if (value == nullptr) return std::nullopt;
  if (const auto* string = value->if_string()) return parse_iso({string->data(), string->size()});
  if (!value->is_number()) return std::nullopt;
  const double seconds = value->to_number<double>();
  if (!(std::abs(seconds) < 1e11)) return std::nullopt;
  return Timestamp{std::llround(seconds * static_cast<double>(Timestamp::kSecond))};
}

boost::json::value parse(std::string_view body, int status) {
  try {
    return json::parse(body);
  } catch (const json::ParseError&) {
    throw CredentialsError("STS answered " + std::to_string(status) + " with something that is no JSON");
  }
}

}  // namespace

Sts::Sts(outbound::Client& client, const Clock& clock, StsOptions options)
    : client_(client), clock_(clock), options_(std::move(options)) {
  if (!is_region(options_.region)) throw CredentialsError("the AWS region is no name of a region");
  if (options_.endpoint.empty()) options_.endpoint = default_endpoint(options_.region);
  if (options_.region.empty()) options_.region = kGlobalRegion;
  try {
    const outbound::Url url = outbound::parse_url(options_.endpoint);
    const bool here = url.host == "localhost" ||
                      (url.literal && outbound::classify(*url.literal) == outbound::AddressKind::kLoopback);
    if (!url.https && !here)
      throw CredentialsError("the endpoint of STS (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL) must be https");
  } catch (const outbound::Error&) {
    throw CredentialsError("the endpoint of STS (AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL) is no URL");
  }
}

outbound::Request Sts::request(std::string_view action, const RoleRequest& role, const std::stop_token& stop) const {
  outbound::Request request{.integration = "aws.sts"};
  request.url = options_.endpoint;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}};
  request.body = "Action=" + std::string(action) + "&Version=2011-06-15&RoleArn=" + percent_encode(role.arn) +
                 "&RoleSessionName=" + percent_encode(role.session_name.empty() ? "nexusrag" : role.session_name);
  if (!role.duration_s.empty()) request.body += "&DurationSeconds=" + percent_encode(role.duration_s);
  request.timeout_ms = options_.timeout_ms;
  request.max_response_bytes = options_.max_answer_bytes;
  request.attempts = options_.attempts;
  request.idempotent = true;
  request.stop = stop;
  return request;
}

Lease Sts::assume_role(const RoleRequest& role, const Credentials& caller, const std::stop_token& stop) {
  outbound::Request asked = request("AssumeRole", role, stop);
  if (!role.external_id.empty()) asked.body += "&ExternalId=" + percent_encode(role.external_id);
  sign(asked, caller, options_.region, "sts", clock_.now());
  return send(asked, "AssumeRole");
}

Lease Sts::assume_role_with_web_identity(const RoleRequest& role, const Secret& token, const std::stop_token& stop) {
  outbound::Request asked = request("AssumeRoleWithWebIdentity", role, stop);
  asked.body += "&WebIdentityToken=" + percent_encode(token.reveal());
  return send(asked, "AssumeRoleWithWebIdentity");
}

Lease Sts::send(const outbound::Request& request, std::string_view action) {
  const std::string name(action);
  const outbound::Response response = ask(client_, request, "STS " + name);
  const boost::json::value document = parse(response.body, response.status);
  const auto* root = document.if_object();
  if (response.status != 200) {
    const auto* error = member(root, "Error");
    const std::string code = error == nullptr ? "" : text(*error, "Code");
    throw CredentialsError("STS refused " + name + " with " + std::to_string(response.status) + " " +
                           std::string(plain_code(code)) + "; check the role's ARN and its trust policy");
  }
  const auto* keys = member(member(member(root, name + "Response"), name + "Result"), "Credentials");
  if (keys == nullptr) throw CredentialsError("the answer of STS to " + name + " holds no credentials");
  Lease lease{make_credentials("STS " + name, text(*keys, "AccessKeyId"), Secret(text(*keys, "SecretAccessKey")),
                               Secret(text(*keys, "SessionToken")))};
  lease.expires = time(keys->if_contains("Expiration"));
  if (!lease.expires) throw CredentialsError("the answer of STS to " + name + " has no expiration");
  return lease;
}

}  // namespace nexus::cloud::aws
