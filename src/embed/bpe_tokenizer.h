// Llama-2 style byte-pair encoding with byte fallback.
//
// The text is cut at the literals <unk>, <s>, </s> (ids 0, 1, 2). Each piece between them gets one leading blank; a
// blank is the symbol U+2581. No other normalisation. Symbols are code points, unknown ones (and ill-formed bytes)
// their UTF-8 bytes; the pair of lowest rank merges first, leftmost among equals.
#pragma once

#include "embed/piece_cache.h"
#include "embed/tokenizer_tables.h"

#include <string_view>
#include <vector>

namespace nexus::embed {

class BpeTokenizer {
 public:
  // `cache_slots`: a power of two, 64 bytes each.
  explicit BpeTokenizer(TokenizerTables tables, std::size_t cache_slots = std::size_t{1} << 15U);

  // Appends the ids of `text`. Any thread.
  void encode(std::string_view text, std::vector<TokenId>& out) const;

  [[nodiscard]] std::size_t vocabulary_size() const noexcept { return tables_.vocabulary_size(); }

 private:
  void encode_segment(std::string_view segment, std::vector<TokenId>& out) const;
  void encode_piece(std::string_view piece, std::vector<TokenId>& out) const;
  void merge_piece(std::string_view piece, std::vector<TokenId>& out) const;

  TokenizerTables tables_;
  mutable PieceCache cache_;  // only remembers: results are the same without it
};

}  // namespace nexus::embed
