#include "db/postgres/conninfo.h"

#include <fmt/format.h>

#include <algorithm>
#include <libpq-fe.h>
#include <memory>

namespace nexus::db::postgres {
namespace {

using Parameters = std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)>;

constexpr std::string_view kSchemes[] = {"postgresql+asyncpg://", "postgresql://", "postgres://"};

/// Settings of the original's driver that mean nothing to libpq.
constexpr std::string_view kDriverOnly[] = {"async_fallback",
                                            "command_timeout",
                                            "max_cacheable_statement_size",
                                            "max_cached_statement_lifetime",
                                            "prepared_statement_cache_size",
                                            "prepared_statement_name_func",
                                            "statement_cache_size"};

[[noreturn]] void refuse(std::string_view why) {
  throw Error(ErrorCode::kUnavailable, fmt::format("the postgresql URL cannot be read: {}", why));
}

std::string_view without_scheme(std::string_view url) {
  for (const std::string_view scheme : kSchemes) {
    if (url.starts_with(scheme)) return url.substr(scheme.size());
  }
  refuse("write postgresql://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…");
}

/// A raw `@`, `/` or `?` in a password would make libpq take the rest for a host or a port, and name it in its errors.
void check_authority(std::string_view rest) {
  const std::size_t at = rest.find('@');
  if (at == std::string_view::npos) return;
  if (rest.find_first_of("/?#") < at || rest.find('@', at + 1) != std::string_view::npos) {
    refuse("write @ as %40, / as %2F, ? as %3F and # as %23 in user, password and parameters");
  }
}

bool is_known(std::string_view name) {
  if (name == "ssl") return true;
  const Parameters known(PQconndefaults(), PQconninfoFree);
  for (const PQconninfoOption* p = known.get(); p != nullptr && p->keyword != nullptr; ++p) {
    if (name == p->keyword) return true;
  }
  return false;
}

std::string translate(std::string_view name, std::string_view value) {
  if (name == "ssl") {
    // libpq reads ssl=true as JDBC does; asyncpg takes the names of modes there.
    const bool mode = value != "true" && value != "1" && value != "false" && value != "0";
    if (mode) return fmt::format("sslmode={}", value);
    return value == "true" || value == "1" ? "sslmode=require" : "sslmode=disable";
  }
  if (name == "timeout") return fmt::format("connect_timeout={}", value);
  if (!is_known(name)) refuse(fmt::format("unknown parameter {}", name.substr(0, 40)));
  return fmt::format("{}={}", name, value);
}

std::string translate_query(std::string_view query) {
  std::string out;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) refuse("a parameter is written NAME=VALUE");
    const std::string_view name = pair.substr(0, equals);
    if (std::find(std::begin(kDriverOnly), std::end(kDriverOnly), name) != std::end(kDriverOnly)) continue;
    out += out.empty() ? '?' : '&';
    out += translate(name, pair.substr(equals + 1));
  }
  return out;
}

}  // namespace

std::string_view ConnInfo::get(std::string_view name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& p) { return p.first == name; });
  return found == all_.end() ? std::string_view() : std::string_view(found->second);
}

void ConnInfo::set(std::string_view name, std::string value) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& p) { return p.first == name; });
  if (found == all_.end()) {
    all_.emplace_back(name, std::move(value));
  } else {
    found->second = std::move(value);
  }
}

void ConnInfo::set_default(std::string_view name, std::string value) {
  if (get(name).empty()) set(name, std::move(value));
}

ConnInfo parse_postgres_url(std::string_view url) {
  const std::string_view rest = without_scheme(url);
  check_authority(rest);
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  std::string text = fmt::format("postgresql://{}", rest.substr(0, mark));
  if (mark < rest.size()) text += translate_query(rest.substr(mark + 1));

  char* message = nullptr;
  const Parameters parsed(PQconninfoParse(text.c_str(), &message), PQconninfoFree);
  PQfreemem(message);  // it quotes the URL
  if (!parsed) refuse("check its host, its port and that special characters are percent-encoded");
  ConnInfo info;
  for (const PQconninfoOption* p = parsed.get(); p->keyword != nullptr; ++p) {
    if (p->val != nullptr && *p->val != '\0') info.set(p->keyword, p->val);
  }
  return info;
}

ConnInfo connection_parameters(const PostgresOptions& options) {
  ConnInfo info = parse_postgres_url(options.url);
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout).count();
  info.set_default("application_name", options.application_name);
  info.set_default("connect_timeout", std::to_string(std::max<std::int64_t>(seconds, 2)));
  info.set_default("keepalives", "1");
  info.set_default("keepalives_idle", "15");
  info.set_default("keepalives_interval", "5");
  info.set_default("keepalives_count", "3");
  info.set_default("tcp_user_timeout", "30000");
  info.set("client_encoding", "UTF8");
  // Ours stand first, so that an operator's own `options` win.
  info.set("options", fmt::format("-c timezone=UTC -c datestyle=ISO -c statement_timeout={} "
                                  "-c idle_in_transaction_session_timeout={} {}",
                                  std::max<std::int64_t>(options.statement_timeout.count(), 0),
                                  std::max<std::int64_t>(options.idle_in_transaction.count(), 0), info.get("options")));
  return info;
}

}  // namespace nexus::db::postgres
