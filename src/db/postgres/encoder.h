#pragma once

#include "db/postgres/connection.h"
#include "db/postgres/types.h"
#include "db/value.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::db::postgres {

/// Turns values into what PostgreSQL takes for the types it has inferred. The texts are shared with SQLite, where
/// booleans and times are integers, so an integer is welcome where the column is boolean, timestamptz, numeric or text,
/// and the other way round:
///   kBool, kInt  bool (0 is false), integers, floats, numeric, text, timestamptz (microseconds)
///   kReal        floats, numeric, text; integers when it is one
///   kTime        timestamptz, timestamp, integers (microseconds), date, text (microseconds)
///   kText        anything: the server reads it
///   kJson        json, jsonb, text
///   kBlob        bytea, text; pgvector's vector (little-endian f32)
///   kVector      vector, padded with zeros to kVectorColumnSize; bytea
/// Reused from statement to statement. Throws Error{kConstraint} for text with a NUL, for an integer that its column
/// cannot hold and for bytes that are no vector.
class Encoder {
 public:
  /// Valid until the next call. `what` names the statement in errors; `forms` has one entry for each value.
  const BoundValues& encode(std::span<const Value> values, std::span<const Form> forms, std::string_view what);

 private:
  void add(const Value& value, Form form, std::string_view what);
  void add_integer(std::int64_t value, Form form, bool is_time, std::string_view what);
  void add_real(double value, Form form, std::string_view what);
  void add_text(std::string_view text, Form form, std::string_view what);
  void add_blob(std::string_view bytes, Form form, std::size_t padded_to, std::string_view what);
  void push(std::string_view bytes, bool binary);

  struct Slot {
    std::size_t offset = 0;
    bool is_null = false;
  };
  BoundValues bound_;
  std::string bytes_;  // of all values; each ends with a NUL
  std::vector<Slot> slots_;
};

}  // namespace nexus::db::postgres
