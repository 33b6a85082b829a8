#pragma once

#include "config/setting.h"
#include "config/settings.h"

#include <string>
#include <string_view>

namespace nexus::config {

/// Turns the text of a row into its value, or says what is wrong ("must be …") without repeating a secret. Empty texts
/// are values for text rows, absence for optional rows and secrets, and errors for the rest (contract 01 §3).
[[nodiscard]] std::variant<Value, std::string> parse_value(const Row& row, std::string_view text);

/// The value a row has when nothing sets it.
[[nodiscard]] Value default_value(const Row& row);

}  // namespace nexus::config
