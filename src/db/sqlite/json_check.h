#pragma once

#include <string_view>

struct sqlite3;

namespace nexus::db::sqlite {

/// True for one JSON text (RFC 8259) of any kind, nested at most 1000 deep, in valid UTF-8.
[[nodiscard]] bool is_json(std::string_view text);

/// Replaces json_valid(X) of `db` by is_json. SQLite 3.40 does not mark its own as harmless, so that a CHECK with it is
/// refused while trusted_schema is off. SQLite's result.
[[nodiscard]] int register_json_valid(sqlite3* db);

}  // namespace nexus::db::sqlite
