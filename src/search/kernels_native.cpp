#include "search/kernels.h"

#include <array>
#include <bit>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace nexus::search {
namespace {

#if defined(__x86_64__)

#define NEXUS_AVX2 __attribute__((target("avx2")))
#define NEXUS_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni,avx2")))

NEXUS_AVX2 std::int32_t sum_i32_avx2(__m256i v) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
  return _mm_cvtsi128_si32(half);
}

NEXUS_AVX2 __m256i widen_avx2(const std::int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// Four rows share every load of the query.
NEXUS_AVX2 void dot_i8_avx2(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                            std::int32_t* out) {
  const auto query_at = [query](std::size_t d)
                            NEXUS_AVX2 { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + d)); };
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4, rows += 4 * stride) {
    __m256i s0 = _mm256_setzero_si256();
    __m256i s1 = s0;
    __m256i s2 = s0;
    __m256i s3 = s0;
    for (std::size_t d = 0; d < stride; d += 16) {
      const __m256i q = query_at(d);
      s0 = _mm256_add_epi32(s0, _mm256_madd_epi16(q, widen_avx2(rows + d)));
      s1 = _mm256_add_epi32(s1, _mm256_madd_epi16(q, widen_avx2(rows + stride + d)));
      s2 = _mm256_add_epi32(s2, _mm256_madd_epi16(q, widen_avx2(rows + 2 * stride + d)));
      s3 = _mm256_add_epi32(s3, _mm256_madd_epi16(q, widen_avx2(rows + 3 * stride + d)));
    }
    const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(s0, s1), _mm256_hadd_epi32(s2, s3));
    const __m128i sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), sums);
  }
  for (; i < count; ++i, rows += stride) {
    __m256i sum = _mm256_setzero_si256();
    for (std::size_t d = 0; d < stride; d += 16)
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(query_at(d), widen_avx2(rows + d)));
    out[i] = sum_i32_avx2(sum);
  }
}

NEXUS_AVX2 void dot_f32_avx2(const float* query, const float* rows, std::size_t stride, std::size_t count,
                             double* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    __m256d low = _mm256_setzero_pd();
    __m256d high = low;
    for (std::size_t d = 0; d < stride; d += 8) {
      low = _mm256_add_pd(
          low, _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(query + d)), _mm256_cvtps_pd(_mm_loadu_ps(rows + d))));
      high = _mm256_add_pd(high, _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(query + d + 4)),
                                               _mm256_cvtps_pd(_mm_loadu_ps(rows + d + 4))));
    }
    std::array<double, 8> lanes{};
    _mm256_storeu_pd(&lanes[0], low);
    _mm256_storeu_pd(&lanes[4], high);
    out[i] = sum_lanes(lanes.data());
  }
}

NEXUS_AVX2 void add_bm25_avx2(std::span<const std::uint32_t> ordinals, const std::uint32_t* frequencies,
                              const std::uint32_t* lengths, float weight, float flat, float slope, float* scores) {
  const __m256 w = _mm256_set1_ps(weight);
  const __m256 f = _mm256_set1_ps(flat);
  const __m256 s = _mm256_set1_ps(slope);
  std::size_t i = 0;
  alignas(32) std::array<float, 8> gains{};
  for (; i + 8 <= ordinals.size(); i += 8) {
    const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ordinals.data() + i));
    const __m256 tf = _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(frequencies + i)));
    const __m256 length = _mm256_cvtepi32_ps(_mm256_i32gather_epi32(reinterpret_cast<const int*>(lengths), at, 4));
    const __m256 norm = _mm256_add_ps(f, _mm256_mul_ps(s, length));
    _mm256_store_ps(gains.data(), _mm256_div_ps(_mm256_mul_ps(w, tf), _mm256_add_ps(tf, norm)));
    for (std::size_t lane = 0; lane < 8; ++lane) scores[ordinals[i + lane]] += gains[lane];
  }
  detail::scalar_kernels().add_bm25(ordinals.subspan(i), frequencies + i, lengths, weight, flat, slope, scores);
}

NEXUS_AVX2 std::size_t find_at_least_avx2(const float* scores, std::size_t begin, std::size_t end, float least) {
  const __m256 bound = _mm256_set1_ps(least);
  const auto hits = [&](std::size_t at)
                        NEXUS_AVX2 { return _mm256_cmp_ps(_mm256_loadu_ps(scores + at), bound, _CMP_GE_OQ); };
  for (; begin + 32 <= end; begin += 32) {
    const __m256 any =
        _mm256_or_ps(_mm256_or_ps(hits(begin), hits(begin + 8)), _mm256_or_ps(hits(begin + 16), hits(begin + 24)));
    if (_mm256_movemask_ps(any) != 0) break;
  }
  for (; begin + 8 <= end; begin += 8) {
    const auto mask = static_cast<unsigned>(_mm256_movemask_ps(hits(begin)));
    if (mask != 0) return begin + static_cast<std::size_t>(std::countr_zero(mask));
  }
  return detail::scalar_kernels().find_at_least(scores, begin, end, least);
}

NEXUS_AVX512 void dot_i8_avx512(const std::int16_t* query, const std::int8_t* rows, std::size_t stride,
                                std::size_t count, std::int32_t* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    __m512i sum = _mm512_setzero_si512();
    for (std::size_t d = 0; d < stride; d += 32) {
      const __m512i row = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + d)));
      sum = _mm512_dpwssd_epi32(sum, row, _mm512_loadu_si512(query + d));
    }
    out[i] = _mm512_reduce_add_epi32(sum);
  }
}

NEXUS_AVX512 void dot_f32_avx512(const float* query, const float* rows, std::size_t stride, std::size_t count,
                                 double* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    __m512d sum = _mm512_setzero_pd();
    for (std::size_t d = 0; d < stride; d += 8)
      sum =
          _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(query + d)), _mm512_cvtps_pd(_mm256_loadu_ps(rows + d)), sum);
    std::array<double, 8> lanes{};
    _mm512_storeu_pd(lanes.data(), sum);
    out[i] = sum_lanes(lanes.data());
  }
}

#undef NEXUS_AVX2
#undef NEXUS_AVX512

[[nodiscard]] std::vector<Kernels> detect_native_kernels() {
  std::vector<Kernels> kernels;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") == 0) return kernels;
  if (__builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512vnni") != 0)
    kernels.push_back({"avx512vnni", dot_i8_avx512, dot_f32_avx512, add_bm25_avx2, find_at_least_avx2});
  kernels.push_back({"avx2", dot_i8_avx2, dot_f32_avx2, add_bm25_avx2, find_at_least_avx2});
  return kernels;
}

#elif defined(__aarch64__)

void dot_i8_neon(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                 std::int32_t* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    int32x4_t low = vdupq_n_s32(0);
    int32x4_t high = low;
    for (std::size_t d = 0; d < stride; d += 16) {
      const int8x16_t row = vld1q_s8(rows + d);
      const int16x8_t a = vmovl_s8(vget_low_s8(row));
      const int16x8_t b = vmovl_s8(vget_high_s8(row));
      const int16x8_t qa = vld1q_s16(query + d);
      const int16x8_t qb = vld1q_s16(query + d + 8);
      low = vmlal_s16(low, vget_low_s16(a), vget_low_s16(qa));
      high = vmlal_s16(high, vget_high_s16(a), vget_high_s16(qa));
      low = vmlal_s16(low, vget_low_s16(b), vget_low_s16(qb));
      high = vmlal_s16(high, vget_high_s16(b), vget_high_s16(qb));
    }
    out[i] = vaddvq_s32(vaddq_s32(low, high));
  }
}

void dot_f32_neon(const float* query, const float* rows, std::size_t stride, std::size_t count, double* out) {
  for (std::size_t i = 0; i < count; ++i, rows += stride) {
    std::array<float64x2_t, 4> sums{vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)};
    for (std::size_t d = 0; d < stride; d += 8) {
      for (std::size_t part = 0; part < 4; ++part) {
        const float64x2_t q = vcvt_f64_f32(vld1_f32(query + d + 2 * part));
        sums[part] = vfmaq_f64(sums[part], q, vcvt_f64_f32(vld1_f32(rows + d + 2 * part)));
      }
    }
    std::array<double, 8> lanes{};
    for (std::size_t part = 0; part < 4; ++part) vst1q_f64(&lanes[2 * part], sums[part]);
    out[i] = sum_lanes(lanes.data());
  }
}

[[nodiscard]] std::vector<Kernels> detect_native_kernels() {
  const Kernels scalar = detail::scalar_kernels();
  return {{"neon", dot_i8_neon, dot_f32_neon, scalar.add_bm25, scalar.find_at_least}};
}

#else

[[nodiscard]] std::vector<Kernels> detect_native_kernels() {
  return {};
}

#endif

}  // namespace

std::span<const Kernels> detail::native_kernels() noexcept {
  static const std::vector<Kernels> kernels = detect_native_kernels();
  return kernels;
}

}  // namespace nexus::search
