// AVX-VNNI: AVX2 with vpdpbusd, which multiplies bytes and adds four exact products at once.
#include "embed/bert/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <utility>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,avxvnni")
#endif

#include "embed/bert/kernels_body.h"
// After the body: it needs NEXUS_BERT_INLINE.
#include "embed/bert/lanes_avx2.h"

namespace nexus::embed::bert {
namespace {

struct AvxVnniLanes : Avx2Floats {
  struct W {
    __m256i low;
    __m256i high;
  };
  using A = __m256i;
  static constexpr std::size_t kRows = 6;
  static constexpr std::size_t kPanels = 1;
  static constexpr std::size_t kVectors = 1;

  NEXUS_BERT_INLINE static W weights(const std::int8_t* line) { return {half_line(line, 0), half_line(line, 1)}; }
  NEXUS_BERT_INLINE static A activations(const std::uint8_t* four) { return broadcast(four); }
  NEXUS_BERT_INLINE static I dot(I s, A a, const W& w) {
    return {_mm256_dpbusd_avx_epi32(s.low, a, w.low), _mm256_dpbusd_avx_epi32(s.high, a, w.high)};
  }
};

}  // namespace

constinit const Kernels kAvxVnniKernels = make_kernels<AvxVnniLanes>("avxvnni");

}  // namespace nexus::embed::bert

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
