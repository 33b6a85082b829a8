// The tokens of a WordPiece vocabulary, found by their bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::embed::bert {

// An open-addressed table of strings, at most half full. Immutable once made; any thread.
class TokenTable {
 public:
  struct Token {
    std::string_view bytes;
    std::int32_t id;  // >= 0
  };
  static constexpr std::int32_t kNone = -1;
  // What `find` reads at once: so many bytes behind a sought string must be readable too.
  static constexpr std::size_t kPadding = 8;

  // Empty tokens are left out. Throws std::runtime_error when the tokens total more than 1 GiB, one has more than
  // 65,535 bytes, or so many fall on one place that look-ups would be slow, which takes tokens chosen for it.
  explicit TokenTable(std::span<const Token> tokens);

  // The id of the token that is exactly these bytes, or kNone. `size` > 0; bytes[0 .. size + kPadding) is readable.
  [[nodiscard]] std::int32_t find(const char* bytes, std::size_t size) const noexcept {
    for (std::size_t at = hash(bytes, size);; ++at) {
      const Slot& slot = slots_[at & mask_];
      if (slot.id == kNone) return kNone;
      if (slot.size == size && equal(bytes_.data() + slot.offset, bytes, size)) return slot.id;
    }
  }

  // The size of the longest token that begins with this byte; 0: none does.
  [[nodiscard]] std::size_t longest(char first) const noexcept { return longest_[static_cast<unsigned char>(first)]; }

 private:
  struct Slot {
    std::int32_t id = kNone;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  static constexpr std::size_t kMaxProbes = 256;  // chance alone gives some 40 in a table half full

  [[nodiscard]] static std::uint64_t load(const char* bytes, std::size_t size) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, sizeof word);
    return size >= sizeof word ? word : word & ~(~std::uint64_t{0} << (8 * size));
  }
  [[nodiscard]] static std::size_t hash(const char* bytes, std::size_t size) noexcept {
    constexpr std::uint64_t kMultiplier = 0x9FB21C651E98DF25ULL;
    std::uint64_t sum = size;
    for (; size > 0; bytes += 8) {
      sum = (sum ^ load(bytes, size)) * kMultiplier;
      sum ^= sum >> 32U;
      size -= size < 8 ? size : 8;
    }
    return static_cast<std::size_t>(sum);
  }
  [[nodiscard]] static bool equal(const char* a, const char* b, std::size_t size) noexcept {
    for (; size > 8; a += 8, b += 8, size -= 8)
      if (load(a, 8) != load(b, 8)) return false;
    return load(a, size) == load(b, size);
  }

  std::size_t mask_ = 0;
  std::vector<Slot> slots_;
  std::vector<char> bytes_;  // all tokens, kPadding zeros behind
  std::array<std::uint16_t, 256> longest_{};
};

}  // namespace nexus::embed::bert
