#pragma once

#include <memory>
#include <string>
#include <vector>

struct pg_conn;

namespace nexus::testing {

/// One connection to PostgreSQL beside the program under test: to make databases, and to look at rows behind its back.
/// Everything throws std::runtime_error with the server's own words. Not thread-safe.
class PgLink {
 public:
  explicit PgLink(const std::string& url);

  /// One or several statements without values; what they return is not kept.
  void run(const std::string& sql);
  /// The first column of every row as text; a null is empty.
  [[nodiscard]] std::vector<std::string> column(const std::string& sql);
  /// The first column of the first row; empty when there is no row.
  [[nodiscard]] std::string value(const std::string& sql);
  [[nodiscard]] long long number(const std::string& sql) { return std::stoll(value(sql)); }

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

/// The URL with another database, and with another user.
[[nodiscard]] std::string with_database(const std::string& url, const std::string& name);
[[nodiscard]] std::string with_user(const std::string& url, const std::string& user, const std::string& password);

}  // namespace nexus::testing
