#include "embed/piece_cache.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace nexus::embed {
namespace {

// Multiply-and-fold over eight bytes at a time; only spreads, promises nothing.
[[nodiscard]] std::uint64_t hash_piece(std::string_view piece) noexcept {
  std::uint64_t hash = piece.size() * 0x9E3779B97F4A7C15ULL;
  for (std::size_t at = 0; at < piece.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, piece.data() + at, std::min<std::size_t>(8, piece.size() - at));
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32U;
  }
  return hash;
}

}  // namespace

PieceCache::PieceCache(std::size_t slots) : mask_(slots - 1), slots_(std::make_unique<Slot[]>(slots)) {
  if (!std::has_single_bit(slots)) throw std::invalid_argument("the number of slots must be a power of two");
}

std::optional<std::span<const std::uint16_t>> PieceCache::find(std::string_view piece) const noexcept {
  if (piece.size() > kMaxBytes) return std::nullopt;
  const std::uint64_t hash = hash_piece(piece);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    const Slot& candidate = slot(hash, probe);
    const State state = candidate.state.load(std::memory_order_acquire);
    if (state == State::kFree) return std::nullopt;
    if (state == State::kReady && candidate.bytes == piece.size() &&
        std::memcmp(candidate.piece.data(), piece.data(), piece.size()) == 0)
      return std::span<const std::uint16_t>(candidate.ids.data(), candidate.tokens);
  }
  return std::nullopt;
}

void PieceCache::insert(std::string_view piece, std::span<const std::uint16_t> tokens) noexcept {
  if (piece.size() > kMaxBytes || tokens.size() > kMaxTokens) return;
  const std::uint64_t hash = hash_piece(piece);
  for (std::size_t probe = 0; probe < kProbes; ++probe) {
    Slot& candidate = slot(hash, probe);
    State expected = State::kFree;
    if (!candidate.state.compare_exchange_strong(expected, State::kBeingWritten, std::memory_order_relaxed)) continue;
    candidate.bytes = static_cast<std::uint8_t>(piece.size());
    candidate.tokens = static_cast<std::uint8_t>(tokens.size());
    std::copy(piece.begin(), piece.end(), candidate.piece.begin());
    std::copy(tokens.begin(), tokens.end(), candidate.ids.begin());
    candidate.state.store(State::kReady, std::memory_order_release);
    return;
  }
}

}  // namespace nexus::embed
