// Sums of rows of a half-precision table: the inner loop of static embeddings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nexus::embed {

// sums[d] = Σ over ids of table[id × dimension + d], in single precision, in the order of the ids: every implementation
// gives the same bits. `dimension` is a multiple of 32 and sums.size(); every id is a row of the table.
using SumHalfRows = void (*)(const std::uint16_t* table, std::span<const std::uint16_t> ids, std::span<float> sums);

void sum_half_rows_scalar(const std::uint16_t* table, std::span<const std::uint16_t> ids, std::span<float> sums);

struct HalfRowsKernel {
  std::string_view name;
  SumHalfRows sum;
};

// What this processor can run, best first; the last is "scalar".
[[nodiscard]] std::span<const HalfRowsKernel> half_rows_kernels() noexcept;

// IEEE 754 binary16 to binary32.
[[nodiscard]] float half_to_float(std::uint16_t half) noexcept;

}  // namespace nexus::embed
