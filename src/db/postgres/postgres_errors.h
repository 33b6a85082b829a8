#pragma once

#include "db/database.h"

#include <cstdint>
#include <libpq-fe.h>
#include <string>
#include <string_view>

namespace nexus::db::postgres {

/// Whether running the transaction again may help, and how.
enum class Remedy : std::uint8_t {
  kNone,
  kAgain,    ///< others were in the way (40001, 40P01): the same transaction, again
  kReplace,  ///< on another connection: this one is lost, or its prepared statements are of an older schema
};

/// What the server or the connection said.
class PostgresError : public Error {
 public:
  PostgresError(ErrorCode code, const std::string& message, std::string_view sqlstate, Remedy remedy, bool lost)
      : Error(code, message), sqlstate_(sqlstate), remedy_(remedy), lost_(lost) {}

  [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }  ///< five characters; empty: not the server's
  [[nodiscard]] Remedy remedy() const { return remedy_; }
  [[nodiscard]] bool lost() const { return lost_; }  ///< the connection is gone: nobody knows what the server did

 private:
  std::string sqlstate_;
  Remedy remedy_;
  bool lost_;
};

/// The connection was lost while a commit was under way: it may have happened or not, so it must not run again.
class UnknownOutcome : public Error {
 public:
  UnknownOutcome()
      : Error(ErrorCode::kUnavailable,
              "commit: the connection to PostgreSQL was lost meanwhile; nobody knows whether the changes were stored") {
  }
};

[[nodiscard]] ErrorCode error_code(std::string_view sqlstate);

/// The error of a result, named after the statement. Values that PostgreSQL quotes are left out: what() goes to logs.
[[nodiscard]] PostgresError make_error(const PGresult* result, std::string_view what);
/// The connection is gone, or did not answer in time.
[[nodiscard]] PostgresError lost_error(std::string_view what, std::string_view why);

}  // namespace nexus::db::postgres
