// The arithmetic of the encoder, once for each instruction set, and the choice among them.
//
// Every set gives the same bits: rows are worked on in groups of 16 floats whose sums are folded in one fixed order,
// products and sums are rounded apart (no fused multiply-add), and integer products are exact. So a vector does not
// depend on the machine that made it, and the converter writes the same file everywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace nexus::embed::bert {

// y = W x + b with W rounded to eight bits per output: W[o][i] ≈ scale[o] × weights(o, i).
struct Linear {
  // [outputs / 16][inputs / 4][16 outputs][4 inputs], 64-byte aligned: one step of four inputs for 16 outputs is one
  // cache line, one 512-bit register, and one row of an AMX tile.
  const std::int8_t* weights = nullptr;
  const float* scale = nullptr;  // [outputs]
  const float* sum = nullptr;    // [outputs] scale × the sum of the output's weights
  const float* bias = nullptr;   // [outputs]
  std::size_t outputs = 0;       // a multiple of 64
  std::size_t inputs = 0;        // a multiple of 64
};

// Rows rounded to eight bits each: x[r][i] ≈ low[r] + step[r] × values[r × width + i]. The lower bound stays a float
// and not a rounded zero point, so that the smallest and the largest value of a row are met exactly.
struct QuantisedRows {
  std::uint8_t* values = nullptr;
  float* step = nullptr;
  float* low = nullptr;
};

// One text's attention. Row t of `rows` is query | key | value of token t, each heads × head_width wide; the queries
// carry the factor 1/√head_width already. The result takes the place of the queries.
struct Attention {
  float* rows = nullptr;
  std::size_t tokens = 0;
  std::size_t heads = 0;
  std::size_t head_width = 0;  // a multiple of 16
  float* keys = nullptr;       // scratch: head_width × tokens rounded up to 16
  float* scores = nullptr;     // scratch: 4 × tokens rounded up to 16
};

struct Kernels {
  std::string_view name;
  // In place over one row; `gamma_beta` is width factors, then width addends.
  void (*normalise)(float* row, const float* gamma_beta, std::size_t width, float epsilon);
  // Rounds row[i] × factors[i] (all 1 when `factors` is null) to eight bits.
  void (*quantise)(const float* row, const float* factors, std::size_t width, std::uint8_t* values, float& step,
                   float& low);
  // out[r × linear.outputs + o] = y, gelu(y), or += y, for `rows` rows of linear.inputs values.
  void (*multiply)(const QuantisedRows& in, std::size_t rows, const Linear& linear, float* out);
  void (*multiply_gelu)(const QuantisedRows& in, std::size_t rows, const Linear& linear, float* out);
  void (*multiply_add)(const QuantisedRows& in, std::size_t rows, const Linear& linear, float* out);
  void (*attend)(const Attention& attention);
};

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvxVnniKernels;
extern const Kernels kAvx512VnniKernels;
#endif

// What this processor can run, best first; the last is "scalar". Thread-safe.
[[nodiscard]] std::span<const Kernels* const> supported_kernels() noexcept;

// The one of that name, or the best when `name` is empty or "auto". Throws std::invalid_argument with the names that
// this processor can run when it is none of them.
[[nodiscard]] const Kernels& kernels_named(std::string_view name);

}  // namespace nexus::embed::bert
