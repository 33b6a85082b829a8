#include "db/sqlite/session.h"

#include "db/sqlite/sqlite_errors.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace nexus::db::sqlite {
namespace {

/// Lets a script do everything but end or begin transactions.
int refuse_transaction_control(void*, int action, const char*, const char*, const char*, const char*) {
  return action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT ? SQLITE_DENY : SQLITE_OK;
}

class AuthorizerGuard {
 public:
  explicit AuthorizerGuard(sqlite3* db) : db_(db) { sqlite3_set_authorizer(db, refuse_transaction_control, nullptr); }
  ~AuthorizerGuard() { sqlite3_set_authorizer(db_, nullptr, nullptr); }
  AuthorizerGuard(const AuthorizerGuard&) = delete;
  AuthorizerGuard& operator=(const AuthorizerGuard&) = delete;

 private:
  sqlite3* db_;
};

}  // namespace

SqliteSession::SqliteSession(const SqliteOptions& options, Connection::Role role, Changes* changes)
    : connection_(options, role),
      role_(role),
      changes_(changes),
      cache_(connection_),
      begin_(connection_, "BEGIN"),
      end_(connection_, "COMMIT") {}

Rows SqliteSession::query(const Statement& statement, std::span<const Value> values) {
  if (begin_pending_) {
    const int result = begin_.run();
    if (result != SQLITE_OK) throw make_error(connection_.handle(), result, "begin read");
    begin_pending_ = false;
  }
  Prepared& prepared = cache_.get(statement);
  prepared.start(values);
  return Rows(&prepared);
}

std::int64_t SqliteSession::execute(const Statement& statement, std::span<const Value> values) {
  cache_.get(statement).run(values);
  return sqlite3_changes64(connection_.handle());
}

void SqliteSession::after_commit(std::function<void()> action) {
  if (role_ != Connection::Role::kWriter) throw std::logic_error("after_commit needs a write transaction");
  actions_.push_back(std::move(action));
}

void SqliteSession::touch(std::string_view scope) {
  after_commit([changes = changes_, slot = Changes::slot(scope)] { changes->bump(slot); });
}

void SqliteSession::script(std::string_view sql) {
  sqlite3* db = connection_.handle();
  const AuthorizerGuard guard(db);
  char* text = nullptr;
  const int result = sqlite3_exec(db, std::string(sql).c_str(), nullptr, nullptr, &text);
  const std::unique_ptr<char, void (*)(void*)> message(text, sqlite3_free);
  if (result == SQLITE_AUTH) throw Error(ErrorCode::kOther, "script: transaction control is not allowed");
  if (result != SQLITE_OK) throw make_error(db, result, "script");
}

void SqliteSession::begin_read() {
  begin_pending_ = true;
}

void SqliteSession::end_read() {
  if (std::exchange(begin_pending_, false)) return;
  require_no_cursors();
  const int result = end_.run();
  if (result != SQLITE_OK) throw make_error(connection_.handle(), result, "end read");
}

void SqliteSession::forget_cursors() noexcept {
  static_cast<void>(cache_.orphan_open());
}

void SqliteSession::abandon_read() noexcept {
  begin_pending_ = false;
  forget_cursors();
  // A failed rollback means that there is no transaction any more.
  if (!connection_.idle()) sqlite3_exec(connection_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteSession::require_no_cursors() {
  const std::string_view open = cache_.orphan_open();
  if (!open.empty()) throw std::logic_error(fmt::format("{}: a cursor must not outlive its transaction", open));
}

void SqliteSession::check(const Statement& statement) {
  int open = 0;
  const Prepared prepared(connection_, statement, open);
}

}  // namespace nexus::db::sqlite
