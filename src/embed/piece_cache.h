// Remembers how short pieces of text were cut into tokens.
//
// A fixed table that only ever fills: a slot is claimed once, written, published, and never changes again, so readers
// need no lock and no reference count. Word frequencies are so skewed that the first tens of thousands of pieces serve
// nearly all later text; what does not fit is simply computed each time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace nexus::embed {

class PieceCache {
 public:
  static constexpr std::size_t kMaxBytes = 32;
  static constexpr std::size_t kMaxTokens = 14;

  // `slots` is a power of two; one slot takes 64 bytes.
  explicit PieceCache(std::size_t slots);

  // The view stays valid as long as the cache. Any thread.
  [[nodiscard]] std::optional<std::span<const std::uint16_t>> find(std::string_view piece) const noexcept;

  // Does nothing when the piece or its tokens are too long or the neighbourhood is full. Any thread.
  void insert(std::string_view piece, std::span<const std::uint16_t> tokens) noexcept;

 private:
  enum class State : std::uint8_t { kFree, kBeingWritten, kReady };
  struct alignas(64) Slot {
    std::atomic<State> state{State::kFree};
    std::uint8_t bytes = 0;
    std::uint8_t tokens = 0;
    std::array<char, kMaxBytes> piece{};
    std::array<std::uint16_t, kMaxTokens> ids{};
  };
  static constexpr std::size_t kProbes = 4;

  [[nodiscard]] Slot& slot(std::uint64_t hash, std::size_t probe) const noexcept {
    return slots_[(hash + probe) & mask_];
  }

  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace nexus::embed
