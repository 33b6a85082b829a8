// A fixed-size set of small integers.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nexus::search {

class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::size_t size, bool value = false) : size_(size), words_((size + 63) / 64, value ? ~0ULL : 0) {
    if (value && size % 64 != 0) words_.back() = (1ULL << size % 64) - 1;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // False beyond the end.
  [[nodiscard]] bool test(std::size_t i) const noexcept { return i < size_ && (words_[i / 64] >> i % 64 & 1U) != 0; }
  void set(std::size_t i) noexcept { words_[i / 64] |= 1ULL << i % 64; }
  void reset(std::size_t i) noexcept { words_[i / 64] &= ~(1ULL << i % 64); }
  [[nodiscard]] std::size_t count() const noexcept {
    std::size_t total = 0;
    for (const std::uint64_t word : words_) total += static_cast<std::size_t>(std::popcount(word));
    return total;
  }
  // Bits past size() are zero.
  [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }

 private:
  std::size_t size_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace nexus::search
