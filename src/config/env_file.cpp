#include "config/env_file.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <optional>

namespace nexus::config {
namespace {

constexpr std::string_view kQuoteProblem = "the closing quote is missing or followed by more text";

bool is_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name) {
    const bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!ok) return false;
  }
  return true;
}

bool is_rest_empty(std::string_view rest) {
  rest = ascii_trim(rest);
  return rest.empty() || rest.front() == '#';
}

std::optional<std::string> single_quoted(std::string_view text) {
  const std::size_t end = text.find('\'', 1);
  if (end == std::string_view::npos || !is_rest_empty(text.substr(end + 1))) return std::nullopt;
  return std::string(text.substr(1, end - 1));
}

std::optional<std::string> double_quoted(std::string_view text) {
  std::string out;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return is_rest_empty(text.substr(i + 1)) ? std::optional<std::string>(out) : std::nullopt;
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char escaped = text[++i];
    if (escaped == 'n') {
      out.push_back('\n');
    } else if (escaped == 't') {
      out.push_back('\t');
    } else if (escaped == '"' || escaped == '\\' || escaped == '$') {
      out.push_back(escaped);
    } else {
      out.push_back('\\');
      out.push_back(escaped);
    }
  }
  return std::nullopt;
}

std::string bare(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return std::string(ascii_trim(text.substr(0, i)));
  return std::string(ascii_trim(text));
}

void parse_line(std::string_view line, int number, EnvFile& file) {
  line = ascii_trim(line);
  if (line.empty() || line.front() == '#') return;
  if (line.starts_with("export ") || line.starts_with("export\t")) line = ascii_trim(line.substr(7));
  const std::size_t equals = line.find('=');
  const std::string_view name = ascii_trim(line.substr(0, equals));
  if (equals == std::string_view::npos || !is_name(name)) {
    file.problems.push_back(fmt::format("line {}: expected NAME=value", number));
    return;
  }
  const std::string_view text = ascii_trim(line.substr(equals + 1));
  std::optional<std::string> value;
  if (text.starts_with('\'')) {
    value = single_quoted(text);
  } else if (text.starts_with('"')) {
    value = double_quoted(text);
  } else {
    value = bare(text);
  }
  if (!value) {
    file.problems.push_back(fmt::format("line {}: {}: {}", number, name, kQuoteProblem));
    return;
  }
  file.lines.push_back({std::string(name), std::move(*value), number});
}

}  // namespace

EnvFile parse_env_file(std::string_view text) {
  EnvFile file;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    parse_line(text.substr(0, end), number, file);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return file;
}

}  // namespace nexus::config
