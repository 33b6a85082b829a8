#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace nexus::db {

/// What one token becomes on one engine; `%1`, `%2` in `text` stand for its arguments.
struct TokenRule {
  std::string_view name;
  std::size_t arguments = 0;
  std::string_view text;
};

/// Replaces every `{{name argument…}}` of `sql` by its rule. Throws std::invalid_argument for an unknown token, a wrong
/// number of arguments or a missing `}}`.
[[nodiscard]] std::string expand_tokens(std::string_view sql, std::span<const TokenRule> rules);

}  // namespace nexus::db
