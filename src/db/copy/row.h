#pragma once

#include "db/copy/plan.h"
#include "db/database.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nexus::db::copy {

/// One value between two databases: a null, a number, a text (also bytes), or the elements of a vector.
using Cell = std::variant<std::monostate, std::int64_t, double, std::string, std::vector<float>>;
using Row = std::vector<Cell>;

/// Reads column `index` of the current row as what `kind` says. Throws db::Error{kCorrupt} for bytes that are no
/// vector.
[[nodiscard]] Cell read_cell(const Cursor& row, int index, Kind kind);
/// Borrows from the cell.
[[nodiscard]] Value to_value(const Cell& cell, Kind kind);
/// About what it takes in memory.
[[nodiscard]] std::size_t bytes_of(const Row& row);

/// The key of a row as text, for the next run; key_values() reads it back. Throws std::invalid_argument for another
/// text.
[[nodiscard]] std::string key_text(const Row& row, const TablePlan& table);
[[nodiscard]] Row key_values(std::string_view text, const TablePlan& table);

/// A sum over rows that does not depend on their order, nor on the engine they were read from: times count in
/// microseconds, JSON in its canonical form (RFC 8785), decimals and vectors without trailing zeros, UUIDs in lower
/// case. SHA-256 of each row, added modulo 2^128.
class Checksum {
 public:
  void add(const Row& row, const TablePlan& table);
  [[nodiscard]] std::string hex() const;  ///< 32 digits
  friend bool operator==(const Checksum&, const Checksum&) = default;

 private:
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace nexus::db::copy
