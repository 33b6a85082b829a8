#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace nexus::text {

// Bytes [begin, end) of a sentence, without surrounding white space.
struct Sentence {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// Cuts running text at full stops, question and exclamation marks (Latin, Arabic, Devanagari, CJK) with their closing
// quotes, but not after initials, common abbreviations or before a lower-case letter. In order, not overlapping,
// covering everything that is not white space.
[[nodiscard]] std::vector<Sentence> split_sentences(std::string_view text);

}  // namespace nexus::text
