#pragma once

#include "db/database.h"
#include "db/postgres/connection.h"
#include "db/postgres/dialect.h"
#include "db/postgres/types.h"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::db::postgres {

/// A statement as one connection has prepared it.
struct Prepared {
  std::string_view sql;  ///< of the Statement: guards against one that died and another at its address
  std::string name;      ///< at the server
  std::vector<Form> parameters;
  std::vector<Form> columns;
};

/// The statements of one connection by the address of their Statement, prepared when they are first used, and the types
/// of its database.
class StatementCache {
 public:
  explicit StatementCache(Connection& connection) : connection_(connection) {}

  /// Prepares in one round trip, which also carries what the connection has queued. Throws Error named after the
  /// statement; a column of a type that decoder.h does not read is refused: the statement has to cast it.
  [[nodiscard]] const Prepared& get(const Statement& statement, NameLock names);
  /// Prepares without keeping.
  void check(const Statement& statement);

 private:
  [[nodiscard]] Prepared prepare(const Statement& statement, std::string name, NameLock names);
  [[nodiscard]] Form form(Oid type);

  Connection& connection_;
  std::array<std::unordered_map<const Statement*, Prepared>, 3> entries_;  // by NameLock
  std::unordered_map<Oid, Form> types_;                                    // of the database itself
  int next_name_ = 0;
};

}  // namespace nexus::db::postgres
