#include "cloud/aws/sigv4_canonical.h"

#include "base/encoding.h"
#include "crypto/hash.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace nexus::cloud::aws {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> without_dots(const std::vector<std::string_view>& segments) {
  std::vector<std::string_view> kept;
  for (const std::string_view segment : segments) {
    if (segment.empty() || segment == ".") continue;
    if (segment != "..")
      kept.push_back(segment);
    else if (!kept.empty())
      kept.pop_back();
  }
  return kept;
}

std::string path_encoded_again(std::string_view path) {
  std::string out;
  for (const std::string_view segment : without_dots(split(path, '/'))) out += "/" + percent_encode(segment);
  if (out.empty() || path.ends_with('/')) out += '/';
  return out;
}

std::string path_as_sent(std::string_view path) {
  std::string out;
  for (const std::string_view segment : split(path, '/')) out += percent_encode(percent_decode(segment, false)) + "/";
  out.pop_back();
  return out.empty() ? "/" : out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string_view parameter : split(query, '&')) {
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    parameters.emplace_back(percent_encode(percent_decode(parameter.substr(0, equals), false)),
                            percent_encode(percent_decode(value, false)));
  }
  std::sort(parameters.begin(), parameters.end());
  std::string out;
  for (const auto& [name, value] : parameters) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// Trimmed, and every run of blanks inside is one blank.
std::string canonical_value(std::string_view value) {
  std::string out;
  for (const char c : ascii_trim(value)) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank || out.back() != ' ') out += blank ? ' ' : c;
  }
  return out;
}

std::string scope(Timestamp now, std::string_view region, std::string_view service) {
  return amz_date(now).substr(0, 8) + "/" + std::string(region) + "/" + std::string(service) + "/aws4_request";
}

}  // namespace

Canonical canonical_request(std::string_view method, std::string_view target, const outbound::Headers& headers,
                            std::string_view body, PathRule rule) {
  std::map<std::string, std::string> by_name;
  for (const auto& [name, value] : headers) {
    const auto [at, is_new] = by_name.emplace(ascii_lower(name), canonical_value(value));
    if (!is_new) at->second += "," + canonical_value(value);
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);

  Canonical out;
  out.body_hash = crypto::sha256_hex(body);
  out.text = std::string(method) + "\n";
  out.text += (rule == PathRule::kAsSent ? path_as_sent(path) : path_encoded_again(path)) + "\n";
  out.text += canonical_query(target.substr(std::min(question + 1, target.size()))) + "\n";
  for (const auto& [name, value] : by_name) {
    out.text.append(name).append(":").append(value).append("\n");
    if (!out.signed_headers.empty()) out.signed_headers += ';';
    out.signed_headers += name;
  }
  out.text += "\n" + out.signed_headers + "\n" + out.body_hash;
  return out;
}

std::string amz_date(Timestamp now) {
  std::string text = iso_z(now);
  text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }), text.end());
  return text;
}

std::string authorization(const Canonical& canonical, const Credentials& credentials, std::string_view region,
                          std::string_view service, Timestamp now) {
  const std::string date = amz_date(now);
  const std::string where = scope(now, region, service);
  const std::string to_sign =
      std::string(kAlgorithm) + "\n" + date + "\n" + where + "\n" + crypto::sha256_hex(canonical.text);

  const std::string secret = "AWS4" + std::string(credentials.secret_access_key.reveal());
  crypto::Digest key = crypto::hmac_sha256(secret, std::string_view(date).substr(0, 8));
  for (const std::string_view part : {region, service, std::string_view("aws4_request"), std::string_view(to_sign)})
    key = crypto::hmac_sha256(std::span<const std::byte>(key), as_bytes(part));

  return std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" + where +
         ", SignedHeaders=" + canonical.signed_headers + ", Signature=" + hex_encode(key);
}

}  // namespace nexus::cloud::aws
