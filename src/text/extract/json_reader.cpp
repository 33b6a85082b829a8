#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/readers.h"
#include "text/extract/text_sink.h"
#include "text/utf8.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <cmath>

namespace nexus::text::extract {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 64;

json::value parse(std::string_view text, boost::system::error_code& error) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return json::parse(text, error, {}, options);
}

std::string scalar(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::int64:
      return fmt::format("{}", value.get_int64());
    case json::kind::uint64:
      return fmt::format("{}", value.get_uint64());
    case json::kind::double_:
      return fmt::format("{}", value.get_double());
    case json::kind::string:
      return std::string(value.get_string());
    default:
      return json::serialize(value);
  }
}

bool is_scalar(const json::value& value) {
  return !value.is_object() && !value.is_array();
}

// Writes `path: value` lines. An element of a list that is itself a structure starts a new paragraph, so that one
// record is one paragraph; a list of scalars is one line. Depth is bounded by the parser.
class PathWriter {
 public:
  explicit PathWriter(TextSink& sink) : sink_(sink) {}

  void write(const json::value& value) {
    if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object)
        descend(path_.empty() ? std::string(key) : "." + std::string(key), member);
    } else if (const auto* array = value.if_array()) {
      list(*array);
    } else {
      line(scalar(value));
    }
  }

 private:
  void descend(std::string_view step, const json::value& value) {
    const std::size_t length = path_.size();
    path_ += clip(step, 200);
    write(value);
    path_.resize(length);
  }

  void list(const json::array& array) {
    bool plain = true;
    for (const auto& element : array) plain = plain && is_scalar(element);
    if (plain) {
      std::string joined;
      for (const auto& element : array) joined += (joined.empty() ? "" : ", ") + scalar(element);
      line(joined);
      return;
    }
    for (std::size_t i = 0; i < array.size(); ++i) {
      sink_.block_break();
      descend(fmt::format("[{}]", i), array[i]);
    }
    sink_.block_break();
  }

  void line(std::string_view value) {
    if (trim(value).empty()) return;
    sink_.line_break();
    if (!path_.empty()) {
      sink_.words(path_);
      sink_.verbatim(": ");
    }
    sink_.words(value);
  }

  TextSink& sink_;
  std::string path_;
};

// One value a line, as logs and exports come; false when any line is not JSON.
bool write_lines(std::string_view text, TextSink& sink) {
  bool any = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    boost::system::error_code error;
    const json::value value = parse(line, error);
    if (error || is_scalar(value)) return false;
    sink.block_break();
    PathWriter(sink).write(value);
    any = true;
  }
  return any;
}

Extracted text_member(const json::value& value) {
  const auto* object = value.if_object();
  const auto* text = object == nullptr ? nullptr : object->if_contains("text");
  if (text == nullptr) throw ExtractionFailed(Failure::kMissingText, "JSON body must include text");
  Extracted out;
  out.text = normalise_newlines(scalar(*text));
  if (const auto* title = object->if_contains("title"); title != nullptr && title->is_string())
    out.metadata["title"] = clip(std::string_view(title->get_string()), 500);
  return out;
}

}  // namespace

Extracted read_json(std::string_view bytes, const Request& request) {
  Decoded decoded = decode_bytes(bytes, request.charset, request.lenient);
  boost::system::error_code error;
  const json::value value = parse(decoded.text, error);
  Extracted out;
  if (!error) {
    const auto* object = value.if_object();
    const auto* text = object == nullptr ? nullptr : object->if_contains("text");
    if (request.json_text || (text != nullptr && text->is_string())) {
      out = text_member(value);
    } else {
      TextSink sink(request.limits.max_text_out);
      PathWriter(sink).write(value);
      out = sink.take();
    }
  } else {
    TextSink sink(request.limits.max_text_out);
    if (request.json_text || error == json::error::too_deep || !write_lines(decoded.text, sink))
      throw ExtractionFailed(Failure::kDamaged,
                             error == json::error::too_deep
                                 ? fmt::format("The JSON is nested more than {} levels deep.", kMaxDepth)
                                 : fmt::format("The file is not valid JSON: {}.", error.message()));
    out = sink.take();
  }
  out.metadata["charset"] = std::move(decoded.charset);
  return out;
}

}  // namespace nexus::text::extract
