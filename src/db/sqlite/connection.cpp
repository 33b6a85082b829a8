#include "db/sqlite/connection.h"

#include "db/sqlite/decimal_order.h"
#include "db/sqlite/json_check.h"
#include "db/sqlite/sqlite_errors.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <mutex>

namespace nexus::db::sqlite {
namespace {

/// Memory statistics would make every allocation of every connection take one process-wide lock.
void configure_library_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

int decimal_collation(void*, int a_size, const void* a, int b_size, const void* b) {
  return compare_decimals({static_cast<const char*>(a), static_cast<std::size_t>(a_size)},
                          {static_cast<const char*>(b), static_cast<std::size_t>(b_size)});
}

}  // namespace

void FinalizeStatement::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void CloseConnection::operator()(sqlite3* db) const noexcept {
  sqlite3_close_v2(db);
}

Connection::Connection(const SqliteOptions& options, Role role) {
  configure_library_once();
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result =
      sqlite3_open_v2(options.path.c_str(), &db, flags, options.vfs.empty() ? nullptr : options.vfs.c_str());
  db_.reset(db);
  if (result != SQLITE_OK) throw make_error(db, result, "open " + options.path);
  configure(options, role);
}

void Connection::configure(const SqliteOptions& options, Role role) {
  sqlite3* db = db_.get();
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  set_busy_timeout(static_cast<int>(options.busy_limit.count()));
  if (role == Role::kWriter && pragma_text("PRAGMA journal_mode=WAL") != "wal") {
    throw Error(ErrorCode::kUnavailable, "the file system of " + options.path + " does not allow write-ahead logging");
  }
  exec(
      "PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;"
      "PRAGMA temp_store=MEMORY;");
  constexpr std::int64_t kPageBytes = 4096;
  exec(fmt::format("PRAGMA cache_size=-{}; PRAGMA mmap_size={}; PRAGMA journal_size_limit={};", options.cache_kib,
                   options.mmap_bytes, 2 * options.log_limit_pages * kPageBytes)
           .c_str());
  if (role == Role::kReader) exec("PRAGMA query_only=ON");
  if (options.max_pages > 0) exec(fmt::format("PRAGMA max_page_count={}", options.max_pages).c_str());
  int result = sqlite3_create_collation_v2(db, "decimal", SQLITE_UTF8, nullptr, decimal_collation, nullptr);
  if (result == SQLITE_OK) result = register_json_valid(db);
  if (result != SQLITE_OK) throw make_error(db, result, "register functions");
}

std::string Connection::pragma_text(const char* sql) {
  const StatementHandle statement = prepare(sql, sql);
  const int result = sqlite3_step(statement.get());
  if (result != SQLITE_ROW) throw make_error(db_.get(), result, sql);
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
  return text == nullptr ? "" : text;
}

void Connection::exec(const char* sql) {
  const int result = sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw make_error(db_.get(), result, std::string_view(sql).substr(0, 60));
}

StatementHandle Connection::prepare(std::string_view sql, std::string_view what) {
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int result = sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &statement, &tail);
  StatementHandle handle(statement);
  if (result != SQLITE_OK) throw make_error(db_.get(), result, what);
  const std::string_view rest = sql.substr(static_cast<std::size_t>(tail - sql.data()));
  if (statement == nullptr || rest.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error(ErrorCode::kOther, fmt::format("{}: not exactly one statement", what));
  }
  return handle;
}

bool Connection::idle() const {
  return sqlite3_get_autocommit(db_.get()) != 0;
}

void Connection::set_busy_timeout(int milliseconds) {
  sqlite3_busy_timeout(db_.get(), milliseconds);
}

int Command::run() noexcept {
  errno = 0;
  int result = sqlite3_step(statement_.get());
  while (result == SQLITE_ROW) result = sqlite3_step(statement_.get());
  sqlite3_reset(statement_.get());
  return result == SQLITE_DONE ? SQLITE_OK : result;
}

std::int64_t Command::number(std::int64_t missing) noexcept {
  std::int64_t value = missing;
  if (sqlite3_step(statement_.get()) == SQLITE_ROW) value = sqlite3_column_int64(statement_.get(), 0);
  sqlite3_reset(statement_.get());
  return value;
}

}  // namespace nexus::db::sqlite
