#pragma once

#include "db/statement.h"
#include "db/value.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace nexus::db {

enum class ErrorCode : std::uint8_t {
  kUnavailable,  ///< cannot connect, closed, timed out
  kBusy,         ///< retries were used up; the caller may try again
  kConstraint,   ///< unique, foreign key, check
  kFull,         ///< no space left on the device, or a size limit
  kCorrupt,
  kOther,
};

/// A failed database operation. `what()` is for the log. The transaction it happened in has been rolled back when it
/// leaves Database::write.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

/// Rows of one query, read forward once. Column indexes start at 0; a column that the row does not have throws
/// std::logic_error. A null reads as 0 or empty. Views are valid until the next next().
class ResultSet {
 public:
  virtual ~ResultSet() = default;
  /// Gives the rows back to the engine, which may keep the object for the next query. Called once, by Rows.
  virtual void release() noexcept = 0;
  virtual bool next() = 0;
  [[nodiscard]] virtual bool is_null(int column) const = 0;
  [[nodiscard]] virtual std::int64_t i64(int column) const = 0;
  [[nodiscard]] virtual double real(int column) const = 0;
  [[nodiscard]] virtual std::string_view text(int column) const = 0;
  [[nodiscard]] virtual std::span<const std::byte> blob(int column) const = 0;
  [[nodiscard]] virtual Timestamp time(int column) const = 0;
};

struct ReleaseRows {
  void operator()(ResultSet* rows) const noexcept { rows->release(); }
};
using Rows = std::unique_ptr<ResultSet, ReleaseRows>;

/// Owning handle of a ResultSet with the conveniences that every repository needs. Must not outlive the function given
/// to read() or write(): they throw std::logic_error when a cursor escapes.
class Cursor {
 public:
  explicit Cursor(Rows rows) : rows_(std::move(rows)) {}

  bool next() { return rows_->next(); }
  [[nodiscard]] bool is_null(int c) const { return rows_->is_null(c); }
  [[nodiscard]] std::int64_t i64(int c) const { return rows_->i64(c); }
  [[nodiscard]] double real(int c) const { return rows_->real(c); }
  [[nodiscard]] bool boolean(int c) const { return rows_->i64(c) != 0; }
  [[nodiscard]] std::string_view text(int c) const { return rows_->text(c); }
  [[nodiscard]] std::string str(int c) const { return std::string(rows_->text(c)); }
  [[nodiscard]] std::span<const std::byte> blob(int c) const { return rows_->blob(c); }
  [[nodiscard]] Timestamp time(int c) const { return rows_->time(c); }
  [[nodiscard]] std::optional<std::string> opt_str(int c) const {
    return is_null(c) ? std::nullopt : std::optional<std::string>(str(c));
  }
  [[nodiscard]] std::optional<std::int64_t> opt_i64(int c) const {
    return is_null(c) ? std::nullopt : std::optional<std::int64_t>(i64(c));
  }
  [[nodiscard]] std::optional<Timestamp> opt_time(int c) const {
    return is_null(c) ? std::nullopt : std::optional<Timestamp>(time(c));
  }

 private:
  Rows rows_;
};

/// What an engine does for a transaction in progress.
class Session {
 public:
  virtual ~Session() = default;
  /// A statement that changes rows and returns some (`RETURNING`) has made its changes when this returns.
  virtual Rows query(const Statement& statement, std::span<const Value> values) = 0;
  /// Runs a statement without rows; returns the number of rows it changed.
  virtual std::int64_t execute(const Statement& statement, std::span<const Value> values) = 0;
  /// Runs `action` after the transaction has been committed and before its writer is told; never after a rollback.
  virtual void after_commit(std::function<void()> action) = 0;
  /// Says that what `scope` names has changed: Database::change_count(scope) grows with the commit.
  virtual void touch(std::string_view scope) = 0;
  /// Runs several statements, not cached and without values, inside the transaction; transaction control is refused.
  virtual void script(std::string_view sql) = 0;
};

/// One consistent view of the database, read only. Lives inside Database::read; not thread-safe.
class Snapshot {
 public:
  explicit Snapshot(Session& session) : session_(session) {}

  template <class... Args>
  [[nodiscard]] Cursor query(const Statement& statement, const Args&... args) {
    const Value values[] = {Value(args)..., Value(nullptr)};
    return Cursor(session_.query(statement, {values, sizeof...(Args)}));
  }
  [[nodiscard]] Cursor query_span(const Statement& statement, std::span<const Value> values) {
    return Cursor(session_.query(statement, values));
  }

 protected:
  Session& session_;
};

/// A transaction that may write. Lives inside Database::write; not thread-safe. It is a Snapshot that sees its own
/// writes, so that reading repository functions serve both.
class Tx : public Snapshot {
 public:
  using Snapshot::Snapshot;

  template <class... Args>
  std::int64_t exec(const Statement& statement, const Args&... args) {
    const Value values[] = {Value(args)..., Value(nullptr)};
    return session_.execute(statement, {values, sizeof...(Args)});
  }
  std::int64_t exec_span(const Statement& statement, std::span<const Value> values) {
    return session_.execute(statement, values);
  }
  void after_commit(std::function<void()> action) { session_.after_commit(std::move(action)); }
  void touch(std::string_view scope) { session_.touch(scope); }
  void script(std::string_view sql) { session_.script(sql); }
};

enum class Durability : std::uint8_t {
  kDurable,  ///< on the disk when write() returns
  kRelaxed,  ///< survives the death of the process, not of the power; carried by the next durable commit
};

/// The only two ways to the rows. The function may run more than once (busy, serialisation failure) and may share a
/// commit with others, so it must not have effects beyond the transaction; use Tx::after_commit for those.
/// A read inside a read or a write of the same thread joins it (one snapshot; a write's own changes are seen). A write
/// inside a write would wait for itself and throws std::logic_error.
/// Thread-safe. Blocks: never call it on an I/O thread, except for write_async.
class Database {
 public:
  using Work = std::function<void(Tx&)>;
  using Done = std::function<void(std::exception_ptr)>;

  virtual ~Database() = default;

  template <class F>
  auto write(F&& work, Durability durability = Durability::kDurable) -> std::invoke_result_t<F&, Tx&> {
    using Result = std::invoke_result_t<F&, Tx&>;
    if constexpr (std::is_void_v<Result>) {
      run_write([&](Tx& tx) { work(tx); }, durability);
    } else {
      std::optional<Result> result;
      run_write([&](Tx& tx) { result.emplace(work(tx)); }, durability);
      return std::move(*result);
    }
  }

  template <class F>
  auto read(F&& work) -> std::invoke_result_t<F&, Snapshot&> {
    using Result = std::invoke_result_t<F&, Snapshot&>;
    if constexpr (std::is_void_v<Result>) {
      run_read([&](Snapshot& snapshot) { work(snapshot); });
    } else {
      std::optional<Result> result;
      run_read([&](Snapshot& snapshot) { result.emplace(work(snapshot)); });
      return std::move(*result);
    }
  }

  /// Queues the work and returns; `done` is called once, on a thread of the database, with null after the commit or
  /// with the failure. When the queue is full, `done` gets Error{kBusy} before this returns. `done` must not block.
  virtual void write_async(Work work, Durability durability, Done done) = 0;

  /// Opens every statement on one connection; returns "name: reason" for each that fails to prepare.
  [[nodiscard]] virtual std::vector<std::string> check_statements(StatementList statements) = 0;

  /// Runs a script of several statements outside the statement cache, in one transaction (migrations, tests).
  virtual void run_script(std::string_view sql) = 0;

  /// A number that grows when something that is not this object (another process, say) has committed: caches that are
  /// kept right by after_commit must be dropped then. Noticed before the next write runs, and within a fraction of a
  /// second when none does. Cheap.
  [[nodiscard]] virtual std::uint64_t data_version() const = 0;

  /// A number that changes when a commit has touched `scope` (Tx::touch), and when anything else than this object has
  /// committed; while others commit now and then, every answer is a new one. What is read after asking may be kept for
  /// as long as the number stays. Cheap.
  [[nodiscard]] virtual std::uint64_t change_count(std::string_view scope) const = 0;

  /// Checks the stored structure; returns what is wrong with it, nothing when it is sound. Takes its time.
  [[nodiscard]] virtual std::vector<std::string> quick_check() = 0;

  /// "sqlite" or "postgres": the folder of its migrations.
  [[nodiscard]] virtual std::string_view engine() const = 0;

 protected:
  virtual void run_write(Work work, Durability durability) = 0;
  virtual void run_read(const std::function<void(Snapshot&)>& work) = 0;
};

}  // namespace nexus::db
