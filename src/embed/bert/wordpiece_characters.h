// What a BERT normalizer and pre-tokenizer do to each code point, worked out once and looked up afterwards.
//
// The reference is the `tokenizers` library, whose steps run in this order: controls go, ideographs are set apart,
// canonical decomposition, non-spacing marks go, lower case per character, cut at white space and punctuation. It uses
// three versions of Unicode at once: categories of 8.0, decompositions from before 13, lower case of the newest. The
// table is made from ICU with that in mind; see the .cpp.
#pragma once

#include "embed/bert/wordpiece_config.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::embed::bert {

enum class CharacterKind : std::uint8_t {
  kSame,     // part of a word as it is
  kSpelled,  // part of a word as `spelling` says
  kDropped,  // as if it were not there
  kBarrier,  // dropped too, but marks around it do not change places
  kSpace,    // ends a word
  kAlone,    // a word of its own; as `spelling` says unless that is empty
  kMark,     // part of a word, after marks of a lower or equal combining class
  kParts,    // `spelling` has marks: look up each of its code points
};

struct Character {
  CharacterKind kind = CharacterKind::kSame;
  std::uint8_t combining_class = 0;  // of kMark only
  std::string_view spelling;         // UTF-8, at most kLongestSpelling bytes; points into the table
};

class CharacterTable {
 public:
  static constexpr std::size_t kLongestSpelling = 31;

  // About 10 ms. Throws std::runtime_error when ICU has no normalisation data.
  explicit CharacterTable(const NormalizerFlags& flags);

  // Any code point up to U+10FFFF. Any thread.
  [[nodiscard]] Character find(char32_t code_point) const noexcept {
    const std::uint32_t page = pages_[code_point >> kPageBits];
    const std::uint32_t entry = entries_[(std::size_t{page} << kPageBits) + (code_point & (kPageSize - 1U))];
    const auto kind = static_cast<CharacterKind>(entry & 7U);
    if (kind == CharacterKind::kMark) return {kind, static_cast<std::uint8_t>(entry >> 8U), {}};
    return {kind, 0, {spellings_.data() + (entry >> 8U), (entry >> 3U) & kLongestSpelling}};
  }

 private:
  static constexpr unsigned kPageBits = 7;
  static constexpr std::uint32_t kPageSize = 1U << kPageBits;

  [[nodiscard]] std::uint32_t entry_of(CharacterKind kind, std::string_view spelling);

  std::array<std::uint16_t, (0x110000 >> kPageBits)> pages_{};
  std::vector<std::uint32_t> entries_;  // per page: kind, then spelling length and offset or combining class
  std::string spellings_;
};

}  // namespace nexus::embed::bert
