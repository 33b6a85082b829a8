#include "search/kernels.h"

#include "search/vectors.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace nexus::search {
namespace {

std::uint32_t below(std::mt19937& random, std::uint32_t bound) {
  return static_cast<std::uint32_t>(random() % bound);
}

constexpr std::size_t kStride = 288;
constexpr std::size_t kRows = 23;

TEST(Kernels, EndWithTheScalarSet) {
  EXPECT_EQ(available_kernels().back().name, "scalar");
}

TEST(Kernels, AllGiveTheBitsOfTheScalarDotProducts) {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> byte(-127, 127);
  std::normal_distribution<float> normal;
  std::vector<std::int8_t> bytes(kRows * kStride);
  std::vector<float> floats(kRows * kStride);
  std::vector<float> query(kStride);
  for (auto& x : bytes) x = static_cast<std::int8_t>(byte(random));
  for (auto& x : floats) x = normal(random);
  for (auto& x : query) x = normal(random);
  VectorQuery prepared;
  prepared.assign(query);
  const Kernels& scalar = available_kernels().back();
  std::vector<std::int32_t> expected_i8(kRows);
  std::vector<double> expected_f32(kRows);
  scalar.dot_i8(prepared.int16.data(), bytes.data(), kStride, kRows, expected_i8.data());
  scalar.dot_f32(prepared.float32.data(), floats.data(), kStride, kRows, expected_f32.data());
  for (const Kernels& kernels : available_kernels()) {
    std::vector<std::int32_t> i8(kRows);
    std::vector<double> f32(kRows);
    kernels.dot_i8(prepared.int16.data(), bytes.data(), kStride, kRows, i8.data());
    kernels.dot_f32(prepared.float32.data(), floats.data(), kStride, kRows, f32.data());
    EXPECT_EQ(i8, expected_i8) << kernels.name;
    EXPECT_EQ(f32, expected_f32) << kernels.name;
  }
}

TEST(Kernels, AllGiveTheBitsOfTheScalarBm25) {
  std::mt19937 random(2);
  std::vector<std::uint32_t> lengths(500);
  for (auto& length : lengths) length = below(random, 300);
  std::vector<std::uint32_t> ordinals;
  std::vector<std::uint32_t> frequencies;
  for (std::uint32_t i = 0; i < 500; i += 1 + below(random, 6)) {
    ordinals.push_back(i);
    frequencies.push_back(1 + below(random, 9));
  }
  std::vector<float> expected(500, 0.25F);
  available_kernels().back().add_bm25(ordinals, frequencies.data(), lengths.data(), 3.7F, 0.3F, 0.01F, expected.data());
  for (const Kernels& kernels : available_kernels()) {
    std::vector<float> scores(500, 0.25F);
    kernels.add_bm25(ordinals, frequencies.data(), lengths.data(), 3.7F, 0.3F, 0.01F, scores.data());
    EXPECT_EQ(scores, expected) << kernels.name;
  }
}

TEST(Kernels, AllFindTheFirstScoreThatIsLargeEnough) {
  for (const Kernels& kernels : available_kernels()) {
    for (std::size_t size : {0U, 1U, 7U, 33U, 100U}) {
      std::vector<float> scores(size, 1.0F);
      EXPECT_EQ(kernels.find_at_least(scores.data(), 0, size, 2.0F), size) << kernels.name;
      for (std::size_t at = 0; at < size; ++at) {
        scores[at] = 2.0F;
        EXPECT_EQ(kernels.find_at_least(scores.data(), 0, size, 2.0F), at) << kernels.name;
        EXPECT_EQ(kernels.find_at_least(scores.data(), at + 1, size, 2.0F), size) << kernels.name;
        scores[at] = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }
}

TEST(Vectors, QuantizeToTheFullRangeAndRememberTheNorm) {
  std::vector<std::int8_t> row(32, 9);
  const float scale = quantize_int8(std::vector<float>{0.5F, -1.0F, 0.25F}, row);
  EXPECT_EQ(row[0], 64);
  EXPECT_EQ(row[1], -127);
  EXPECT_EQ(row[2], 32);
  EXPECT_EQ(row[3], 0);
  EXPECT_FLOAT_EQ(scale, 1.0F / std::sqrt(64.0F * 64 + 127 * 127 + 32 * 32));
}

TEST(Vectors, TreatZeroAndNonFiniteVectorsAsNone) {
  std::vector<std::int8_t> row(32);
  std::vector<float> floats(32);
  for (const float bad : {0.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const std::vector<float> vector{0.0F, bad};
    EXPECT_EQ(quantize_int8(vector, row), 0.0F);
    EXPECT_EQ(copy_float32(vector, floats), 0.0F);
    VectorQuery query;
    query.assign(vector);
    EXPECT_EQ(query.float32_inverse_norm, 0.0);
    EXPECT_EQ(query.int16_inverse_norm, 0.0);
  }
}

TEST(Vectors, HaveADirectionWhenACosineCanBeTaken) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_TRUE(has_direction(std::vector<float>{0, -1}));
  EXPECT_FALSE(has_direction(std::vector<float>{}));
  EXPECT_FALSE(has_direction(std::vector<float>{0, 0}));
  EXPECT_FALSE(has_direction(std::vector<float>{1, infinity}));
  EXPECT_FALSE(has_direction(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN()}));
}

TEST(Vectors, BoundTheQuerySoThatNoProductOverflows) {
  const std::vector<float> ones(8192, 1.0F);
  VectorQuery query;
  query.assign(ones);
  const std::vector<std::int8_t> row(8192, 127);
  for (const Kernels& kernels : available_kernels()) {
    std::int32_t dot = 0;
    kernels.dot_i8(query.int16.data(), row.data(), row.size(), 1, &dot);
    EXPECT_EQ(dot, std::int64_t{query.int16[0]} * 127 * 8192) << kernels.name;
  }
}

}  // namespace
}  // namespace nexus::search
