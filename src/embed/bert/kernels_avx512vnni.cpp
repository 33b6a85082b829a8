// AVX-512 with VNNI: one register holds 16 floats, or one line of weights.
#include "embed/bert/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <utility>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
// g++ 12's own headers pass "undefined" registers to its builtins (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif

#include "embed/bert/kernels_body.h"

namespace nexus::embed::bert {
namespace {

struct Avx512Lanes {
  using F = __m512;
  using I = __m512i;
  using W = __m512i;
  using A = __m512i;
  static constexpr std::size_t kRows = 6;
  static constexpr std::size_t kPanels = 4;
  static constexpr std::size_t kVectors = 2;

  NEXUS_BERT_INLINE static F set(float x) { return _mm512_set1_ps(x); }
  NEXUS_BERT_INLINE static F load(const float* p) { return _mm512_loadu_ps(p); }
  NEXUS_BERT_INLINE static void store(float* p, F f) { _mm512_storeu_ps(p, f); }
  NEXUS_BERT_INLINE static F add(F a, F b) { return _mm512_add_ps(a, b); }
  NEXUS_BERT_INLINE static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  NEXUS_BERT_INLINE static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  NEXUS_BERT_INLINE static F min(F a, F b) { return _mm512_min_ps(a, b); }
  NEXUS_BERT_INLINE static F max(F a, F b) { return _mm512_max_ps(a, b); }
  NEXUS_BERT_INLINE static F abs(F a) { return _mm512_abs_ps(a); }
  NEXUS_BERT_INLINE static F add_exponent(F p, F rounded) {
    return _mm512_castsi512_ps(
        _mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(rounded), 23)));
  }
  NEXUS_BERT_INLINE static float sum(F f) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(f), _mm512_extractf32x8_ps(f, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  NEXUS_BERT_INLINE static float largest(F f) {
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(f), _mm512_extractf32x8_ps(f, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  NEXUS_BERT_INLINE static float smallest(F f) { return -largest(sub(set(0.0F), f)); }
  NEXUS_BERT_INLINE static F to_float(I s) { return _mm512_cvtepi32_ps(s); }
  NEXUS_BERT_INLINE static void store_bytes(std::uint8_t* out, F f) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(f)));
  }

  NEXUS_BERT_INLINE static W weights(const std::int8_t* line) { return _mm512_load_si512(line); }
  NEXUS_BERT_INLINE static A activations(const std::uint8_t* four) {
    std::int32_t bytes = 0;
    __builtin_memcpy(&bytes, four, sizeof bytes);
    return _mm512_set1_epi32(bytes);
  }
  NEXUS_BERT_INLINE static I dot(I s, A a, W w) { return _mm512_dpbusd_epi32(s, a, w); }
};

}  // namespace

constinit const Kernels kAvx512VnniKernels = make_kernels<Avx512Lanes>("avx512vnni");

}  // namespace nexus::embed::bert

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC diagnostic pop
#pragma GCC pop_options
#endif

#endif
