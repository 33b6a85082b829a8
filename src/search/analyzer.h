// From text to index terms: Unicode folding, words, English stemming.
//
// Text is compared after NFKC case folding without Latin, Arabic and Hebrew diacritics. Words are runs of letters,
// digits and the marks that scripts need; Han, Kana and Hangul runs become overlapping pairs of characters. ASCII words
// are stemmed with the Snowball English ("Porter 2") algorithm. Everything is deterministic, and documents and queries
// take the same path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::search {

// Terms in text order, repetitions kept, in one buffer that can be reused.
class TermList {
 public:
  void clear() noexcept {
    bytes_.clear();
    ends_.clear();
  }
  void add(std::string_view term) {
    bytes_.append(term);
    ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ends_.empty(); }
  // Valid until the next add() or clear().
  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(bytes_).substr(begin, ends_[i] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> ends_;
};

inline constexpr std::size_t kMaxTermBytes = 64;     // longer words are cut at a code point
inline constexpr std::size_t kMaxQueryTerms = 1024;  // what follows in a query is ignored

// Replaces `out` with the terms of a document and returns how many of them count for its length: stop words are
// indexed, so that a query of nothing else finds something, but do not make a document long. Any thread.
std::size_t analyze_document(std::string_view text, TermList& out);

// Replaces `out` with the terms of a query: without stop words, unless there is nothing else. Any thread.
void analyze_query(std::string_view text, TermList& out);

}  // namespace nexus::search
