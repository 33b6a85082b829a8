#include "db/copy/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace nexus::db::copy {

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kInt:
      return "integer";
    case Kind::kReal:
      return "real";
    case Kind::kText:
      return "text";
    case Kind::kBlob:
      return "bytes";
    case Kind::kBool:
      return "boolean";
    case Kind::kTime:
      return "time";
    case Kind::kJson:
      return "JSON";
    case Kind::kDecimal:
      return "decimal";
    case Kind::kUuid:
      return "UUID";
    case Kind::kVector:
      return "vector";
    case Kind::kOther:
      break;
  }
  return "a type that is not copied";
}

const Column* Table::find(std::string_view name) const {
  const auto at = std::ranges::find(columns, name, &Column::name);
  return at == columns.end() ? nullptr : &*at;
}

Catalog read_catalog(Snapshot& snapshot, std::string_view engine) {
  if (engine == "sqlite") return sqlite::read_catalog(snapshot);
  if (engine == "postgres") return postgres::read_catalog(snapshot);
  throw std::invalid_argument(fmt::format("there is no catalogue of engine {}", engine));
}

void continue_numbering(Tx& tx, std::string_view engine) {
  if (engine == "postgres") postgres::continue_numbering(tx);
}

}  // namespace nexus::db::copy
