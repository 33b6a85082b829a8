#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Lenient readings of text, as pydantic v2 coerces: internal to the schema reader.
namespace nexus::schema::detail {

/// Blanks around, a sign, single underscores between digits and a fraction of zeros are allowed: " 1_000.0 " is 1000.
/// The wide type holds every 64-bit integer exactly; larger texts are approximated or infinite.
[[nodiscard]] std::optional<long double> integer_from_text(std::string_view text);
/// Blanks around, underscores between digits, "5." and ".5"; "nan" and "inf" give what they say.
[[nodiscard]] std::optional<double> double_from_text(std::string_view text);
/// true/false, t/f, yes/no, y/n, on/off, 1/0 in any case.
[[nodiscard]] std::optional<bool> bool_from_text(std::string_view text);
/// Stores into an integer of that width; false when it does not fit.
[[nodiscard]] bool store_integer(long double number, std::uint8_t bytes, bool is_signed, void* out);
/// Code points of valid UTF-8.
[[nodiscard]] std::size_t code_points(std::string_view text);
/// A bound as a sentence shows it: `50`, `0.5`, never an exponent.
[[nodiscard]] std::string plain_number(double number);
/// `'a', 'b' or 'c'`
[[nodiscard]] std::string alternatives(const std::vector<std::string>& options);

}  // namespace nexus::schema::detail
