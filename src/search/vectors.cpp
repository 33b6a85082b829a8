#include "search/vectors.h"

#include "search/kernels.h"

#include <algorithm>
#include <cmath>

namespace nexus::search {
namespace {

[[nodiscard]] double squared_norm(std::span<const float> vector) noexcept {
  double sum = 0;
  for (const float x : vector) sum += double{x} * double{x};
  return sum;
}

[[nodiscard]] float largest_component(std::span<const float> vector) noexcept {
  float largest = 0;
  for (const float x : vector) {
    if (!std::isfinite(x)) return 0;
    largest = std::max(largest, std::abs(x));
  }
  return largest;
}

// 1 / sqrt(sum), or 0 where that is no finite positive float.
[[nodiscard]] double inverse_root(double sum) noexcept {
  const double inverse = sum > 0 && std::isfinite(sum) ? 1.0 / std::sqrt(sum) : 0.0;
  return inverse <= double{std::numeric_limits<float>::max()} ? inverse : 0.0;
}

}  // namespace

std::size_t row_stride(std::size_t dimension) noexcept {
  return (dimension + kRowAlignment - 1) / kRowAlignment * kRowAlignment;
}

float quantize_int8(std::span<const float> vector, std::span<std::int8_t> row) noexcept {
  std::fill(row.begin(), row.end(), std::int8_t{0});
  const float largest = largest_component(vector);
  if (!(largest > 0)) return 0;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    row[i] = static_cast<std::int8_t>(std::lround(127.0 * double{vector[i]} / double{largest}));
    sum += std::int64_t{row[i]} * row[i];
  }
  return static_cast<float>(inverse_root(static_cast<double>(sum)));
}

bool has_direction(std::span<const float> vector) noexcept {
  return largest_component(vector) > 0 && static_cast<float>(inverse_root(squared_norm(vector))) > 0;
}

float copy_float32(std::span<const float> vector, std::span<float> row) noexcept {
  std::fill(row.begin(), row.end(), 0.0F);
  const double inverse = largest_component(vector) > 0 ? inverse_root(squared_norm(vector)) : 0.0;
  if (inverse > 0) std::copy(vector.begin(), vector.end(), row.begin());
  return static_cast<float>(inverse);
}

void VectorQuery::assign(std::span<const float> vector) {
  const std::size_t stride = row_stride(vector.size());
  int16.assign(stride, 0);
  float32.assign(stride, 0.0F);
  float32_inverse_norm = double{copy_float32(vector, float32)};
  int16_inverse_norm = 0;
  const float largest = largest_component(vector);
  if (!(largest > 0)) return;
  const auto bound =
      static_cast<double>(std::numeric_limits<std::int32_t>::max()) / (127.0 * static_cast<double>(stride));
  const double scale = std::floor(std::min(32767.0, bound));
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    int16[i] = static_cast<std::int16_t>(std::lround(scale * double{vector[i]} / double{largest}));
    sum += std::int64_t{int16[i]} * int16[i];
  }
  int16_inverse_norm = inverse_root(static_cast<double>(sum));
}

}  // namespace nexus::search
