#include "outbound/url.h"

#include "base/encoding.h"
#include "outbound/client.h"

#include <boost/url/parse.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace nexus::outbound {
namespace {

constexpr std::size_t kMostBytes = 8 * 1024;
constexpr std::size_t kMostHost = 253;
constexpr std::size_t kMostLabel = 63;

[[noreturn]] void refuse(const char* why) {
  throw Error(Fault::kBadUrl, why);
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::vector<std::string_view> labels_of(std::string_view host) {
  std::vector<std::string_view> labels;
  for (std::size_t at = 0; at <= host.size();) {
    const std::size_t end = std::min(host.find('.', at), host.size());
    labels.push_back(host.substr(at, end - at));
    at = end + 1;
  }
  return labels;
}

/// One part of an IPv4 address: 0x… is hexadecimal, a leading 0 octal. Empty when it is no number.
std::optional<std::uint64_t> parse_part(std::string_view part) {
  int base = 10;
  if (part.starts_with("0x")) {
    base = 16;
    part.remove_prefix(2);
    if (part.empty()) return 0;
  } else if (part.size() > 1 && part[0] == '0') {
    base = 8;
  }
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, base);
  if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
  return number;
}

bool ends_in_a_number(const std::vector<std::string_view>& labels) {
  const std::string_view last = labels.back();
  return !last.empty() &&
         (std::all_of(last.begin(), last.end(), is_digit) || (last.starts_with("0x") && parse_part(last)));
}

IpAddress parse_any_v4(const std::vector<std::string_view>& labels) {
  if (labels.size() > 4) refuse("the host is neither a name nor an address");
  std::uint64_t address = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto part = parse_part(labels[i]);
    const bool last = i + 1 == labels.size();
    const std::size_t bytes = last ? 5 - labels.size() : 1;  // the last part fills what the others left
    if (!part || *part >= std::uint64_t{1} << (8 * bytes)) refuse("the host is neither a name nor an address");
    address = (address << (8 * bytes)) | *part;
  }
  return IpAddress::from_v4(static_cast<std::uint32_t>(address));
}

void check_name(std::string_view host, const std::vector<std::string_view>& labels) {
  if (host.size() > kMostHost) refuse("the host name is too long");
  for (const std::string_view label : labels) {
    if (label.empty() || label.size() > kMostLabel) refuse("the host is no name");
    const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
    });
    if (!plain) refuse("the host has a character that no name has");
  }
}

void read_host(std::string_view encoded, Url& url) {
  if (encoded.starts_with('[')) {
    const auto address = IpAddress::parse(encoded.substr(1, encoded.size() - 2));
    if (!address) refuse("the host is no IPv6 address");
    url.literal = address;
  } else {
    std::string host = ascii_lower(encoded);
    if (host.ends_with('.')) host.pop_back();
    if (host.empty()) refuse("the URL has no host");
    const auto labels = labels_of(host);
    if (ends_in_a_number(labels)) {
      url.literal = parse_any_v4(labels);
    } else {
      check_name(host, labels);
      url.host = std::move(host);
    }
  }
  if (url.literal) url.host = url.literal->text();
}

std::uint16_t parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size() || port == 0) refuse("the port is none");
  return port;
}

void read_authority(std::string_view authority, Url& url) {
  if (authority.find('@') != std::string_view::npos) refuse("a URL must not carry credentials");
  const std::size_t bracket = authority.rfind(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) refuse("the host is no IPv6 address");
  read_host(host, url);
  url.port = url.https ? 443 : 80;
  if (colon != std::string_view::npos && colon + 1 < authority.size())
    url.port = parse_port(authority.substr(colon + 1));
}

}  // namespace

std::string Url::authority() const {
  const std::string name = literal ? literal->url_text() : host;
  return port == (https ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::string Url::text() const {
  return fmt::format("{}://{}{}", https ? "https" : "http", authority(), target);
}

Url parse_url(std::string_view text) {
  if (text.size() > kMostBytes) refuse("the URL is too long");
  // Boost.URL only says whether the characters make a URL: version 1.81 reads the host of http://1.2.3.4.example/ as
  // 1.2.3.4 and the rest as its path, which is not what libcurl would connect to.
  if (!boost::urls::parse_uri(boost::urls::string_view(text.data(), text.size()))) refuse("not a URL");
  Url url;
  const std::size_t colon = text.find(':');
  const std::string scheme = ascii_lower(text.substr(0, colon));
  if (scheme != "http" && scheme != "https") refuse("the scheme is neither http nor https");
  url.https = scheme == "https";
  std::string_view rest = text.substr(colon + 1);
  if (!rest.starts_with("//")) refuse("the URL has no host");
  rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  read_authority(rest.substr(0, end), url);
  const std::string_view target = rest.substr(end, rest.find('#') - end);
  url.target = target.starts_with('/') ? "" : "/";
  url.target += target;
  return url;
}

}  // namespace nexus::outbound
