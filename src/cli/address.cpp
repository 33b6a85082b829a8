#include "cli/address.h"

#include "base/encoding.h"
#include "cli/failure.h"

#include <fmt/format.h>

#include <charconv>

namespace nexus::cli {
namespace {

std::uint16_t parse_port(std::string_view text, std::string_view whole) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || port > 65'535)
    throw UsageError(fmt::format("\"{}\": the port must be a number from 0 to 65535", whole));
  return static_cast<std::uint16_t>(port);
}

/// Splits "host", "host:port", "[v6]", "[v6]:port"; the port is empty when there is none.
struct Split {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
};

Split split(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) throw UsageError(fmt::format("\"{}\": the bracket is never closed", text));
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':')
      throw UsageError(fmt::format("\"{}\": expected :PORT behind the bracket", text));
    return {.host = text.substr(1, close - 1), .port = rest.empty() ? rest : rest.substr(1), .has_port = !rest.empty()};
  }
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
    throw UsageError(fmt::format("\"{}\": write an IPv6 address in brackets, as in [::1]:8000", text));
  if (colon == std::string_view::npos) return {.host = text};
  return {.host = text.substr(0, colon), .port = text.substr(colon + 1), .has_port = true};
}

}  // namespace

Address parse_address(std::string_view text) {
  const Split parts = split(ascii_trim(text));
  if (!parts.has_port || parts.host.empty())
    throw UsageError(fmt::format("\"{}\": expected HOST:PORT, as in 127.0.0.1:8000 or [::1]:8000", text));
  return {.host = std::string(parts.host), .port = parse_port(parts.port, text)};
}

std::string to_string(const Address& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", address.host, v6 ? "]" : "", address.port);
}

BaseUrl parse_base_url(std::string_view text) {
  std::string_view rest = ascii_trim(text);
  if (const std::size_t scheme = rest.find("://"); scheme != std::string_view::npos) {
    const std::string_view name = rest.substr(0, scheme);
    if (ascii_iequals(name, "https"))
      throw UsageError("this command speaks http only; reach an https server through a local tunnel, or with curl");
    if (!ascii_iequals(name, "http")) throw UsageError(fmt::format("\"{}\" is no http address", text));
    rest.remove_prefix(scheme + 3);
  }
  const std::size_t slash = rest.find('/');
  std::string prefix(slash == std::string_view::npos ? std::string_view{} : rest.substr(slash));
  while (prefix.ends_with('/')) prefix.pop_back();
  const Split parts = split(rest.substr(0, slash));
  if (parts.host.empty()) throw UsageError(fmt::format("\"{}\" names no host", text));
  constexpr std::uint16_t kHttpPort = 80;
  return {
      .address = {.host = std::string(parts.host), .port = parts.has_port ? parse_port(parts.port, text) : kHttpPort},
      .prefix = std::move(prefix)};
}

}  // namespace nexus::cli
