#pragma once

#include <string_view>

namespace nexus::db::sqlite {

/// Compares two decimals written as `[+-]digits[.digits]` by value, without rounding: negative, zero or positive.
/// Text that is no decimal comes after every decimal, in byte order.
[[nodiscard]] int compare_decimals(std::string_view a, std::string_view b);

}  // namespace nexus::db::sqlite
