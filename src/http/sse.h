#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::http {

/// Appends one event of a text/event-stream (WHATWG HTML §9.2): `event:`, `id:` and `data:` lines and an empty line.
/// Without an id no `id:` line is written. Line breaks in `data` become several `data:` lines; line breaks in `event`
/// would break the frame and throw std::invalid_argument.
void append_frame(std::string& out, std::string_view event, std::optional<std::uint64_t> id, std::string_view data);

/// Value of `Last-Event-ID` as our own streams number events: 1 to 19 decimal digits, blanks around them allowed; empty
/// for anything else.
[[nodiscard]] std::optional<std::uint64_t> parse_last_event_id(std::string_view value);

}  // namespace nexus::http
