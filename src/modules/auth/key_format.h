#pragma once

#include "base/secret.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::auth {

inline constexpr std::string_view kKeyMark = "nrgk_";
inline constexpr std::string_view kSessionMark = "nrgss_";

/// A fresh key `nrgk_<id>_<secret>` (contract 01 §5.2): 32 random bytes in URL-safe base64, 81 characters in all.
[[nodiscard]] Secret make_key(std::string_view key_id);
/// First 12 characters: what lists show.
[[nodiscard]] std::string prefix_of(const Secret& key);
/// The id inside a well-formed key; empty for anything else.
[[nodiscard]] std::optional<std::string_view> embedded_id(std::string_view credential);

}  // namespace nexus::auth
