// What a BERT WordPiece tokenizer is made of, as its `tokenizer.json` states it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::embed::bert {

inline constexpr std::size_t kMaxWordChars = 1000;

struct NormalizerFlags {
  bool clean_text = true;            // control characters go, every kind of white space is a blank
  bool handle_chinese_chars = true;  // every ideograph is a word of its own
  bool lowercase = true;
  std::optional<bool> strip_accents;  // canonical decomposition without its non-spacing marks; unset: as `lowercase`

  [[nodiscard]] bool strips_accents() const noexcept { return strip_accents.value_or(lowercase); }
};

struct SpecialIds {
  std::int32_t cls = 0;      // opens every text
  std::int32_t sep = 0;      // closes it
  std::int32_t unknown = 0;  // stands for a word that cannot be spelled
  std::int32_t pad = 0;      // never produced here; `unknown` when the file names none
};

struct WordPieceConfig {
  std::vector<std::string> tokens;  // by id; unique
  std::string continuing_prefix = "##";
  std::size_t max_word_chars = 100;  // code points, 1..kMaxWordChars; a longer word is one `unknown`
  NormalizerFlags normalizer;
  SpecialIds special;  // all within `tokens`
};

}  // namespace nexus::embed::bert
