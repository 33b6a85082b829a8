// Latencies in logarithmic buckets, as HdrHistogram keeps them: every power of two is cut into 128 equal parts, so a
// value is known to within 0.8 % whatever its size, and recording is one increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace nexus::bench {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds) {
    ++buckets_[index_of(nanoseconds)];
    ++count_;
    max_ = std::max(max_, nanoseconds);
  }

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }

  // The upper end, in nanoseconds, of the bucket in which the value of rank `share` × count lies; 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen >= rank && seen > 0) return std::min(upper_end(i), max_);
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 7;
  static constexpr std::uint64_t kParts = std::uint64_t{1} << kBits;

  static std::size_t index_of(std::uint64_t value) {
    if (value < kParts) return static_cast<std::size_t>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return static_cast<std::size_t>(shift * kParts + (value >> shift));
  }
  static std::uint64_t upper_end(std::size_t index) {
    if (index < 2 * kParts) return index;
    const std::uint64_t shift = index / kParts - 1;
    return ((kParts + index % kParts + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kBits + 1) * kParts> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace nexus::bench
