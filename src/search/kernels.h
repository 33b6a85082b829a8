// The inner loops of search, one set for each kind of processor.
//
// Every set gives the same bits as the scalar one: integer dot products are exact, products of floats are summed as
// doubles (where they are exact) in eight fixed lanes, and BM25 uses the same sequence of single-precision operations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nexus::search {

inline constexpr std::size_t kRowAlignment = 32;  // row lengths, in elements, are multiples of this

struct Kernels {
  std::string_view name;

  // out[i] = Σ query[d] × rows[i × stride + d]. The caller bounds |query| so that no sum leaves 32 bits.
  void (*dot_i8)(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                 std::int32_t* out);

  // The same for floats, summed as doubles.
  void (*dot_f32)(const float* query, const float* rows, std::size_t stride, std::size_t count, double* out);

  // scores[o] += weight × tf / (tf + flat + slope × lengths[o]) for each pair (o, tf); ordinals are distinct.
  void (*add_bm25)(std::span<const std::uint32_t> ordinals, const std::uint32_t* frequencies,
                   const std::uint32_t* lengths, float weight, float flat, float slope, float* scores);

  // The first i in [begin, end) with scores[i] >= least, or end.
  std::size_t (*find_at_least)(const float* scores, std::size_t begin, std::size_t end, float least);
};

// What this processor can run, best first; the last is "scalar".
[[nodiscard]] std::span<const Kernels> available_kernels() noexcept;
[[nodiscard]] inline const Kernels& best_kernels() noexcept {
  return available_kernels().front();
}

// Sums eight lanes in the one order all kernels share.
[[nodiscard]] inline double sum_lanes(const double* lane) noexcept {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

namespace detail {
[[nodiscard]] Kernels scalar_kernels() noexcept;
// Kernels of the processor family this file was built for that the running processor supports, best first.
[[nodiscard]] std::span<const Kernels> native_kernels() noexcept;
}  // namespace detail

}  // namespace nexus::search
