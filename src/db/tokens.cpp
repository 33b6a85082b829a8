#include "db/tokens.h"

#include <stdexcept>
#include <vector>

namespace nexus::db {
namespace {

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) return words;
    const std::size_t end = text.find(' ', start);
    words.push_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return words;
    text.remove_prefix(end);
  }
}

void append_rule(std::string& out, const TokenRule& rule, std::span<const std::string_view> arguments) {
  for (std::size_t i = 0; i < rule.text.size(); ++i) {
    const bool placeholder = rule.text[i] == '%' && i + 1 < rule.text.size();
    const std::size_t number = placeholder ? static_cast<std::size_t>(rule.text[i + 1] - '1') : arguments.size();
    if (number < arguments.size()) {
      out += arguments[number];
      ++i;
    } else {
      out += rule.text[i];
    }
  }
}

}  // namespace

std::string expand_tokens(std::string_view sql, std::span<const TokenRule> rules) {
  std::string out;
  out.reserve(sql.size() + 32);
  for (;;) {
    const std::size_t open = sql.find("{{");
    out += sql.substr(0, open);
    if (open == std::string_view::npos) return out;
    const std::size_t close = sql.find("}}", open);
    if (close == std::string_view::npos) throw std::invalid_argument("a token lacks its closing braces");
    const std::string_view token = sql.substr(open + 2, close - open - 2);
    const std::vector<std::string_view> words = split_words(token);
    const TokenRule* found = nullptr;
    for (const TokenRule& rule : rules) {
      if (!words.empty() && rule.name == words.front() && rule.arguments == words.size() - 1) found = &rule;
    }
    if (found == nullptr) throw std::invalid_argument("unknown token {{" + std::string(token) + "}}");
    append_rule(out, *found, std::span(words).subspan(1));
    sql.remove_prefix(close + 2);
  }
}

}  // namespace nexus::db
