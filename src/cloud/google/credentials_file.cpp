#include "cloud/google/credentials_file.h"

#include "base/encoding.h"
#include "cloud/google/fields.h"
#include "cloud/google/tokens.h"
#include "json/json.h"
#include "outbound/address.h"
#include "outbound/url.h"

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <utility>

namespace nexus::cloud::google {
namespace {

namespace bj = boost::json;

constexpr std::string_view kGoogleTokenUri = "https://oauth2.googleapis.com/token";
constexpr std::string_view kGoogleStsUrl = "https://sts.googleapis.com/v1/token";
constexpr std::size_t kMostDelegates = 16;
constexpr std::size_t kMostHeaders = 16;
constexpr std::int64_t kLeastLifetimeS = 600;
constexpr std::int64_t kMostLifetimeS = 43'200;

enum class MayBePlain : std::uint8_t { kOnThisMachine, kOnThisLink };

bool may_be_plain(const outbound::Url& url, MayBePlain where) {
  if (url.host == "localhost") return true;
  if (!url.literal) return false;
  const outbound::AddressKind kind = outbound::classify(*url.literal);
  if (kind == outbound::AddressKind::kLoopback) return true;
  return where == MayBePlain::kOnThisLink &&
         (kind == outbound::AddressKind::kLinkLocal || kind == outbound::AddressKind::kMetadata);
}

/// An address that secrets or tokens may be sent to.
std::string checked_url(const Fields& fields, std::string_view name, std::string text,
                        MayBePlain where = MayBePlain::kOnThisMachine) {
  try {
    const outbound::Url url = outbound::parse_url(text);
    if (url.https || may_be_plain(url, where)) return text;
  } catch (const outbound::Error&) {
    fields.fail(name, "must be a URL");
  }
  fields.fail(name, "must be an https URL");
}

std::string url_or(const Fields& fields, std::string_view name, std::string_view otherwise) {
  return checked_url(fields, name, fields.optional_text(name).value_or(std::string(otherwise)));
}

ServiceAccount service_account(const Fields& fields) {
  return {.client_email = fields.text("client_email"),
          .private_key_id = fields.optional_text("private_key_id").value_or(""),
          .private_key = Secret(fields.text("private_key")),
          .token_uri = url_or(fields, "token_uri", kGoogleTokenUri)};
}

AuthorizedUser authorized_user(const Fields& fields) {
  return {.client_id = fields.text("client_id"),
          .client_secret = Secret(fields.text("client_secret")),
          .refresh_token = Secret(fields.text("refresh_token")),
          .token_uri = url_or(fields, "token_uri", kGoogleTokenUri)};
}

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

outbound::Headers headers_of(const Fields& fields) {
  outbound::Headers out;
  const bj::object* headers = fields.optional_object("headers");
  if (headers == nullptr) return out;
  if (headers->size() > kMostHeaders) fields.fail("headers", "has too many members");
  for (const auto& member : *headers) {
    const std::string name(member.key().data(), member.key().size());
    if (!is_token_text(name) || name.find(':') != std::string::npos) fields.fail("headers", "holds a bad header name");
    if (!member.value().is_string()) fields.fail("headers", "may hold texts only");
    std::string value(member.value().get_string().data(), member.value().get_string().size());
    if (!is_header_value(value)) fields.fail("headers", "holds a value that HTTP cannot carry");
    out.emplace_back(name, std::move(value));
  }
  return out;
}

/// The member that holds the token, or empty when the source gives the bare token.
std::string json_field(const Fields& source) {
  const bj::object* format = source.optional_object("format");
  if (format == nullptr) return {};
  const Fields fields(*format, source.document(), "credential_source.format");
  const std::string type = fields.optional_text("type").value_or("text");
  if (type == "text") return {};
  if (type != "json") fields.fail("type", "must be text or json");
  return fields.text("subject_token_field_name");
}

SubjectSource subject_source(const Fields& account) {
  const Fields fields(account.object("credential_source"), account.document(), "credential_source");
  for (const std::string_view kind : {"executable", "environment_id", "certificate"})
    if (fields.find(kind) != nullptr) fields.fail(kind, "is of no supported kind; use file or url");
  SubjectSource source{.file = fields.optional_text("file").value_or(""), .json_field = json_field(fields)};
  if (!source.file.empty()) return source;
  auto url = fields.optional_text("url");
  if (!url) account.fail("credential_source", "needs file or url");
  source.url = checked_url(fields, "url", *std::move(url), MayBePlain::kOnThisLink);
  source.headers = headers_of(fields);
  return source;
}

ExternalAccount external_account(const Fields& fields) {
  return {.audience = fields.text("audience"),
          .subject_token_type = fields.text("subject_token_type"),
          .token_url = url_or(fields, "token_url", kGoogleStsUrl),
          .source = subject_source(fields),
          .client_id = fields.optional_text("client_id").value_or(""),
          .client_secret = Secret(fields.optional_text("client_secret").value_or("")),
          .user_project = fields.optional_text("workforce_pool_user_project").value_or("")};
}

std::vector<std::string> delegates(const Fields& fields) {
  std::vector<std::string> out;
  const bj::value* value = fields.find("delegates");
  if (value == nullptr) return out;
  if (!value->is_array()) fields.fail("delegates", "must be a list");
  const bj::array& list = value->get_array();
  if (list.size() > kMostDelegates) fields.fail("delegates", "is too long");
  for (const bj::value& item : list) {
    if (!item.is_string()) fields.fail("delegates", "may hold texts only");
    out.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return out;
}

std::int64_t lifetime_s(const Fields& account) {
  const bj::object* options = account.optional_object("service_account_impersonation");
  if (options == nullptr) return Impersonation{}.lifetime_s;
  const Fields fields(*options, account.document(), "service_account_impersonation");
  const bj::value* value = fields.find("token_lifetime_seconds");
  if (value == nullptr) return Impersonation{}.lifetime_s;
  if (!value->is_int64() || value->get_int64() < kLeastLifetimeS || value->get_int64() > kMostLifetimeS)
    fields.fail("token_lifetime_seconds", "must be a number from 600 to 43200");
  return value->get_int64();
}

/// The account that a document wants to act as in the end, if it names one.
std::optional<Impersonation> impersonation(const Fields& fields) {
  auto url = fields.optional_text("service_account_impersonation_url");
  if (!url) return std::nullopt;
  return Impersonation{.url = checked_url(fields, "service_account_impersonation_url", *std::move(url)),
                       .delegates = delegates(fields),
                       .lifetime_s = lifetime_s(fields)};
}

CredentialsFile read_object(const Fields& fields, bool may_nest) {
  CredentialsFile file;
  const std::string type = fields.text("type");
  if (type == "service_account") {
    file.identity = service_account(fields);
  } else if (type == "authorized_user") {
    file.identity = authorized_user(fields);
  } else if (type == "external_account") {
    file.identity = external_account(fields);
    if (auto last = impersonation(fields)) file.impersonations.push_back(*std::move(last));
  } else if (type == "impersonated_service_account" && may_nest) {
    file = read_object(Fields(fields.object("source_credentials"), fields.document(), "source_credentials"), false);
    auto last = impersonation(fields);
    if (!last) fields.fail("service_account_impersonation_url", "is missing");
    file.impersonations.push_back(*std::move(last));
  } else {
    fields.fail("type", "must be service_account, authorized_user, external_account or impersonated_service_account");
  }
  if (auto project = fields.optional_text("quota_project_id")) file.quota_project = *std::move(project);
  if (!is_header_value(file.quota_project)) fields.fail("quota_project_id", "holds characters that no project has");
  return file;
}

}  // namespace

bool is_token_text(std::string_view text) {
  return !text.empty() && text.size() <= std::size_t{16} * 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

CredentialsFile parse_credentials(std::string_view text, std::string_view name, const ReadLimits& limits) {
  const auto parsed = [&] {
    try {
      return json::parse(
          text,
          {.max_bytes = limits.max_bytes, .max_depth = limits.max_depth, .duplicates = json::Duplicates::kRefuse});
    } catch (const json::ParseError& error) {
      // Its reason may quote a key, never a value; still, only the place is told.
      throw CredentialsError(std::string(name) + ": is no JSON document (at byte " + std::to_string(error.offset()) +
                             "); download or create the file again");
    }
  }();
  if (!parsed.is_object()) throw CredentialsError(std::string(name) + ": is no JSON object");
  return read_object(Fields(parsed.get_object(), name), true);
}

}  // namespace nexus::cloud::google
