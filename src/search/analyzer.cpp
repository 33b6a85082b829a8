#include "search/analyzer.h"

#include "search/folding.h"
#include "search/stemmer.h"
#include "search/stop_words.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <limits>

namespace nexus::search {
namespace {

struct AnalyzerOptions {
  bool keep_stop_words;
  std::size_t max_terms;
};

[[nodiscard]] constexpr std::array<char, 256> make_ascii_folding() {
  std::array<char, 256> table{};  // 0: not part of a word
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = static_cast<char>(c);
  for (unsigned c = 'a'; c <= 'z'; ++c) {
    table[c] = static_cast<char>(c);
    table[c - 'a' + 'A'] = static_cast<char>(c);
  }
  return table;
}
constexpr std::array<char, 256> kAsciiFolding = make_ascii_folding();

[[nodiscard]] bool is_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

class Tokenizer {
 public:
  Tokenizer(const AnalyzerOptions& options, TermList& out) : options_(options), out_(out) {}

  void run(std::string_view text) {
    for (std::size_t at = 0; at < text.size() && !full();) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte >= 0x80) {
        at = run_beyond_ascii(text, at);
      } else if (kAsciiFolding[byte] == 0) {
        ++at;
      } else {
        at = run_ascii_word(text, at);
      }
    }
  }

  [[nodiscard]] std::size_t stop_words() const noexcept { return stop_words_; }

 private:
  [[nodiscard]] bool full() const noexcept { return out_.size() >= options_.max_terms; }

  [[nodiscard]] std::size_t run_ascii_word(std::string_view text, std::size_t begin) {
    std::array<char, kMaxTermBytes> word{};
    std::size_t size = 0;
    std::size_t at = begin;
    for (; at < text.size(); ++at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (byte >= 0x80) return run_beyond_ascii(text, begin);
      const char folded = kAsciiFolding[byte];
      if (folded == 0) break;
      if (size < word.size()) word[size++] = folded;
    }
    emit({word.data(), size});
    return at;
  }

  // Folds what stands up to the next blank or control character: folding may look at neighbours, never past those.
  [[nodiscard]] std::size_t run_beyond_ascii(std::string_view text, std::size_t begin) {
    std::size_t end = begin;
    while (end < text.size() && static_cast<unsigned char>(text[end]) > 0x20) ++end;
    thread_local std::string folded;
    fold(text.substr(begin, end - begin), folded);
    run_folded(folded);
    return end;
  }

  void run_folded(std::string_view text) {
    for (std::size_t at = 0; at < text.size() && !full();) {
      const text::CodePoint first = text::decode(text, at);
      const CharClass kind = first.valid ? char_class(first.value) : CharClass::kSeparator;
      if (kind == CharClass::kSeparator) {
        at += first.size;
      } else if (kind == CharClass::kPaired) {
        at = emit_pairs(text, at);
      } else {
        std::size_t end = at;
        std::size_t cut = at;  // where the term ends when the word is too long
        while (end < text.size()) {
          const text::CodePoint cp = text::decode(text, end);
          if (!cp.valid || char_class(cp.value) != CharClass::kWord) break;
          end += cp.size;
          if (end - at <= kMaxTermBytes) cut = end;
        }
        emit(text.substr(at, cut - at));
        at = end;
      }
    }
  }

  [[nodiscard]] std::size_t emit_pairs(std::string_view text, std::size_t begin) {
    std::size_t previous = begin;
    std::size_t at = begin;
    while (at < text.size() && !full()) {
      const text::CodePoint cp = text::decode(text, at);
      if (!cp.valid || char_class(cp.value) != CharClass::kPaired) break;
      if (at != begin) out_.add(text.substr(previous, at + cp.size - previous));
      previous = at;
      at += cp.size;
    }
    if (previous == begin) out_.add(text.substr(begin, at - begin));  // alone
    return at;
  }

  void emit(std::string_view word) {
    if (is_stop_word(word)) {
      if (!options_.keep_stop_words) return;
      ++stop_words_;
    }
    out_.add(is_ascii(word) ? stem_english(word) : word);
  }

  AnalyzerOptions options_;
  TermList& out_;
  std::size_t stop_words_ = 0;
};

}  // namespace

std::size_t analyze_document(std::string_view text, TermList& out) {
  out.clear();
  Tokenizer tokenizer({true, std::numeric_limits<std::size_t>::max()}, out);
  tokenizer.run(text);
  return out.size() - tokenizer.stop_words();
}

void analyze_query(std::string_view text, TermList& out) {
  out.clear();
  Tokenizer({false, kMaxQueryTerms}, out).run(text);
  if (out.empty()) Tokenizer({true, kMaxQueryTerms}, out).run(text);
}

}  // namespace nexus::search
