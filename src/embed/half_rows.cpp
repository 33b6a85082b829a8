#include "embed/half_rows.h"

#include <algorithm>
#include <bit>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace nexus::embed {
namespace {

#if defined(__x86_64__)

// 32 sums stay in registers over all ids, so that each row is read once and no sum is stored between.
__attribute__((target("avx2,f16c"))) void sum_half_rows_avx2(const std::uint16_t* table,
                                                             std::span<const std::uint16_t> ids,
                                                             std::span<float> sums) {
  const std::size_t dimension = sums.size();
  for (std::size_t d = 0; d < dimension; d += 32) {
    __m256 a = _mm256_setzero_ps();
    __m256 b = a;
    __m256 c = a;
    __m256 e = a;
    for (const std::uint16_t id : ids) {
      const std::uint16_t* row = table + std::size_t{id} * dimension + d;
      const auto load = [row](std::size_t at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + at)); };
      a = _mm256_add_ps(a, _mm256_cvtph_ps(load(0)));
      b = _mm256_add_ps(b, _mm256_cvtph_ps(load(8)));
      c = _mm256_add_ps(c, _mm256_cvtph_ps(load(16)));
      e = _mm256_add_ps(e, _mm256_cvtph_ps(load(24)));
    }
    _mm256_storeu_ps(&sums[d], a);
    _mm256_storeu_ps(&sums[d + 8], b);
    _mm256_storeu_ps(&sums[d + 16], c);
    _mm256_storeu_ps(&sums[d + 24], e);
  }
}

__attribute__((target("avx512f"))) void sum_half_rows_avx512(const std::uint16_t* table,
                                                             std::span<const std::uint16_t> ids,
                                                             std::span<float> sums) {
  const std::size_t dimension = sums.size();
  for (std::size_t d = 0; d < dimension; d += 32) {
    __m512 a = _mm512_setzero_ps();
    __m512 b = a;
    for (const std::uint16_t id : ids) {
      const std::uint16_t* row = table + std::size_t{id} * dimension + d;
      a = _mm512_add_ps(a, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row))));
      b = _mm512_add_ps(b, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 16))));
    }
    _mm512_storeu_ps(&sums[d], a);
    _mm512_storeu_ps(&sums[d + 16], b);
  }
}

#elif defined(__aarch64__)

void sum_half_rows_neon(const std::uint16_t* table, std::span<const std::uint16_t> ids, std::span<float> sums) {
  const std::size_t dimension = sums.size();
  for (std::size_t d = 0; d < dimension; d += 16) {
    float32x4_t a = vdupq_n_f32(0);
    float32x4_t b = a;
    float32x4_t c = a;
    float32x4_t e = a;
    for (const std::uint16_t id : ids) {
      const std::uint16_t* row = table + std::size_t{id} * dimension + d;
      const auto load = [row](std::size_t at) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(row + at))); };
      a = vaddq_f32(a, load(0));
      b = vaddq_f32(b, load(4));
      c = vaddq_f32(c, load(8));
      e = vaddq_f32(e, load(12));
    }
    vst1q_f32(&sums[d], a);
    vst1q_f32(&sums[d + 4], b);
    vst1q_f32(&sums[d + 8], c);
    vst1q_f32(&sums[d + 12], e);
  }
}

#endif

[[nodiscard]] std::vector<HalfRowsKernel> detect_half_rows_kernels() {
  std::vector<HalfRowsKernel> kernels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") != 0) kernels.push_back({"avx512", sum_half_rows_avx512});
  // Every processor with AVX2 and FMA converts halves too.
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0)
    kernels.push_back({"avx2", sum_half_rows_avx2});
#elif defined(__aarch64__)
  kernels.push_back({"neon", sum_half_rows_neon});
#endif
  kernels.push_back({"scalar", sum_half_rows_scalar});
  return kernels;
}

}  // namespace

float half_to_float(std::uint16_t half) noexcept {
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const std::uint32_t exponent = (half >> 10U) & 31U;
  const std::uint32_t mantissa = half & 0x3FFU;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | mantissa << 13U);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23U | mantissa << 13U);
  const float subnormal = static_cast<float>(mantissa) * 0x1p-24F;
  return sign != 0 ? -subnormal : subnormal;
}

void sum_half_rows_scalar(const std::uint16_t* table, std::span<const std::uint16_t> ids, std::span<float> sums) {
  std::fill(sums.begin(), sums.end(), 0.0F);
  for (const std::uint16_t id : ids) {
    const std::uint16_t* row = table + std::size_t{id} * sums.size();
    for (std::size_t d = 0; d < sums.size(); ++d) sums[d] += half_to_float(row[d]);
  }
}

std::span<const HalfRowsKernel> half_rows_kernels() noexcept {
  static const std::vector<HalfRowsKernel> kernels = detect_half_rows_kernels();
  return kernels;
}

}  // namespace nexus::embed
