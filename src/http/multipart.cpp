#include "http/multipart.h"

#include "base/encoding.h"

#include <algorithm>

namespace nexus::http {
namespace {

constexpr std::size_t kMaxBoundary = 70;  // RFC 2046 §5.1.1

struct Parameter {
  std::string name;  // lower case
  std::string value;
};

/// Reads the next `; name=value` of a header value; empty at its end. Throws on a torn quotation.
std::optional<Parameter> next_parameter(std::string_view& rest) {
  rest = ascii_trim(rest);
  while (!rest.empty() && rest.front() == ';') rest = ascii_trim(rest.substr(1));
  if (rest.empty()) return std::nullopt;
  Parameter parameter;
  const auto name_end = rest.find_first_of("=;");
  parameter.name = ascii_lower(ascii_trim(rest.substr(0, name_end)));
  if (name_end == std::string_view::npos || rest[name_end] == ';') {
    rest = name_end == std::string_view::npos ? std::string_view() : rest.substr(name_end);
    return parameter;
  }
  rest = ascii_trim(rest.substr(name_end + 1));
  if (rest.empty() || rest.front() != '"') {
    const auto end = rest.find(';');
    parameter.value = std::string(ascii_trim(rest.substr(0, end)));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
    return parameter;
  }
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != '"'; ++at) {
    // Only quotes and backslashes are escaped by clients; "C:\temp" from old browsers keeps its backslash.
    const bool escape = rest[at] == '\\' && at + 1 < rest.size() && (rest[at + 1] == '"' || rest[at + 1] == '\\');
    if (escape) ++at;
    parameter.value += rest[at];
  }
  if (at >= rest.size()) throw MultipartError("Malformed multipart body: quotation without end");
  rest = rest.substr(at + 1);
  return parameter;
}

std::string without_directories(std::string_view name) {
  const auto slash = name.find_last_of("/\\");
  if (slash != std::string_view::npos) name.remove_prefix(slash + 1);
  return std::string(name == "." || name == ".." ? std::string_view() : name);
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

/// `filename*=UTF-8''na%C3%AFve.txt` (RFC 8187).
std::string extended_value(std::string_view value) {
  const auto first = value.find('\'');
  const auto second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return {};
  return percent_decode(value.substr(second + 1), false);
}

void read_disposition(std::string_view value, PartHead& head, bool& named) {
  const auto end = value.find(';');
  if (!ascii_iequals(ascii_trim(value.substr(0, end)), "form-data"))
    throw MultipartError("Malformed multipart body: Content-Disposition is not form-data");
  std::string_view rest = end == std::string_view::npos ? std::string_view() : value.substr(end);
  std::string extended;
  while (auto parameter = next_parameter(rest)) {
    if (parameter->name == "name") {
      head.name = std::move(parameter->value);
      named = true;
    } else if (parameter->name == "filename") {
      head.filename = std::move(parameter->value);
      head.is_file = true;
    } else if (parameter->name == "filename*") {
      extended = extended_value(parameter->value);
      head.is_file = true;
    }
  }
  if (!extended.empty()) head.filename = std::move(extended);
  head.filename = without_directories(head.filename);
  if (has_control(head.name) || has_control(head.filename))
    throw MultipartError("Malformed multipart body: control character in a name");
}

PartHead parse_head(std::string_view text, const MultipartLimits& limits) {
  PartHead head;
  bool named = false;
  std::size_t count = 0;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    const auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      throw MultipartError("Malformed multipart body: part header without a name");
    if (++count > limits.max_part_headers) throw MultipartError("Too many headers in a part of the multipart body");
    const auto name = ascii_trim(line.substr(0, colon));
    const auto value = ascii_trim(line.substr(colon + 1));
    if (ascii_iequals(name, "content-disposition")) read_disposition(value, head, named);
    if (ascii_iequals(name, "content-type")) head.content_type = std::string(value);
  }
  if (!named) throw MultipartError("Malformed multipart body: part without a name");
  if (has_control(head.content_type)) throw MultipartError("Malformed multipart body: control character in a header");
  return head;
}

}  // namespace

bool is_multipart(std::string_view content_type) {
  return ascii_iequals(ascii_trim(content_type.substr(0, content_type.find(';'))), "multipart/form-data");
}

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (!is_multipart(content_type)) return std::nullopt;
  const auto semicolon = content_type.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  std::string_view rest = content_type.substr(semicolon);
  try {
    while (auto parameter = next_parameter(rest)) {
      if (parameter->name != "boundary") continue;
      const std::string& boundary = parameter->value;
      if (boundary.empty() || boundary.size() > kMaxBoundary || has_control(boundary)) return std::nullopt;
      return std::move(parameter->value);
    }
  } catch (const MultipartError&) {
    return std::nullopt;  // a torn quotation holds no boundary
  }
  return std::nullopt;
}

MultipartParser::MultipartParser(std::string_view boundary, PartSink& sink, const MultipartLimits& limits)
    : delimiter_("\r\n--" + std::string(boundary)), sink_(sink), limits_(limits) {
  // The first boundary may open the body; with a line break in front it looks like all others.
  buffer_ = "\r\n";
}

void MultipartParser::feed(std::string_view bytes) {
  if (state_ == State::kEpilogue) return;
  buffer_ += bytes;
  while (step()) {
  }
  buffer_.erase(0, at_);
  at_ = 0;
}

void MultipartParser::finish() const {
  if (state_ != State::kEpilogue) throw MultipartError("Malformed multipart body: it ends before its last boundary");
}

bool MultipartParser::step() {
  switch (state_) {
    case State::kPreamble:
      return skip_preamble();
    case State::kAfterBoundary:
      return read_boundary_end();
    case State::kHead:
      return read_head();
    case State::kBody:
      return read_body();
    case State::kEpilogue:
      at_ = buffer_.size();
      return false;
  }
  return false;
}

bool MultipartParser::skip_preamble() {
  const auto found = buffer_.find(delimiter_, at_);
  if (found != std::string::npos) {
    at_ = found + delimiter_.size();
    state_ = State::kAfterBoundary;
    return true;
  }
  const std::size_t keep = std::min(buffer_.size() - at_, delimiter_.size() - 1);
  preamble_ += buffer_.size() - at_ - keep;
  if (preamble_ > limits_.max_preamble_bytes)
    throw MultipartError("Malformed multipart body: it does not start with its boundary");
  at_ = buffer_.size() - keep;
  return false;
}

bool MultipartParser::read_boundary_end() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  if (rest.size() < 2) return false;
  if (rest.starts_with("--")) {
    at_ = buffer_.size();
    state_ = State::kEpilogue;
    return false;
  }
  const auto text = rest.find_first_not_of(" \t");  // transport padding
  if (text == std::string_view::npos || text + 2 > rest.size()) {
    if (rest.size() > kMaxBoundary) throw MultipartError("Malformed multipart body: no line break after a boundary");
    return false;
  }
  if (rest.substr(text, 2) != "\r\n") throw MultipartError("Malformed multipart body: no line break after a boundary");
  at_ += text;  // the line break stays: an empty head is then the same four bytes as the end of any other
  state_ = State::kHead;
  return true;
}

bool MultipartParser::read_head() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  const auto end = rest.find("\r\n\r\n");
  if (end == std::string_view::npos ? rest.size() > limits_.max_part_head_bytes : end > limits_.max_part_head_bytes)
    throw MultipartError("Headers of a part of the multipart body are too large");
  if (end == std::string_view::npos) return false;
  PartHead head = parse_head(end < 2 ? std::string_view() : rest.substr(2, end - 2), limits_);
  if (head.is_file ? ++files_ > limits_.max_files : ++fields_ > limits_.max_fields)
    throw MultipartError(head.is_file ? "Too many files in the multipart body"
                                      : "Too many fields in the multipart body");
  sink_.begin_part(std::move(head));
  at_ += end + 2;  // the second line break may open the next boundary: an empty part
  state_ = State::kBody;
  // The body begins behind that line break; read_body gives data only from there on.
  skip_line_break_ = true;
  return true;
}

bool MultipartParser::read_body() {
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  const auto found = rest.find(delimiter_);
  const std::size_t skip = skip_line_break_ ? 2 : 0;
  if (found != std::string_view::npos) {
    if (found > skip) sink_.part_data(rest.substr(skip, found - skip));
    sink_.end_part();
    at_ += found + delimiter_.size();
    state_ = State::kAfterBoundary;
    return true;
  }
  if (rest.size() < delimiter_.size() + skip) return false;
  const std::size_t whole = rest.size() - (delimiter_.size() - 1);
  if (whole > skip) sink_.part_data(rest.substr(skip, whole - skip));
  skip_line_break_ = false;
  at_ += whole;
  return false;
}

}  // namespace nexus::http
