#include "embed/half_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace nexus::embed {
namespace {

TEST(HalfRows, ConvertsHalvesExactly) {
  EXPECT_EQ(half_to_float(0x3C00), 1.0F);
  EXPECT_EQ(half_to_float(0xC000), -2.0F);
  EXPECT_EQ(half_to_float(0x0001), 0x1p-24F);
  EXPECT_EQ(half_to_float(0x7BFF), 65504.0F);
  EXPECT_EQ(half_to_float(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(half_to_float(0x7E00)));
}

TEST(HalfRows, EveryKernelGivesTheBitsOfTheScalarOne) {
  constexpr std::size_t kDimension = 96;
  std::vector<std::uint16_t> table(100 * kDimension);
  std::uint32_t state = 1;
  for (std::uint16_t& half : table) {
    state = state * 1664525 + 1013904223;
    half = static_cast<std::uint16_t>((state >> 16U & 0x83FFU) | (8 + state % 8) << 10U);
  }
  const std::vector<std::uint16_t> ids{3, 99, 0, 3, 42, 17};
  std::vector<float> expected(kDimension);
  sum_half_rows_scalar(table.data(), ids, expected);
  for (const HalfRowsKernel& kernel : half_rows_kernels()) {
    std::vector<float> sums(kDimension, -1.0F);
    kernel.sum(table.data(), ids, sums);
    EXPECT_EQ(sums, expected) << kernel.name;
    kernel.sum(table.data(), {}, sums);
    EXPECT_EQ(sums, std::vector<float>(kDimension)) << kernel.name;
  }
}

}  // namespace
}  // namespace nexus::embed
