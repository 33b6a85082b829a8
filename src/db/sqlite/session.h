#pragma once

#include "db/changes.h"
#include "db/database.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/prepared.h"

#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::db::sqlite {

/// A connection with its statements and the transaction commands: what work functions talk to. One thread at a time.
class SqliteSession final : public Session {
 public:
  /// `changes` is where touch() counts; null for a reader.
  SqliteSession(const SqliteOptions& options, Connection::Role role, Changes* changes = nullptr);

  // --- for work functions
  Rows query(const Statement& statement, std::span<const Value> values) override;
  std::int64_t execute(const Statement& statement, std::span<const Value> values) override;
  void after_commit(std::function<void()> action) override;
  void touch(std::string_view scope) override;
  void script(std::string_view sql) override;

  // --- for the engine
  [[nodiscard]] Connection& connection() { return connection_; }
  /// Begins a read transaction; the snapshot is taken by its first query, and without one the file is left alone.
  void begin_read();
  /// Ends it. Throws std::logic_error when a cursor was taken out of the work function.
  void end_read();
  /// Ends it after a failure, whatever state it is in.
  void abandon_read() noexcept;
  /// Throws std::logic_error when a cursor is still open; its rows are taken away.
  void require_no_cursors();
  /// The same without the complaint, after a failure.
  void forget_cursors() noexcept;
  [[nodiscard]] std::vector<std::function<void()>> take_actions() { return std::exchange(actions_, {}); }
  /// Prepares without keeping; throws Error.
  void check(const Statement& statement);

 private:
  Connection connection_;
  Connection::Role role_;
  Changes* changes_;
  bool begin_pending_ = false;  // begin_read() was called, no query yet
  StatementCache cache_;
  Command begin_;
  Command end_;
  std::vector<std::function<void()>> actions_;
};

}  // namespace nexus::db::sqlite
