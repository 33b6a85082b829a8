// English words that carry no topic: left out of a query unless nothing else is in it.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace nexus::search {

inline constexpr std::array kStopWords = std::to_array<std::string_view>(
    {"a",      "about", "after",   "all",  "also",   "am",      "an",      "and",     "any",   "are",   "as",
     "at",     "be",    "because", "been", "before", "being",   "between", "both",    "but",   "by",    "can",
     "could",  "did",   "do",      "does", "during", "each",    "few",     "for",     "from",  "had",   "has",
     "have",   "he",    "he'd",    "her",  "here",   "herself", "him",     "himself", "his",   "how",   "i",
     "if",     "in",    "into",    "is",   "it",     "its",     "itself",  "just",    "may",   "me",    "might",
     "more",   "most",  "must",    "my",   "no",     "nor",     "not",     "of",      "off",   "on",    "once",
     "only",   "or",    "other",   "our",  "out",    "over",    "own",     "s",       "same",  "shall", "she",
     "should", "so",    "some",    "such", "t",      "than",    "that",    "the",     "their", "them",  "then",
     "there",  "these", "they",    "this", "those",  "through", "to",      "too",     "under", "until", "up",
     "us",     "very",  "was",     "we",   "were",   "what",    "when",    "where",   "which", "while", "who",
     "whom",   "whose", "why",     "will", "with",   "would",   "you",     "your"});
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

[[nodiscard]] inline bool is_stop_word(std::string_view word) noexcept {
  return word.size() <= 7 && std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

}  // namespace nexus::search
