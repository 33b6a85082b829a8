#include "db/sqlite/sqlite_errors.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <string>

namespace nexus::db::sqlite {

ErrorCode error_code(int result, int system_errno) {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
      return ErrorCode::kConstraint;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kBusy;
    case SQLITE_FULL:
      return ErrorCode::kFull;
    case SQLITE_IOERR:
      return system_errno == ENOSPC || system_errno == EDQUOT ? ErrorCode::kFull : ErrorCode::kOther;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kOther;
  }
}

Error make_error(sqlite3* db, int result, std::string_view what) {
  // sqlite3_system_errno() is not set by a COMMIT that fails, so the callers clear errno and we read it.
  const int system_errno = errno;
  // The connection remembers only its last call; take its words only when they are about this result.
  const bool current = db != nullptr && (sqlite3_extended_errcode(db) & 0xff) == (result & 0xff);
  const char* text = current ? sqlite3_errmsg(db) : sqlite3_errstr(result);
  return {error_code(result, system_errno), fmt::format("{}: {} ({})", what, text, result)};
}

}  // namespace nexus::db::sqlite
