#include "cli/event_parser.h"

#include <utility>

namespace nexus::cli {

void EventParser::feed(std::string_view bytes) {
  rest_.append(bytes);
  std::size_t at = 0;
  for (std::size_t end = rest_.find('\n'); end != std::string::npos; end = rest_.find('\n', at)) {
    std::string_view text = std::string_view(rest_).substr(at, end - at);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text);
    at = end + 1;
  }
  rest_.erase(0, at);
}

void EventParser::line(std::string_view text) {
  if (text.empty()) {
    if (has_data_) handler_(event_);
    event_ = {};
    has_data_ = false;
    return;
  }
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (has_data_) event_.data.push_back('\n');
    event_.data.append(value);
    has_data_ = true;
  }
}

}  // namespace nexus::cli
