#pragma once

#include <boost/json/object.hpp>

#include <span>
#include <string>
#include <string_view>

namespace nexus::audit {

inline constexpr std::string_view kRedacted = "[REDACTED]";
/// Longest text of one metadata value, in bytes; what exceeds it is cut at a code point and marked with "…".
inline constexpr std::size_t kMaxValueBytes = 2048;

/// One row of the taxonomy: which metadata keys events of this type may carry (contract 01 §12.3). Everything else is
/// stored as "[REDACTED]", so that a careless writer is visible and harmless.
struct EventRule {
  std::string_view type;
  std::string_view keys;  ///< separated by single blanks
};

/// Sorted by type.
[[nodiscard]] std::span<const EventRule> event_rules();
/// Null when the type is not in the table.
[[nodiscard]] const EventRule* rule_of(std::string_view event_type);
[[nodiscard]] bool allows(const EventRule& rule, std::string_view key);

/// True when the text carries what looks like a credential: an API key (nrgk_), a session token (nrgss_), a JWT or a
/// bearer token.
[[nodiscard]] bool has_secret(std::string_view text);
/// The text with each such credential replaced by "[REDACTED]".
[[nodiscard]] std::string mask_secrets(std::string_view text);

/// Appends the metadata as canonical JSON (RFC 8785): keys that the event's row does not allow are redacted, all texts
/// pass the detectors, ill-formed UTF-8 and NUL become U+FFFD, nesting deeper than 16 is redacted.
void append_metadata(std::string& out, std::string_view event_type, const boost::json::object& metadata);

}  // namespace nexus::audit
