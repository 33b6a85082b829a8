// AVX2. The products are 16 × 16 bits: vpmaddubsw would take the bytes as they are, but it saturates at 32,767 where
// two products of 255 × 127 reach 64,770, and a seventh bit less in the activations costs more than the 16-bit form.
#include "embed/bert/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <utility>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#include "embed/bert/kernels_body.h"
// After the body: it needs NEXUS_BERT_INLINE.
#include "embed/bert/lanes_avx2.h"

namespace nexus::embed::bert {
namespace {

// Even and odd inputs widen apart, so that vpmaddwd adds two exact products and lands in the lane of its output.
struct Avx2Lanes : Avx2Floats {
  struct W {
    __m256i even[2];
    __m256i odd[2];
  };
  struct A {
    __m256i even;
    __m256i odd;
  };
  static constexpr std::size_t kRows = 3;
  static constexpr std::size_t kPanels = 1;
  static constexpr std::size_t kVectors = 1;

  NEXUS_BERT_INLINE static W weights(const std::int8_t* line) {
    const __m256i low = half_line(line, 0);
    const __m256i high = half_line(line, 1);
    return {{_mm256_srai_epi16(_mm256_slli_epi16(low, 8), 8), _mm256_srai_epi16(_mm256_slli_epi16(high, 8), 8)},
            {_mm256_srai_epi16(low, 8), _mm256_srai_epi16(high, 8)}};
  }
  NEXUS_BERT_INLINE static A activations(const std::uint8_t* four) {
    const __m256i all = broadcast(four);
    return {_mm256_and_si256(all, _mm256_set1_epi32(0x00FF00FF)), _mm256_srli_epi16(all, 8)};
  }
  NEXUS_BERT_INLINE static I dot(I s, A a, const W& w) {
    return {_mm256_add_epi32(_mm256_add_epi32(s.low, _mm256_madd_epi16(a.even, w.even[0])),
                             _mm256_madd_epi16(a.odd, w.odd[0])),
            _mm256_add_epi32(_mm256_add_epi32(s.high, _mm256_madd_epi16(a.even, w.even[1])),
                             _mm256_madd_epi16(a.odd, w.odd[1]))};
  }
};

}  // namespace

constinit const Kernels kAvx2Kernels = make_kernels<Avx2Lanes>("avx2");

}  // namespace nexus::embed::bert

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
