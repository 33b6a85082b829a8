#include "observe/metrics_text.h"

#include <fmt/format.h>

#include <cmath>

namespace nexus::observe {
namespace {

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && in_quotes) {
      out += "\\\"";
    } else {
      out.push_back(c);
    }
  }
}

void append_labels(std::string& out, const LabelSet& labels, std::string_view le = {}) {
  if (labels.names.empty() && le.empty()) return;
  char before = '{';
  for (std::size_t i = 0; i < labels.names.size(); ++i) {
    out.push_back(before);
    out += labels.names[i];
    out += "=\"";
    append_escaped(out, labels.values[i], true);
    out.push_back('"');
    before = ',';
  }
  if (!le.empty()) {
    out.push_back(before);
    out += fmt::format("le=\"{}\"", le);
  }
  out.push_back('}');
}

void append_line(std::string& out, std::string_view name, std::string_view suffix, const LabelSet& labels,
                 std::string_view le, double value) {
  out += name;
  out += suffix;
  append_labels(out, labels, le);
  out.push_back(' ');
  out += metric_number(value);
  out.push_back('\n');
}

}  // namespace

std::string metric_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  constexpr double kExactIntegers = 9007199254740992.0;  // 2^53
  if (std::abs(value) < kExactIntegers && value == std::trunc(value))
    return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

void write_head(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} ", name);
  append_escaped(out, help, false);
  out += fmt::format("\n# TYPE {} {}\n", name, type);
}

void write_sample(std::string& out, std::string_view name, const LabelSet& labels, double value) {
  append_line(out, name, {}, labels, {}, value);
}

void write_histogram(std::string& out, std::string_view name, const LabelSet& labels, const Histogram& histogram) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= histogram.bounds().size(); ++i) {
    total += histogram.count_in_bucket(i);
    const std::string le = i < histogram.bounds().size() ? metric_number(histogram.bounds()[i]) : std::string("+Inf");
    append_line(out, name, "_bucket", labels, le, static_cast<double>(total));
  }
  append_line(out, name, "_sum", labels, {}, histogram.sum());
  append_line(out, name, "_count", labels, {}, static_cast<double>(total));
}

std::string legacy_name(std::string_view pattern, const LabelSet& labels) {
  std::string name;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    name += pattern.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    const std::string_view label = pattern.substr(open + 1, close - open - 1);
    for (std::size_t i = 0; i < labels.names.size(); ++i)
      if (labels.names[i] == label) name += labels.values[i];
    pattern.remove_prefix(close + 1);
  }
  for (char& c : name) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!ok) c = '_';
  }
  return name;
}

}  // namespace nexus::observe
