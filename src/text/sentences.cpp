#include "text/sentences.h"

#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <string>

namespace nexus::text {
namespace {

[[nodiscard]] bool ends_abbreviation(std::string_view before_dot) {
  static constexpr std::array<std::string_view, 18> kKnown{"mr",  "mrs", "ms", "dr",  "prof", "st",  "no",  "vs", "e.g",
                                                           "i.e", "cf",  "al", "fig", "eq",   "inc", "ltd", "jr", "sr"};
  std::size_t begin = before_dot.size();
  while (begin > 0 && before_dot[begin - 1] != ' ' && before_dot[begin - 1] != '\n' && before_dot[begin - 1] != '(')
    --begin;
  std::string word(before_dot.substr(begin));
  if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z') return true;  // an initial
  if (word.size() > 4) return false;
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

// Whether a sentence ends with the code point at `at`; `after` is set to the byte behind closing quotes.
[[nodiscard]] bool sentence_ends(std::string_view text, std::size_t at, CodePoint cp, std::size_t& after) {
  after = at + cp.size;
  if (cp.value == 0x3002 || cp.value == 0xFF01 || cp.value == 0xFF1F) return true;  // CJK stops need no blank
  const bool stop = cp.value == '.' || cp.value == '!' || cp.value == '?' || cp.value == 0x2026 || cp.value == 0x061F ||
                    cp.value == 0x06D4 || cp.value == 0x0964;
  if (!stop) return false;
  while (after < text.size()) {
    const CodePoint next = decode(text, after);
    const bool closing = next.value == '"' || next.value == '\'' || next.value == ')' || next.value == ']' ||
                         next.value == 0x201D || next.value == 0x2019 || next.value == 0xBB;
    if (!closing) break;
    after += next.size;
  }
  if (after >= text.size()) return true;
  const CodePoint blank = decode(text, after);
  if (!is_space(blank.value)) return false;
  const std::string_view rest = trim(text.substr(after, 64));
  if (!rest.empty() && rest.front() >= 'a' && rest.front() <= 'z') return false;
  return cp.value != '.' || !ends_abbreviation(text.substr(at < 8 ? 0 : at - 8, at < 8 ? at : 8));
}

}  // namespace

std::vector<Sentence> split_sentences(std::string_view text) {
  std::vector<Sentence> out;
  const auto add = [&](std::size_t begin, std::size_t end) {
    const std::string_view body = trim(text.substr(begin, end - begin));
    if (body.empty()) return;
    const auto first = static_cast<std::size_t>(body.data() - text.data());
    out.push_back({first, first + body.size()});
  };
  std::size_t begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint cp = decode(text, at);
    std::size_t after = 0;
    if (sentence_ends(text, at, cp, after)) {
      add(begin, after);
      begin = after;
      at = after;
    } else {
      at += cp.size;
    }
  }
  add(begin, text.size());
  return out;
}

}  // namespace nexus::text
