#include "db/postgres/postgres_errors.h"

#include <fmt/format.h>

namespace nexus::db::postgres {
namespace {

struct CodeRow {
  std::string_view prefix;  // of the SQLSTATE; the first row that fits counts
  ErrorCode code;
};

constexpr CodeRow kCodes[] = {
    {"08", ErrorCode::kUnavailable},     // connection exceptions
    {"22", ErrorCode::kConstraint},      // the value does not fit its column
    {"23", ErrorCode::kConstraint},      //
    {"25P03", ErrorCode::kUnavailable},  // idle in transaction for too long
    {"25006", ErrorCode::kOther},        // a write in a reading transaction, or on a standby
    {"28", ErrorCode::kUnavailable},     // login refused
    {"3D000", ErrorCode::kUnavailable},  // no such database
    {"40001", ErrorCode::kBusy},         // serialisation failure
    {"40P01", ErrorCode::kBusy},         // deadlock
    {"44", ErrorCode::kConstraint},      // check option
    {"53100", ErrorCode::kFull},         // disk full
    {"53", ErrorCode::kUnavailable},     // out of memory, too many connections
    {"55P03", ErrorCode::kBusy},         // lock not available
    {"57", ErrorCode::kUnavailable},     // cancelled by a time limit, shut down, starting up
    {"XX001", ErrorCode::kCorrupt},      //
    {"XX002", ErrorCode::kCorrupt},
};

std::string_view field(const PGresult* result, int code) {
  const char* text = PQresultErrorField(result, code);
  return text == nullptr ? std::string_view() : text;
}

Remedy remedy_of(const PGresult* result, std::string_view sqlstate, std::string_view message) {
  if (sqlstate == "40001" || sqlstate == "40P01") return Remedy::kAgain;
  // Two processes that create the same object at once collide in the catalogue.
  if (sqlstate == "23505" && field(result, PG_DIAG_SCHEMA_NAME) == "pg_catalog") return Remedy::kAgain;
  if (sqlstate == "26000") return Remedy::kReplace;  // no such prepared statement: a pooler gave us another backend
  if (sqlstate == "0A000" && message.starts_with("cached plan")) return Remedy::kReplace;
  return Remedy::kNone;
}

}  // namespace

ErrorCode error_code(std::string_view sqlstate) {
  for (const CodeRow& row : kCodes) {
    if (sqlstate.starts_with(row.prefix)) return row.code;
  }
  return ErrorCode::kOther;
}

PostgresError make_error(const PGresult* result, std::string_view what) {
  const std::string_view sqlstate = field(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) return lost_error(what, "no answer");  // libpq made this result
  const std::string_view message = field(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string_view severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const bool lost = severity == "FATAL" || severity == "PANIC";
  const std::string text = sqlstate.starts_with("22")
                               ? fmt::format("{}: a value does not fit its type ({})", what, sqlstate)
                               : fmt::format("{}: {} ({})", what, message, sqlstate);
  return {error_code(sqlstate), text, sqlstate, lost ? Remedy::kReplace : remedy_of(result, sqlstate, message), lost};
}

PostgresError lost_error(std::string_view what, std::string_view why) {
  return {ErrorCode::kUnavailable, fmt::format("{}: the connection to PostgreSQL is lost: {}", what, why), "",
          Remedy::kReplace, true};
}

}  // namespace nexus::db::postgres
