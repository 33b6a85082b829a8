#include "http/sse.h"

#include "base/encoding.h"

#include <array>
#include <charconv>
#include <stdexcept>

namespace nexus::http {

void append_frame(std::string& out, std::string_view event, std::optional<std::uint64_t> id, std::string_view data) {
  if (event.find_first_of("\r\n") != std::string_view::npos) throw std::invalid_argument("line break in event name");
  out += "event: ";
  out += event;
  if (id) {
    std::array<char, 20> digits{};
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), *id);
    out += "\nid: ";
    out.append(digits.data(), end);
  }
  for (;;) {
    const auto line_end = data.find_first_of("\r\n");
    out += "\ndata: ";
    out += data.substr(0, line_end);
    if (line_end == std::string_view::npos) break;
    const bool pair = data[line_end] == '\r' && line_end + 1 < data.size() && data[line_end + 1] == '\n';
    data.remove_prefix(line_end + (pair ? 2 : 1));
  }
  out += "\n\n";
}

std::optional<std::uint64_t> parse_last_event_id(std::string_view value) {
  value = ascii_trim(value);
  if (value.empty() || value.size() > 19) return std::nullopt;
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), id);
  if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
  return id;
}

}  // namespace nexus::http
