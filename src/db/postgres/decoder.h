#pragma once

#include "db/postgres/types.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::db::postgres {

/// One value in the binary format. Read with the conversions that SQLite has: a number of a text is what it begins
/// with, the text of a boolean is 0 or 1, the text of a time is its microseconds.
struct Field {
  Form form = Form::kUnsupported;
  std::string_view bytes;
};

/// Whole part of numbers and of texts that begin with one; 0 and 1; microseconds since 1970. Out of range: the nearest.
[[nodiscard]] std::int64_t to_integer(const Field& field);
[[nodiscard]] double to_real(const Field& field);
/// `scratch` holds the text when the bytes are not it.
[[nodiscard]] std::string_view to_text(const Field& field, std::string& scratch);
/// Bytes of a bytea or a text; of a vector its numbers, little-endian f32.
[[nodiscard]] std::string_view to_bytes(const Field& field, std::string& scratch);

/// Digits of a binary `numeric`, with as many decimals as it carries.
[[nodiscard]] std::string numeric_text(std::string_view bytes);

}  // namespace nexus::db::postgres
