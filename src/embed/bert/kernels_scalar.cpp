// Without any choice of instruction set: vectors of four floats, which every compiler turns into what the target has
// (SSE2 on x86-64, NEON on ARM64) or into plain code.
#include "embed/bert/kernels.h"

#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "embed/bert/kernels_body.h"

namespace nexus::embed::bert {
namespace {

using Four = float __attribute__((vector_size(16)));
using FourInts = std::int32_t __attribute__((vector_size(16)));

NEXUS_BERT_INLINE Four least(Four a, Four b) {
  return a < b ? a : b;
}
NEXUS_BERT_INLINE Four most(Four a, Four b) {
  return a > b ? a : b;
}

#if defined(__SSE2__)

// Weights and activations widen to 16 bits apart for even and odd inputs, so that pmaddwd adds two exact products and
// lands in the lane of its output.
struct Products {
  struct I {
    __m128i v[4];
  };
  struct W {
    __m128i even[4];
    __m128i odd[4];
  };
  struct A {
    __m128i even;
    __m128i odd;
  };
  NEXUS_BERT_INLINE static W weights(const std::int8_t* line) {
    const __m128i raw[4] = {part(line, 0), part(line, 1), part(line, 2), part(line, 3)};
    return {
        {low_byte(raw[0]), low_byte(raw[1]), low_byte(raw[2]), low_byte(raw[3])},
        {_mm_srai_epi16(raw[0], 8), _mm_srai_epi16(raw[1], 8), _mm_srai_epi16(raw[2], 8), _mm_srai_epi16(raw[3], 8)}};
  }
  NEXUS_BERT_INLINE static A activations(const std::uint8_t* four) {
    std::int32_t bytes = 0;
    std::memcpy(&bytes, four, sizeof bytes);
    const __m128i all = _mm_set1_epi32(bytes);
    return {_mm_and_si128(all, _mm_set1_epi32(0x00FF00FF)), _mm_srli_epi16(all, 8)};
  }
  NEXUS_BERT_INLINE static I dot(I s, A a, W w) {
    return {{one(s.v[0], a, w, 0), one(s.v[1], a, w, 1), one(s.v[2], a, w, 2), one(s.v[3], a, w, 3)}};
  }
  NEXUS_BERT_INLINE static FourInts ints(I s, std::size_t i) { return reinterpret_cast<FourInts>(s.v[i]); }

 private:
  NEXUS_BERT_INLINE static __m128i part(const std::int8_t* line, std::size_t i) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(line) + i);
  }
  NEXUS_BERT_INLINE static __m128i low_byte(__m128i x) { return _mm_srai_epi16(_mm_slli_epi16(x, 8), 8); }
  NEXUS_BERT_INLINE static __m128i one(__m128i s, A a, const W& w, std::size_t i) {
    return _mm_add_epi32(s, _mm_add_epi32(_mm_madd_epi16(a.even, w.even[i]), _mm_madd_epi16(a.odd, w.odd[i])));
  }
};

#else

struct Products {
  struct I {
    FourInts v[4];
  };
  struct W {
    const std::int8_t* line;
  };
  struct A {
    std::int32_t v[4];
  };
  NEXUS_BERT_INLINE static W weights(const std::int8_t* line) { return {line}; }
  NEXUS_BERT_INLINE static A activations(const std::uint8_t* four) { return {{four[0], four[1], four[2], four[3]}}; }
  NEXUS_BERT_INLINE static I dot(I s, A a, W w) {
    for (std::size_t o = 0; o < 16; ++o) {
      const std::int8_t* x = w.line + 4 * o;
      s.v[o / 4][o % 4] += a.v[0] * x[0] + a.v[1] * x[1] + a.v[2] * x[2] + a.v[3] * x[3];
    }
    return s;
  }
  NEXUS_BERT_INLINE static FourInts ints(I s, std::size_t i) { return s.v[i]; }
};

#endif

struct ScalarLanes : Products {
  struct F {
    Four v[4];
  };
  static constexpr std::size_t kRows = 2;
  static constexpr std::size_t kPanels = 1;
  static constexpr std::size_t kVectors = 1;

  NEXUS_BERT_INLINE static F set(float x) {
    const Four v = {x, x, x, x};
    return {{v, v, v, v}};
  }
  NEXUS_BERT_INLINE static F load(const float* p) {
    F f;
    std::memcpy(&f, p, sizeof f);
    return f;
  }
  NEXUS_BERT_INLINE static void store(float* p, F f) { std::memcpy(p, &f, sizeof f); }
  NEXUS_BERT_INLINE static F add(F a, F b) {
    return {{a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]}};
  }
  NEXUS_BERT_INLINE static F sub(F a, F b) {
    return {{a.v[0] - b.v[0], a.v[1] - b.v[1], a.v[2] - b.v[2], a.v[3] - b.v[3]}};
  }
  NEXUS_BERT_INLINE static F mul(F a, F b) {
    return {{a.v[0] * b.v[0], a.v[1] * b.v[1], a.v[2] * b.v[2], a.v[3] * b.v[3]}};
  }
  NEXUS_BERT_INLINE static F min(F a, F b) {
    return {{least(a.v[0], b.v[0]), least(a.v[1], b.v[1]), least(a.v[2], b.v[2]), least(a.v[3], b.v[3])}};
  }
  NEXUS_BERT_INLINE static F max(F a, F b) {
    return {{most(a.v[0], b.v[0]), most(a.v[1], b.v[1]), most(a.v[2], b.v[2]), most(a.v[3], b.v[3])}};
  }
  NEXUS_BERT_INLINE static F abs(F a) { return {{abs(a.v[0]), abs(a.v[1]), abs(a.v[2]), abs(a.v[3])}}; }
  NEXUS_BERT_INLINE static F add_exponent(F p, F rounded) {
    return {{shifted(p.v[0], rounded.v[0]), shifted(p.v[1], rounded.v[1]), shifted(p.v[2], rounded.v[2]),
             shifted(p.v[3], rounded.v[3])}};
  }
  NEXUS_BERT_INLINE static float sum(F f) {
    const Four v = (f.v[0] + f.v[2]) + (f.v[1] + f.v[3]);
    return (v[0] + v[2]) + (v[1] + v[3]);
  }
  NEXUS_BERT_INLINE static float largest(F f) {
    const Four v = most(most(f.v[0], f.v[2]), most(f.v[1], f.v[3]));
    const float a = v[0] > v[2] ? v[0] : v[2];
    const float b = v[1] > v[3] ? v[1] : v[3];
    return a > b ? a : b;
  }
  NEXUS_BERT_INLINE static float smallest(F f) { return -largest(sub(set(0.0F), f)); }
  NEXUS_BERT_INLINE static F to_float(I s) { return {{floats(s, 0), floats(s, 1), floats(s, 2), floats(s, 3)}}; }
  NEXUS_BERT_INLINE static void store_bytes(std::uint8_t* out, F f) {
    for (std::size_t i = 0; i < 16; ++i)
      out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(f.v[i / 4][i % 4]));
  }

 private:
  NEXUS_BERT_INLINE static Four abs(Four a) {
    return reinterpret_cast<Four>(reinterpret_cast<FourInts>(a) & 0x7FFFFFFF);
  }
  NEXUS_BERT_INLINE static Four shifted(Four p, Four rounded) {
    using Bits = std::uint32_t __attribute__((vector_size(16)));
    return reinterpret_cast<Four>(reinterpret_cast<Bits>(p) + (reinterpret_cast<Bits>(rounded) << 23));
  }
  NEXUS_BERT_INLINE static Four floats(I s, std::size_t i) { return __builtin_convertvector(ints(s, i), Four); }
};

}  // namespace

constinit const Kernels kScalarKernels = make_kernels<ScalarLanes>("scalar");

}  // namespace nexus::embed::bert
