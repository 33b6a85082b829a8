#include "llm/sse_parser.h"

namespace nexus::llm {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

bool SseParser::feed(std::string_view bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (after_return_) {
      after_return_ = false;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const std::size_t end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      keep(bytes);
      return true;
    }
    after_return_ = bytes[end] == '\r';
    std::string_view line = bytes.substr(0, end);
    if (!line_.empty()) {
      keep(line);
      line = line_;
    } else if (line.size() > limits_.max_line) {
      throw SseError("a line of the event stream is longer than allowed");
    }
    const bool more = end_line(line, sink);
    line_.clear();
    if (!more) return false;
    bytes.remove_prefix(end + 1);
  }
  return true;
}

void SseParser::keep(std::string_view part) {
  if (part.size() > limits_.max_line - line_.size()) {
    throw SseError("a line of the event stream is longer than allowed");
  }
  line_.append(part);
}

bool SseParser::end_line(std::string_view line, const Sink& sink) {
  if (first_line_) {
    first_line_ = false;
    if (line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  }
  if (line.empty()) return dispatch(sink);
  read_field(line);
  return true;
}

void SseParser::read_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);  // empty for a comment
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "event") {
    type_.assign(value);
  } else if (name == "data") {
    data_.append(value).push_back('\n');
  }
  if (type_.size() + data_.size() > limits_.max_event + 1) {
    throw SseError("an event of the event stream is longer than allowed");
  }
}

bool SseParser::dispatch(const Sink& sink) {
  bool more = true;
  if (!data_.empty()) {
    data_.pop_back();
    more = sink({.type = type_, .data = data_});
  }
  type_.clear();
  data_.clear();
  return more;
}

}  // namespace nexus::llm
