// How vectors are kept in a segment and compared with a query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace nexus::search {

enum class VectorFormat : std::uint32_t {
  kNone = 0,
  kInt8 = 1,     // direction in 8 bits a component: a quarter of the memory, ranking unchanged in our measurements
  kFloat32 = 2,  // exact: what reproduces the original's ranking with the `fake` model
};

// Elements a row takes, padded with zeros.
[[nodiscard]] std::size_t row_stride(std::size_t dimension) noexcept;

// Writes round(127 × v / max|v|) to `row` (row.size() >= v.size(), the rest becomes 0) and returns 1 / |row|, or 0 for
// a vector that is zero or not finite: such a vector matches nothing.
[[nodiscard]] float quantize_int8(std::span<const float> vector, std::span<std::int8_t> row) noexcept;

// Copies `v` and returns 1 / |v|, with the same zero.
[[nodiscard]] float copy_float32(std::span<const float> vector, std::span<float> row) noexcept;

// The vector has a cosine: it is finite, not zero, and 1 / |v| fits a float. Engines keep no other.
[[nodiscard]] bool has_direction(std::span<const float> vector) noexcept;

// A query in the forms the kernels take; made once a search.
struct VectorQuery {
  std::vector<std::int16_t> int16;  // padded
  std::vector<float> float32;       // padded
  double int16_inverse_norm = 0;    // 0: matches nothing
  double float32_inverse_norm = 0;

  // Sixteen bits a component, fewer only where the dot product could overflow 32 bits.
  void assign(std::span<const float> vector);
};

}  // namespace nexus::search
