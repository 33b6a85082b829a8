#pragma once

#include "db/database.h"

#include <string_view>

struct sqlite3;

namespace nexus::db::sqlite {

/// What a result code means to the callers of the seam. `system_errno` tells a full disk from other failed I/O.
[[nodiscard]] ErrorCode error_code(int result, int system_errno);

/// The error of the last call on `db` (may be null): `what` names the statement or the step, never a value. Tells a
/// full disk by errno, which the caller has cleared before the call.
[[nodiscard]] Error make_error(sqlite3* db, int result, std::string_view what);

}  // namespace nexus::db::sqlite
