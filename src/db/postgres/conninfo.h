#pragma once

#include "db/postgres/postgres_database.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::db::postgres {

/// The parameters that libpq connects with. Holds the password: it is not for logs.
class ConnInfo {
 public:
  /// The value of a parameter, empty when it is not set.
  [[nodiscard]] std::string_view get(std::string_view name) const;
  void set(std::string_view name, std::string value);
  void set_default(std::string_view name, std::string value);
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& all() const { return all_; }

 private:
  std::vector<std::pair<std::string, std::string>> all_;
};

/// Reads `postgresql://`, `postgres://` or `postgresql+asyncpg://`. All of libpq's parameters pass through (TLS:
/// sslmode, sslrootcert, sslcert, …; several hosts; target_session_attrs). Of asyncpg's, `ssl` becomes `sslmode`,
/// `timeout` becomes `connect_timeout`, and those about its own caches are dropped.
/// Throws Error{kUnavailable} that repeats no part of the URL but the name of a parameter: libpq's own messages quote
/// it.
[[nodiscard]] ConnInfo parse_postgres_url(std::string_view url);

/// The parameters of the URL with what the options and this engine add: time limits, keepalives, encoding, UTC.
[[nodiscard]] ConnInfo connection_parameters(const PostgresOptions& options);

}  // namespace nexus::db::postgres
