#pragma once

#include "modules/auth/auth_types.h"

#include <string>
#include <vector>

namespace nexus::cli {

/// What the `keys` commands print, ending with a newline. The texts are documented for scripts, character by character
/// (contract 01 §15); the JSON values are ours.
[[nodiscard]] std::string created_text(const auth::IssuedKey& issued);
[[nodiscard]] std::string created_json(const auth::IssuedKey& issued);
[[nodiscard]] std::string revoked_text(const auth::Key& key);
[[nodiscard]] std::string revoked_json(const auth::Key& key);
[[nodiscard]] std::string rotated_text(const auth::RotatedKey& rotated);
[[nodiscard]] std::string rotated_json(const auth::RotatedKey& rotated);
/// Columns between tabs, without alignment.
[[nodiscard]] std::string listed_text(const std::vector<auth::ListedKey>& keys);
[[nodiscard]] std::string listed_json(const std::vector<auth::ListedKey>& keys);

}  // namespace nexus::cli
