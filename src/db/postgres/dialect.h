#pragma once

#include "db/statement.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::db::postgres {

/// How a statement with {{lock_name}} asks for the name.
enum class NameLock : std::uint8_t {
  kWait,    ///< waits, and holds it to the end of the transaction: READ COMMITTED sees afterwards what others did
  kTry,     ///< true or false at once: in a serializable transaction waiting is useless, its snapshot is taken already
  kBefore,  ///< waits outside any transaction, and holds it for the connection until it is released
};

/// The SQL that this engine runs for `sql`; throws std::invalid_argument for an unknown token.
[[nodiscard]] std::string expand_for_postgres(std::string_view sql, NameLock names = NameLock::kWait);

[[nodiscard]] bool locks_name(const Statement& statement);   ///< holds {{lock_name}}
[[nodiscard]] bool locks_table(const Statement& statement);  ///< holds {{lock_table}}

/// The first statement of a script that begins, ends or divides a transaction ("COMMIT", "SAVEPOINT", …); empty when
/// there is none. Comments, quotes and dollar quotes are skipped. The body of a function written `BEGIN ATOMIC … END`
/// is taken for one: write it in dollar quotes.
[[nodiscard]] std::string transaction_control(std::string_view script);

}  // namespace nexus::db::postgres
