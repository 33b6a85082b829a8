#pragma once

#include "db/copy/catalog.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace nexus::db::copy {

/// What a copy has to know about the product's tables beyond their types.
struct Rules {
  std::set<std::string> left_out;  ///< tables that belong to one database, or are made from others
  std::set<std::string> seeded;    ///< tables whose rows come with the schema: replaced in an otherwise empty target
  /// The number of elements that a vector really has, as SQL over the row `t` of its table, by "table.column": engines
  /// pad shorter vectors with zeros. Null, or no rule: all of them.
  std::map<std::string, std::string> vector_lengths;
};

struct ColumnPlan {
  std::string name;
  Kind kind = Kind::kOther;  ///< the more exact of what both engines say
};

/// One table as it is copied: the columns that both sides have.
struct TablePlan {
  std::string name;
  std::vector<ColumnPlan> columns;
  std::vector<std::size_t> source_key;  ///< indexes into columns; rows are read in this order
  std::vector<std::size_t> target_key;
  std::set<std::string> lost_columns;  ///< of the source, unknown to the target: must hold nulls only
};

struct Plan {
  std::vector<TablePlan> tables;      ///< a table stands behind those it refers to
  std::vector<std::string> unknown;   ///< tables that only the source has: must be empty
  std::vector<std::string> problems;  ///< why nothing can be copied
};

/// Pairs the tables of both sides. Pure.
[[nodiscard]] Plan make_plan(const Catalog& source, const Catalog& target, const Rules& rules);

}  // namespace nexus::db::copy
