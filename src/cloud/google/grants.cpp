#include "cloud/google/grants.h"

#include "base/encoding.h"
#include "cloud/google/fields.h"
#include "cloud/google/tokens.h"
#include "cloud/small_file.h"
#include "crypto/evp.h"
#include "crypto/rs256.h"
#include "json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace nexus::cloud::google {
namespace {

namespace bj = boost::json;

// "This value is always": the audience does not follow token_uri.
constexpr std::string_view kAssertionAudience = "https://oauth2.googleapis.com/token";
constexpr std::int64_t kAssertionLifetimeS = 3600;
constexpr std::string_view kAccessTokenType = "urn:ietf:params:oauth:token-type:access_token";
constexpr std::size_t kSubjectDepth = 8;

std::string basic_credentials(const std::string& id, const Secret& secret) {
  std::string base64 = base64url_encode(as_bytes(id + ":" + std::string(secret.reveal())));
  std::replace(base64.begin(), base64.end(), '-', '+');
  std::replace(base64.begin(), base64.end(), '_', '/');
  base64.append((4 - base64.size() % 4) % 4, '=');
  return "Basic " + base64;
}

/// The subject's token out of what its source holds.
std::string subject_token(std::string_view text, const std::string& field, const std::string& document) {
  std::string token;
  if (field.empty()) {
    token = ascii_trim(text);
  } else {
    try {
      const bj::value parsed = json::parse(text, {.max_bytes = text.size(), .max_depth = kSubjectDepth});
      if (!parsed.is_object()) throw CredentialsError(document + ": is no JSON object");
      token = Fields(parsed.get_object(), document).text(field);
    } catch (const json::ParseError&) {
      throw CredentialsError(document + ": is no JSON document");
    }
  }
  if (token.empty()) throw CredentialsError(document + ": holds no token");
  return token;
}

std::string subject_token(const SubjectSource& source, const Wire& wire, const std::stop_token& stop) {
  if (!source.file.empty())
    return subject_token(read_small_file(source.file, wire.options().max_bytes), source.json_field, source.file);
  outbound::Request request{
      .integration = "google.subject", .method = "GET", .url = source.url, .headers = source.headers};
  const auto response = wire.ask(std::move(request), "credential_source.url and its headers decide this", stop);
  return subject_token(response.body, source.json_field, answer_of(source.url));
}

AccessToken grant(const ServiceAccount& account, const Wire& wire, const std::stop_token& stop) {
  const std::int64_t asked_us = wire.clock().steady_us();
  auto request =
      form_request(account.token_uri, {{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                                       {"assertion", service_account_assertion(account, wire.clock().now())}});
  const auto answer =
      wire.ask_object(std::move(request), "the key may be deleted, or the clock of this machine may be wrong", stop);
  return wire.access_token(answer, account.token_uri, asked_us);
}

AccessToken grant(const AuthorizedUser& user, const Wire& wire, const std::stop_token& stop) {
  const std::int64_t asked_us = wire.clock().steady_us();
  auto request = form_request(user.token_uri, {{"grant_type", "refresh_token"},
                                               {"client_id", user.client_id},
                                               {"client_secret", user.client_secret.reveal()},
                                               {"refresh_token", user.refresh_token.reveal()}});
  const auto answer = wire.ask_object(std::move(request), "run `gcloud auth application-default login` again", stop);
  return wire.access_token(answer, user.token_uri, asked_us);
}

AccessToken grant(const ExternalAccount& account, const Wire& wire, const std::stop_token& stop) {
  const std::string subject = subject_token(account.source, wire, stop);
  // A client that names itself is billed; else a workforce pool must say which project is.
  std::string options;
  if (account.client_id.empty() && !account.user_project.empty())
    json::Writer(options).begin_object().field("userProject", account.user_project).end_object();
  const std::int64_t asked_us = wire.clock().steady_us();
  auto request = form_request(account.token_url, {{"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                                  {"audience", account.audience},
                                                  {"scope", kScope},
                                                  {"requested_token_type", kAccessTokenType},
                                                  {"subject_token", subject},
                                                  {"subject_token_type", account.subject_token_type},
                                                  {"options", options}});
  if (!account.client_id.empty())
    request.headers.emplace_back("Authorization", basic_credentials(account.client_id, account.client_secret));
  const auto answer =
      wire.ask_object(std::move(request), "check the provider of the workload identity pool and its conditions", stop);
  return wire.access_token(answer, account.token_url, asked_us);
}

AccessToken impersonate(const Impersonation& as, const AccessToken& with, const Wire& wire,
                        const std::stop_token& stop) {
  outbound::Request request{.integration = "google.auth", .url = as.url};
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + with.text}};
  json::Writer body(request.body);
  body.begin_object().key("delegates").begin_array();
  for (const std::string& delegate : as.delegates) body.value(delegate);
  body.end_array().key("scope").begin_array().value(kScope).end_array();
  body.field("lifetime", std::to_string(as.lifetime_s) + "s").end_object();
  const std::int64_t asked_us = wire.clock().steady_us();
  const Timestamp asked_at = wire.clock().now();
  const auto answer = wire.ask_object(
      std::move(request), "the caller needs the role Service Account Token Creator on the account it acts as", stop);
  const std::string document = answer_of(as.url);
  const Fields fields(answer, document);
  const auto end = parse_iso(fields.text("expireTime"));
  if (!end) fields.fail("expireTime", "must be a time");
  return Wire::checked_token(fields.text("accessToken"), std::min(*end - asked_at, as.lifetime_s * Timestamp::kSecond),
                             as.url, asked_us);
}

}  // namespace

std::string service_account_assertion(const ServiceAccount& account, Timestamp now) {
  std::string header;
  json::Writer head(header);
  head.begin_object().field("alg", "RS256").field("typ", "JWT");
  if (!account.private_key_id.empty()) head.field("kid", account.private_key_id);
  head.end_object();
  const std::int64_t issued_s = now.us / Timestamp::kSecond;
  std::string claims;
  json::Writer(claims)
      .begin_object()
      .field("iss", account.client_email)
      .field("scope", kScope)
      .field("aud", kAssertionAudience)
      .field("iat", issued_s)
      .field("exp", issued_s + kAssertionLifetimeS)
      .end_object();
  std::string out = base64url_encode(as_bytes(header)) + "." + base64url_encode(as_bytes(claims));
  try {
    const auto signature = crypto::Rs256Signer::from_pem(account.private_key).sign(out);
    return out + "." + base64url_encode(signature);
  } catch (const crypto::CryptoError& error) {
    throw CredentialsError(std::string("The field private_key of the service account cannot sign: ") + error.what());
  }
}

AccessToken token_for(const CredentialsFile& file, const Wire& wire, const std::stop_token& stop) {
  AccessToken token = std::visit([&](const auto& identity) { return grant(identity, wire, stop); }, file.identity);
  for (const Impersonation& next : file.impersonations) token = impersonate(next, token, wire, stop);
  token.quota_project = file.quota_project;
  return token;
}

AccessToken token_of_machine(const std::string& host, std::int64_t timeout_ms, const Wire& wire,
                             const std::stop_token& stop) {
  if (host.find_first_of("/?#@\\") != std::string::npos)
    throw CredentialsError("GCE_METADATA_HOST must be a host with or without a port");
  outbound::Request request{.integration = "google.metadata", .method = "GET"};
  request.url =
      "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token?scopes=" + percent_encode(kScope);
  request.headers = {{"Metadata-Flavor", "Google"}};
  request.timeout_ms = timeout_ms;
  const std::string url = request.url;
  const std::int64_t asked_us = wire.clock().steady_us();
  const auto response = wire.ask(std::move(request), "give this machine a service account", stop);
  // A stranger who answers for that name, such as a captive portal, must not be believed.
  const auto flavor = std::find_if(response.headers.begin(), response.headers.end(),
                                   [](const auto& header) { return header.first == "metadata-flavor"; });
  if (flavor == response.headers.end() || flavor->second != "Google")
    throw CredentialsError(answer_of(url) + " does not come from a metadata server of Google");
  return wire.access_token(wire.object_of(response.body, url), url, asked_us);
}

}  // namespace nexus::cloud::google
