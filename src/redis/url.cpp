#include "redis/url.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <stdexcept>

namespace nexus::redis {
namespace {

constexpr std::uint16_t kPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::size_t kMostEndpoints = 64;
constexpr std::size_t kLongest = 8 * 1024;
constexpr int kMostDatabases = 1'000'000;

[[noreturn]] void refuse(const std::string& what) {
  throw std::invalid_argument("the address of Redis " + what);
}

struct Scheme {
  std::string_view name;
  Layout layout;
  bool tls;
};
constexpr Scheme kSchemes[] = {
    {"redis", Layout::kSingle, false},
    {"rediss", Layout::kSingle, true},
    {"redis+sentinel", Layout::kSentinel, false},
    {"rediss+sentinel", Layout::kSentinel, true},
    {"redis+cluster", Layout::kCluster, false},
    {"rediss+cluster", Layout::kCluster, true},
};

/// Cuts off what stands before `mark`; all of it when the mark is missing.
std::string_view cut(std::string_view& rest, std::string_view mark) {
  const std::size_t at = rest.find(mark);
  const std::string_view head = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + mark.size());
  return head;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex(text[i + 2]) : -1;
    if (high < 0 || low < 0) refuse("has a malformed percent escape");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 255 && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_' || c == ':';
  });
}

void read_credentials(std::string_view text, Url& url) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos)
    refuse("names a user without a password; a password alone is written :password@");
  // Whoever prints the URL without its password looks for the password before the first of these.
  if (text.find_first_of("/?#") != std::string_view::npos)
    refuse("has a password whose / ? or # is not percent-encoded");
  url.user = percent_decoded(text.substr(0, colon));
  url.password = Secret(percent_decoded(text.substr(colon + 1)));
  if (url.password.empty()) refuse("has an empty password");
}

int read_database(std::string_view text) {
  if (text.empty()) return 0;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > kMostDatabases)
    refuse("must end in the number of a database");
  return value;
}

}  // namespace

std::string Endpoint::text() const {
  const std::string number = std::to_string(port);
  return host.find(':') == std::string::npos ? host + ":" + number : "[" + host + "]:" + number;
}

Endpoint parse_endpoint(std::string_view text, std::uint16_t default_port) {
  Endpoint out{.host = {}, .port = default_port};
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) refuse("has an IPv6 address without its bracket");
    out.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && !port.starts_with(':')) refuse("has a malformed host");
    if (!port.empty()) port.remove_prefix(1);
  } else {
    // Servers write IPv6 without brackets, so the last colon is the port's.
    const std::size_t colon = text.rfind(':');
    out.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (!is_host(out.host)) refuse("has a malformed host");
  if (port.empty()) return out;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || out.port == 0) refuse("has a malformed port");
  return out;
}

Url parse_url(std::string_view text) {
  if (text.size() > kLongest) refuse("is too long");
  std::string_view rest = text;
  const std::string_view name = cut(rest, "://");
  const auto* scheme = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                    [&](const Scheme& candidate) { return candidate.name == name; });
  if (scheme == std::end(kSchemes))
    refuse("must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://");
  Url url{.layout = scheme->layout, .tls = scheme->tls};
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    read_credentials(rest.substr(0, at), url);
    rest.remove_prefix(at + 1);
  }
  if (rest.find_first_of("?#") != std::string_view::npos) refuse("must not have a query");
  std::string_view hosts = cut(rest, "/");
  while (!hosts.empty())
    url.endpoints.push_back(parse_endpoint(cut(hosts, ","), url.layout == Layout::kSentinel ? kSentinelPort : kPort));
  if (url.endpoints.empty()) refuse("names no host");
  if (url.endpoints.size() > kMostEndpoints) refuse("names too many hosts");
  if (url.layout == Layout::kSingle && url.endpoints.size() > 1) refuse("names several hosts but is no cluster");
  if (url.layout == Layout::kSentinel) {
    url.service = percent_decoded(cut(rest, "/"));
    if (url.service.empty()) refuse("must name the service that the sentinels watch");
  }
  url.database = read_database(rest);
  if (url.layout == Layout::kCluster && url.database != 0) refuse("names a database, but a cluster has only one");
  return url;
}

}  // namespace nexus::redis
