#include "observe/log_line.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <cmath>

namespace nexus::observe {
namespace {

constexpr std::size_t kMaxLogText = std::size_t{8} * 1024;
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the UTF-8 sequence at the start of `text`; 0 when it is malformed (RFC 3629: no surrogates, no overlong
/// forms, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto at = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&at](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if ((lead == 0xE0 && at(1) < 0xA0) || (lead == 0xED && at(1) > 0x9F)) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if ((lead == 0xF0 && at(1) < 0x90) || (lead == 0xF4 && at(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

/// Appends text with control characters and the characters of `special` behind a backslash.
void append_clean(std::string& out, std::string_view text, std::string_view special) {
  text = text.substr(0, kMaxLogText);
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      out += kReplacement;
    } else if (length > 1) {
      out += text.substr(0, length);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else if (special.find(c) != std::string_view::npos) {
      out.push_back('\\');
      out.push_back(c);
    } else {
      out.push_back(c);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  append_clean(out, text, "\"\\");
  out.push_back('"');
}

/// A number or a flag; empty for texts.
std::string scalar(const LogField& field) {
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&field.value)) return fmt::format("{}", *whole);
  if (const auto* real = std::get_if<double>(&field.value))
    return std::isfinite(*real) ? fmt::format("{}", *real) : std::string("null");
  return {};
}

}  // namespace

std::string_view to_string(Level level) {
  switch (level) {
    case Level::kDebug:
      return "DEBUG";
    case Level::kInfo:
      return "INFO";
    case Level::kWarn:
      return "WARN";
    case Level::kError:
      return "ERROR";
  }
  return "INFO";
}

Level parse_level(std::string_view text) {
  const std::string name = ascii_lower(ascii_trim(text));
  if (name == "debug") return Level::kDebug;
  if (name == "warn" || name == "warning") return Level::kWarn;
  if (name == "error" || name == "critical") return Level::kError;
  return Level::kInfo;
}

std::string json_line(Timestamp now, Level level, std::string_view message, std::span<const LogField> fields) {
  std::string out = fmt::format("{{\"ts\":\"{}\",\"level\":\"{}\",\"msg\":", iso(now), to_string(level));
  append_string(out, message);
  for (const LogField& field : fields) {
    out.push_back(',');
    append_string(out, field.name);
    out.push_back(':');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_string(out, *text);
    } else {
      out += scalar(field);
    }
  }
  out.push_back('}');
  return out;
}

std::string text_line(Timestamp now, Level level, std::string_view message, std::span<const LogField> fields) {
  const std::string when = iso(Timestamp{now.us - now.us % 1000 + 1});  // + 1: the fraction is never left out
  std::string out = fmt::format("{} {:<5} ", std::string_view(when).substr(11, 12), to_string(level));
  append_clean(out, message, "");
  for (const LogField& field : fields) {
    out += "  ";
    append_clean(out, field.name, "");
    out.push_back('=');
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      append_clean(out, *text, "");
    } else {
      out += scalar(field);
    }
  }
  return out;
}

}  // namespace nexus::observe
