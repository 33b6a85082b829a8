#include "search/kernels.h"

#include <array>
#include <vector>

namespace nexus::search {
namespace {

void dot_i8_scalar(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    std::int32_t sum = 0;
    for (std::size_t d = 0; d < stride; ++d) sum += std::int32_t{query[d]} * rows[d];
    out[i] = sum;
  }
}

void dot_f32_scalar(const float* query, const float* rows, std::size_t stride, std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    std::array<double, 8> lanes{};
    for (std::size_t d = 0; d < stride; d += 8)
      for (std::size_t lane = 0; lane < 8; ++lane) lanes[lane] += double{query[d + lane]} * double{rows[d + lane]};
    out[i] = sum_lanes(lanes.data());
  }
}

void add_bm25_scalar(std::span<const std::uint32_t> ordinals, const std::uint32_t* frequencies,
                     const std::uint32_t* lengths, float weight, float flat, float slope, float* scores) {
  for (std::size_t i = 0; i < ordinals.size(); ++i) {
    const auto tf = static_cast<float>(static_cast<std::int32_t>(frequencies[i]));
    const auto length = static_cast<float>(static_cast<std::int32_t>(lengths[ordinals[i]]));
    scores[ordinals[i]] += weight * tf / (tf + (flat + slope * length));
  }
}

std::size_t find_at_least_scalar(const float* scores, std::size_t begin, std::size_t end, float least) {
  while (begin < end && !(scores[begin] >= least)) ++begin;
  return begin;
}

[[nodiscard]] std::vector<Kernels> detect_kernels() {
  const auto native = detail::native_kernels();
  std::vector<Kernels> all(native.begin(), native.end());
  all.push_back(detail::scalar_kernels());
  return all;
}

}  // namespace

Kernels detail::scalar_kernels() noexcept {
  return {"scalar", dot_i8_scalar, dot_f32_scalar, add_bm25_scalar, find_at_least_scalar};
}

std::span<const Kernels> available_kernels() noexcept {
  static const std::vector<Kernels> kernels = detect_kernels();
  return kernels;
}

}  // namespace nexus::search
