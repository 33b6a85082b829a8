// The tables of a byte-fallback BPE tokenizer, in the form the encoder walks.
//
// They are read from a Hugging Face `tokenizer.json` (25 ms for 32,000 tokens) or from our own compact image of it
// (1 ms), which StaticEmbedder keeps beside the model.
#pragma once

#include "crypto/hash.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace nexus::embed {

using TokenId = std::uint16_t;

struct Merge {
  std::uint32_t rank;  // lower merges first
  TokenId result;
};

class TokenizerTables {
 public:
  // Throws std::runtime_error when the JSON is not a BPE model with byte fallback and at most 65,535 tokens.
  [[nodiscard]] static TokenizerTables from_json(std::string_view json);

  // Nothing when the image is damaged, of another version, or was made from a source with another sum.
  [[nodiscard]] static std::optional<TokenizerTables> from_image(std::span<const std::byte> image,
                                                                 const crypto::Digest& source);
  [[nodiscard]] std::vector<std::byte> to_image(const crypto::Digest& source) const;

  [[nodiscard]] std::size_t vocabulary_size() const noexcept { return vocabulary_size_; }

  // The token that is exactly this code point.
  [[nodiscard]] std::optional<TokenId> symbol(char32_t code_point) const noexcept;
  [[nodiscard]] TokenId byte_token(unsigned char byte) const noexcept { return byte_tokens_[byte]; }
  [[nodiscard]] std::optional<Merge> merge(TokenId left, TokenId right) const noexcept;

 private:
  struct Symbol {
    std::uint32_t code_point;
    std::uint32_t id;
  };
  struct MergeSlot {
    std::uint32_t pair;  // left << 16 | right
    std::uint32_t rank;
  };
  static constexpr std::uint32_t kEmpty = std::numeric_limits<std::uint32_t>::max();

  [[nodiscard]] std::size_t first_slot(std::uint32_t pair) const noexcept;
  void build_merge_slots(std::span<const std::uint32_t> pairs);
  [[nodiscard]] bool is_consistent() const noexcept;

  std::size_t vocabulary_size_ = 0;
  std::array<TokenId, 256> byte_tokens_{};
  std::vector<Symbol> symbols_;         // ascending by code point
  std::vector<TokenId> merge_results_;  // by rank
  std::vector<MergeSlot> merge_slots_;  // open addressing, at most half full
};

}  // namespace nexus::embed
