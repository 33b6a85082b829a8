// Sixteen floats in two AVX2 registers. Included only inside a region compiled for AVX2 (see kernels_body.h).
#pragma once

namespace nexus::embed::bert {
namespace {

struct Avx2Floats {
  struct F {
    __m256 low;
    __m256 high;
  };
  struct I {
    __m256i low;
    __m256i high;
  };

  NEXUS_BERT_INLINE static F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  NEXUS_BERT_INLINE static F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  NEXUS_BERT_INLINE static void store(float* p, F f) {
    _mm256_storeu_ps(p, f.low);
    _mm256_storeu_ps(p + 8, f.high);
  }
  NEXUS_BERT_INLINE static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  NEXUS_BERT_INLINE static F sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  NEXUS_BERT_INLINE static F mul(F a, F b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  NEXUS_BERT_INLINE static F min(F a, F b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  NEXUS_BERT_INLINE static F max(F a, F b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  NEXUS_BERT_INLINE static F abs(F a) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
  }
  NEXUS_BERT_INLINE static F add_exponent(F p, F rounded) {
    return {shifted(p.low, rounded.low), shifted(p.high, rounded.high)};
  }
  NEXUS_BERT_INLINE static float sum(F f) {
    const __m256 eight = _mm256_add_ps(f.low, f.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  NEXUS_BERT_INLINE static float largest(F f) {
    const __m256 eight = _mm256_max_ps(f.low, f.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  NEXUS_BERT_INLINE static float smallest(F f) { return -largest(sub(set(0.0F), f)); }
  NEXUS_BERT_INLINE static F to_float(I s) { return {_mm256_cvtepi32_ps(s.low), _mm256_cvtepi32_ps(s.high)}; }
  NEXUS_BERT_INLINE static void store_bytes(std::uint8_t* out, F f) {
    const __m256i words =
        _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_cvttps_epi32(f.low), _mm256_cvttps_epi32(f.high)), 0xD8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
  }

  NEXUS_BERT_INLINE static __m256i half_line(const std::int8_t* line, std::size_t half) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(line) + half);
  }
  NEXUS_BERT_INLINE static __m256i broadcast(const std::uint8_t* four) {
    std::int32_t bytes = 0;
    __builtin_memcpy(&bytes, four, sizeof bytes);
    return _mm256_set1_epi32(bytes);
  }

 private:
  NEXUS_BERT_INLINE static __m256 shifted(__m256 p, __m256 rounded) {
    return _mm256_castsi256_ps(
        _mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(rounded), 23)));
  }
};

}  // namespace
}  // namespace nexus::embed::bert
