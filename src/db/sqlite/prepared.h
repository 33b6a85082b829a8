#pragma once

#include "db/database.h"
#include "db/sqlite/connection.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::db::sqlite {

/// One prepared statement of one connection; while it runs, it is the ResultSet of its query.
class Prepared final : public ResultSet {
 public:
  /// Expands tokens and prepares; throws Error named after the statement. `open` counts the queries that run.
  Prepared(Connection& connection, const Statement& statement, int& open);

  /// Starts a query: values are copied, since the caller keeps them only until query() returns.
  void start(std::span<const Value> values);
  /// Runs to the end with borrowed values.
  void run(std::span<const Value> values);

  [[nodiscard]] bool in_use() const noexcept { return in_use_; }
  /// The transaction is over although somebody holds these rows: from now on every use throws.
  void orphan() noexcept;
  [[nodiscard]] const Statement& statement() const noexcept { return statement_; }

  void release() noexcept override;
  bool next() override;
  [[nodiscard]] bool is_null(int column) const override;
  [[nodiscard]] std::int64_t i64(int column) const override;
  [[nodiscard]] double real(int column) const override;
  [[nodiscard]] std::string_view text(int column) const override;
  [[nodiscard]] std::span<const std::byte> blob(int column) const override;
  [[nodiscard]] Timestamp time(int column) const override;

 private:
  void map_parameters();
  void check_values(std::span<const Value> values) const;
  void keep_texts(std::span<const Value> values);
  void bind(std::span<const Value> values, bool kept);
  int bind_one(int index, const Value& value, std::string_view text);
  bool step();
  void check_column(int column) const;
  [[noreturn]] void fail(int result);

  enum class Row : std::uint8_t { kNone, kPending, kCurrent, kDone };

  const Statement& statement_;
  Connection& connection_;
  int& open_;
  StatementHandle handle_;
  std::vector<std::uint16_t> parameters_;  // of SQLite's parameter i + 1: index into the values
  std::size_t values_ = 0;                 // how many values the text refers to
  bool read_only_ = true;
  bool in_use_ = false;
  bool orphaned_ = false;
  Row row_ = Row::kNone;
  std::string kept_;  // the texts of a running query
};

/// The prepared statements of one connection, by the address of their Statement.
class StatementCache {
 public:
  explicit StatementCache(Connection& connection) : connection_(connection) {}

  /// A prepared statement that is not in use; a second one when the first has a cursor open.
  [[nodiscard]] Prepared& get(const Statement& statement);
  /// Resets and disowns every statement that still has a cursor; the name of one of them, empty when there was none.
  [[nodiscard]] std::string_view orphan_open();

 private:
  struct Entry {
    std::string_view sql;  // guards against a Statement that died and another one at its address
    std::vector<std::unique_ptr<Prepared>> copies;
  };
  Connection& connection_;
  int open_ = 0;
  std::unordered_map<const Statement*, Entry> entries_;
  std::vector<std::unique_ptr<Prepared>> orphans_;
};

/// The SQL that this engine runs for `sql`; throws std::invalid_argument for an unknown token.
[[nodiscard]] std::string expand_for_sqlite(std::string_view sql);

}  // namespace nexus::db::sqlite
