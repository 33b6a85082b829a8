#include "cloud/aws/lease.h"

#include "json/json.h"

#include <boost/json/object.hpp>

#include <algorithm>

namespace nexus::cloud::aws {
namespace {

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::string text_of(const boost::json::object& object, boost::json::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string().c_str(), value->get_string().size())
                                                : std::string();
}

}  // namespace

Credentials make_credentials(std::string_view whence, std::string access_key_id, Secret secret_access_key,
                             Secret session_token) {
  const std::string name(whence);
  if (access_key_id.empty()) throw CredentialsError(name + ": the access key id is missing");
  if (secret_access_key.empty()) throw CredentialsError(name + ": the secret access key is missing");
  if (!is_printable(access_key_id) || !is_printable(secret_access_key.reveal()) ||
      !is_printable(session_token.reveal()))
    throw CredentialsError(name + ": a key holds blanks or other characters that no key has");
  return {std::move(access_key_id), std::move(secret_access_key), std::move(session_token)};
}

outbound::Response ask(outbound::Client& client, const outbound::Request& request, std::string_view whence) {
  try {
    return client.send(request);
  } catch (const outbound::Error& error) {
    if (error.fault() == outbound::Fault::kCancelled) throw;
    throw CredentialsError(std::string(whence) + ": no answer: " + error.what());
  }
}

Lease read_machine_keys(std::string_view json, std::string_view whence) {
  const std::string name(whence);
  boost::json::value document;
  try {
    document = json::parse(json);
  } catch (const json::ParseError&) {
    throw CredentialsError(name + ": the answer is no JSON");
  }
  if (!document.is_object()) throw CredentialsError(name + ": the answer is no JSON object");
  const auto& object = document.get_object();
  const std::string code = text_of(object, "Code");
  if (!code.empty() && code != "Success")
    throw CredentialsError(name + ": no credentials were given (" + std::string(plain_code(code)) + ")");
  Lease lease{make_credentials(whence, text_of(object, "AccessKeyId"), Secret(text_of(object, "SecretAccessKey")),
                               Secret(text_of(object, "Token")))};
  const std::string expires = text_of(object, "Expiration");
  lease.expires = parse_iso(expires);
  if (!lease.expires && !expires.empty()) throw CredentialsError(name + ": the expiration is no time");
  return lease;
}

bool fits_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7F; });
}

std::string_view plain_code(std::string_view text) {
  const bool plain = text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.';
                     });
  return plain ? text : "";
}

}  // namespace nexus::cloud::aws
