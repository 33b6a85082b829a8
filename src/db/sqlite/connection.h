#pragma once

#include "db/sqlite/sqlite_database.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace nexus::db::sqlite {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

struct CloseConnection {
  void operator()(sqlite3* db) const noexcept;
};

/// One open connection with every pragma and function that the seam promises. Used by one thread at a time.
class Connection {
 public:
  enum class Role { kWriter, kReader, kCheckpointer };

  /// Throws Error. The writer sets the journal mode, so it is opened first.
  Connection(const SqliteOptions& options, Role role);

  [[nodiscard]] sqlite3* handle() const { return db_.get(); }
  /// Runs SQL without values; throws Error.
  void exec(const char* sql);
  /// Prepares for many uses; throws Error, named `what`.
  [[nodiscard]] StatementHandle prepare(std::string_view sql, std::string_view what);
  /// True while no transaction is open.
  [[nodiscard]] bool idle() const;
  void set_busy_timeout(int milliseconds);

 private:
  void configure(const SqliteOptions& options, Role role);
  std::string pragma_text(const char* sql);

  std::unique_ptr<sqlite3, CloseConnection> db_;
};

/// A fixed statement without values and (but for one number) without rows: BEGIN, COMMIT, SAVEPOINT, a pragma.
class Command {
 public:
  Command(Connection& connection, std::string_view sql) : statement_(connection.prepare(sql, sql)) {}

  /// Runs it; returns SQLite's result, SQLITE_OK for success.
  [[nodiscard]] int run() noexcept;
  /// Runs it and reads the first column of its row; `missing` when there is none.
  [[nodiscard]] std::int64_t number(std::int64_t missing) noexcept;

 private:
  StatementHandle statement_;
};

}  // namespace nexus::db::sqlite
