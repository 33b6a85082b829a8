#pragma once

#include "db/changes.h"
#include "db/database.h"
#include "db/postgres/connection.h"
#include "db/postgres/encoder.h"
#include "db/postgres/prepared.h"
#include "db/postgres/rows.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::db::postgres {

enum class Mode : std::uint8_t {
  kRead,           ///< REPEATABLE READ READ ONLY: one snapshot
  kSerializable,   ///< a write
  kReadCommitted,  ///< a write that takes its own locks
};

/// A {{lock_name}} that a transaction asked for.
struct NameAsked {
  const Statement* statement;
  std::vector<std::string> values;
};

/// Another transaction holds a name, and this one's snapshot is too old to be of use once it lets go: begin again.
class NameTaken : public PostgresError {
 public:
  explicit NameTaken(std::string_view statement);
};

/// A connection with its statements and the transaction it is in: what work functions talk to. One thread at a time.
///
/// PostgreSQL ends a transaction at its first error. The error is remembered: every later statement throws it again,
/// and a work function that swallows it does not get its commit.
class PostgresSession final : public Session {
 public:
  PostgresSession(const ConnInfo& info, Connection::Limit answer_limit, std::chrono::milliseconds statement_timeout);

  // --- for work functions
  Rows query(const Statement& statement, std::span<const Value> values) override;
  std::int64_t execute(const Statement& statement, std::span<const Value> values) override;
  void after_commit(std::function<void()> action) override;
  void touch(std::string_view scope) override;
  void script(std::string_view sql) override;

  // --- for the engine
  /// Begins; BEGIN goes out with the first statement. A transaction that begins with a script or a {{lock_table}} is
  /// READ COMMITTED: it takes locks of its own, and has to see what their last holder did.
  void begin(Mode mode, Durability durability);
  /// Takes names for the connection, before begin(): waits for those who hold them. Given back by the end.
  void take_names(std::span<const NameAsked> names);
  /// Ends a read; costs no round trip. Throws std::logic_error when a cursor was taken out of the work function.
  void end_read();
  /// Commits in one round trip. `notice` is sent to the listeners of all processes when it is not empty.
  /// Throws: std::logic_error for a runaway cursor, the remembered failure, or the commit's own. When `lost()` is set
  /// in what it throws after commit_sent(), nobody knows whether the transaction was committed.
  void commit(const std::string& notice);
  [[nodiscard]] bool commit_sent() const { return commit_sent_; }
  /// Ends the transaction after a failure, whatever state it is in; costs no round trip.
  void abandon() noexcept;
  [[nodiscard]] const std::optional<PostgresError>& failure() const { return failure_; }
  [[nodiscard]] std::vector<std::function<void()>> take_actions() { return std::exchange(actions_, {}); }
  [[nodiscard]] const std::vector<Changes::Slot>& touched() const { return touched_; }
  [[nodiscard]] const std::vector<NameAsked>& names() const { return names_; }
  /// Prepares without keeping; throws Error.
  void check(const Statement& statement) { cache_.check(statement); }
  /// Whether it may serve another transaction.
  [[nodiscard]] bool usable() noexcept { return connection_.alive(); }

 private:
  void enter();
  void queue_begin();
  Result run(const Statement& statement, std::span<const Value> values, const Prepared** prepared);
  Result run_checked(const Statement& statement, std::span<const Value> values, const Prepared** prepared);
  void note_name(const Statement& statement, std::span<const Value> values, const Result& result);
  void reset() noexcept;

  Connection connection_;
  StatementCache cache_;
  RowsPool rows_;
  Encoder encoder_;
  std::string restore_timeout_;

  Mode mode_ = Mode::kRead;
  Durability durability_ = Durability::kDurable;
  bool begin_pending_ = false;  // begin() was called, nothing has gone out yet
  bool commit_sent_ = false;
  bool names_held_ = false;
  std::optional<PostgresError> failure_;
  std::vector<std::function<void()>> actions_;
  std::vector<Changes::Slot> touched_;
  std::vector<NameAsked> names_;
};

}  // namespace nexus::db::postgres
