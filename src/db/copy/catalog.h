#pragma once

#include "db/database.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::db::copy {

/// What the values of a column are. An engine that has fewer types reports the one it stores: SQLite knows kInt, kReal,
/// kText and kBlob only.
enum class Kind : std::uint8_t {
  kInt,
  kReal,
  kText,
  kBlob,
  kBool,
  kTime,
  kJson,
  kDecimal,
  kUuid,
  kVector,
  kOther,  ///< a type that is not copied
};
[[nodiscard]] std::string_view to_string(Kind kind);

struct Column {
  std::string name;
  Kind kind = Kind::kOther;
  bool not_null = false;
  bool has_default = false;  ///< a row may be stored without it
  bool generated = false;    ///< computed by the database; cannot be written
};

struct Table {
  std::vector<Column> columns;   ///< in the table's order
  std::vector<std::string> key;  ///< columns of the primary key, in its order

  [[nodiscard]] const Column* find(std::string_view name) const;
};

/// The tables of one database and which of them refer to which.
struct Catalog {
  std::map<std::string, Table> tables;
  std::vector<std::pair<std::string, std::string>> references;  ///< referring table, referred table
};

/// Reads the catalogue of the engine ("sqlite", "postgres"). Throws std::invalid_argument for another engine.
[[nodiscard]] Catalog read_catalog(Snapshot& snapshot, std::string_view engine);

/// Lets the numbers that the database gives to new rows continue after the highest stored one. SQLite does by itself.
void continue_numbering(Tx& tx, std::string_view engine);

/// One engine's way to read its catalogue; sqlite_catalog.cpp and postgres_catalog.cpp.
namespace sqlite {
[[nodiscard]] Catalog read_catalog(Snapshot& snapshot);
}
namespace postgres {
[[nodiscard]] Catalog read_catalog(Snapshot& snapshot);
void continue_numbering(Tx& tx);
}  // namespace postgres

}  // namespace nexus::db::copy
