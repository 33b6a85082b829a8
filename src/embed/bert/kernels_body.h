// The kernels over any set of lanes. Included by kernels_*.cpp inside the region that switches the instruction set
// on, so it includes nothing itself: an inline function of a standard header compiled for AVX-512 might become the
// copy that the linker keeps for the whole program.
//
// `Lanes` gives 16 floats (F), 16 32-bit sums (I), one prepared line of weights (W), four broadcast activations (A),
// the operations on them, and the sizes of its tiles. Loops over registers are folds over index sequences: arrays that
// are indexed by constants only stay in registers at every optimisation level.
#pragma once

#define NEXUS_BERT_INLINE [[gnu::always_inline]] inline

namespace nexus::embed::bert {
namespace {

template <std::size_t... I>
using Indices = std::index_sequence<I...>;

// Relative error below 3e-7 on [-87, 0]; smaller arguments count as -87, larger than 0 never occur.
template <class S>
NEXUS_BERT_INLINE typename S::F exponential(typename S::F x) {
  const auto y = S::mul(S::max(x, S::set(-87.0F)), S::set(1.44269504F));
  const auto rounded = S::add(y, S::set(12582912.0F));  // 1.5 × 2^23: the integer part sits in the low bits
  const auto f = S::sub(y, S::sub(rounded, S::set(12582912.0F)));
  auto p = S::set(1.33909e-3F);
  p = S::add(S::mul(p, f), S::set(9.67603e-3F));
  p = S::add(S::mul(p, f), S::set(5.550357e-2F));
  p = S::add(S::mul(p, f), S::set(2.4022107e-1F));
  p = S::add(S::mul(p, f), S::set(6.9314719e-1F));
  p = S::add(S::mul(p, f), S::set(1.00000008F));
  return S::add_exponent(p, rounded);
}

// gelu(x) = max(x, 0) - t Φ(-t) at t = |x|; the second part is a polynomial on [0, 4.5]. Absolute error below 2.6e-5.
template <class S>
NEXUS_BERT_INLINE typename S::F gelu(typename S::F x) {
  constexpr float kEnd = 4.5F;
  const auto t = S::sub(S::mul(S::min(S::abs(x), S::set(kEnd)), S::set(2.0F / kEnd)), S::set(1.0F));
  auto p = S::set(-4.729632952e-02F);
  p = S::add(S::mul(p, t), S::set(2.316935740e-02F));
  p = S::add(S::mul(p, t), S::set(1.879389054e-01F));
  p = S::add(S::mul(p, t), S::set(-1.793829199e-01F));
  p = S::add(S::mul(p, t), S::set(-2.147967293e-01F));
  p = S::add(S::mul(p, t), S::set(4.370354079e-01F));
  p = S::add(S::mul(p, t), S::set(-1.995326257e-01F));
  p = S::add(S::mul(p, t), S::set(-1.478265170e-01F));
  p = S::add(S::mul(p, t), S::set(2.461776153e-01F));
  p = S::add(S::mul(p, t), S::set(-1.329950331e-01F));
  p = S::add(S::mul(p, t), S::set(2.750506347e-02F));
  return S::sub(S::max(x, S::set(0.0F)), p);
}

template <class S>
void normalise(float* row, const float* gamma_beta, std::size_t width, float epsilon) {
  auto total = S::set(0.0F);
  for (std::size_t i = 0; i < width; i += 16) total = S::add(total, S::load(row + i));
  const auto mean = S::set(S::sum(total) / static_cast<float>(width));
  auto squares = S::set(0.0F);
  for (std::size_t i = 0; i < width; i += 16) {
    const auto v = S::sub(S::load(row + i), mean);
    squares = S::add(squares, S::mul(v, v));
  }
  const auto scale = S::set(1.0F / __builtin_sqrtf(S::sum(squares) / static_cast<float>(width) + epsilon));
  for (std::size_t i = 0; i < width; i += 16) {
    const auto v = S::mul(S::mul(S::sub(S::load(row + i), mean), scale), S::load(gamma_beta + i));
    S::store(row + i, S::add(v, S::load(gamma_beta + width + i)));
  }
}

template <class S, bool kScaled>
NEXUS_BERT_INLINE typename S::F scaled(const float* row, const float* factors, std::size_t i) {
  if constexpr (kScaled) return S::mul(S::load(row + i), S::load(factors + i));
  return S::load(row + i);
}

template <class S, bool kScaled>
NEXUS_BERT_INLINE void quantise_row(const float* row, const float* factors, std::size_t width, std::uint8_t* values,
                                    float& step, float& low) {
  auto smallest = scaled<S, kScaled>(row, factors, 0);
  auto largest = smallest;
  for (std::size_t i = 16; i < width; i += 16) {
    const auto v = scaled<S, kScaled>(row, factors, i);
    smallest = S::min(smallest, v);
    largest = S::max(largest, v);
  }
  low = S::smallest(smallest);
  float range = S::largest(largest) - low;
  if (!(range > 1e-20F)) range = 1e-20F;  // a constant row: every value becomes 0
  step = range / 255.0F;
  const auto from = S::set(low);
  const auto inverse = S::set(255.0F / range);
  for (std::size_t i = 0; i < width; i += 16) {
    const auto v = S::mul(S::sub(scaled<S, kScaled>(row, factors, i), from), inverse);
    S::store_bytes(values + i, S::min(S::add(v, S::set(0.5F)), S::set(255.49F)));  // 256 would wrap to 0
  }
}

template <class S>
void quantise(const float* row, const float* factors, std::size_t width, std::uint8_t* values, float& step,
              float& low) {
  if (factors != nullptr)
    quantise_row<S, true>(row, factors, width, values, step, low);
  else
    quantise_row<S, false>(row, factors, width, values, step, low);
}

enum class Then { kStore, kGelu, kAdd };

template <class S, Then kThen>
NEXUS_BERT_INLINE void finish(typename S::I sums, float step, float low, const Linear& linear, std::size_t output,
                              float* out) {
  auto y = S::mul(S::mul(S::to_float(sums), S::set(step)), S::load(linear.scale + output));
  y = S::add(y, S::add(S::mul(S::load(linear.sum + output), S::set(low)), S::load(linear.bias + output)));
  if constexpr (kThen == Then::kGelu) y = gelu<S>(y);
  if constexpr (kThen == Then::kAdd) y = S::add(y, S::load(out));
  S::store(out, y);
}

template <class S, std::size_t... P>
NEXUS_BERT_INLINE void add_products(typename S::I (&sums)[sizeof...(P)], typename S::A activations,
                                    const typename S::W (&weights)[sizeof...(P)], Indices<P...>) {
  ((sums[P] = S::dot(sums[P], activations, weights[P])), ...);
}

template <class S, Then kThen, std::size_t... P>
NEXUS_BERT_INLINE void finish_row(const typename S::I (&sums)[sizeof...(P)], float step, float low,
                                  const Linear& linear, std::size_t output, float* out, Indices<P...>) {
  (finish<S, kThen>(sums[P], step, low, linear, output + 16 * P, out + output + 16 * P), ...);
}

// sizeof...(R) rows times 16 × sizeof...(P) outputs from `output` on.
template <class S, Then kThen, std::size_t... R, std::size_t... P>
NEXUS_BERT_INLINE void tile(const QuantisedRows& in, std::size_t row, const Linear& linear, std::size_t output,
                            float* out, Indices<R...>, Indices<P...> panels) {
  const std::size_t inputs = linear.inputs;
  const std::int8_t* weights = linear.weights + output * inputs;
  const std::uint8_t* values = in.values + row * inputs;
  typename S::I sums[sizeof...(R)][sizeof...(P)] = {};
  for (std::size_t k = 0; k < inputs; k += 4) {
    const typename S::W line[sizeof...(P)] = {S::weights(weights + P * 16 * inputs + k * 16)...};
    (add_products<S>(sums[R], S::activations(values + R * inputs + k), line, panels), ...);
  }
  (finish_row<S, kThen>(sums[R], in.step[row + R], in.low[row + R], linear, output, out + (row + R) * linear.outputs,
                        panels),
   ...);
}

// The last `left` ≤ kRows rows.
template <class S, Then kThen, std::size_t kRows>
NEXUS_BERT_INLINE void last_rows(const QuantisedRows& in, std::size_t row, std::size_t left, const Linear& linear,
                                 std::size_t output, float* out) {
  if constexpr (kRows > 0) {
    if (left == kRows)
      tile<S, kThen>(in, row, linear, output, out, std::make_index_sequence<kRows>{},
                     std::make_index_sequence<S::kPanels>{});
    else
      last_rows<S, kThen, kRows - 1>(in, row, left, linear, output, out);
  }
}

template <class S, Then kThen>
void multiply(const QuantisedRows& in, std::size_t rows, const Linear& linear, float* out) {
  for (std::size_t output = 0; output < linear.outputs; output += 16 * S::kPanels) {
    std::size_t row = 0;
    for (; row + S::kRows <= rows; row += S::kRows)
      tile<S, kThen>(in, row, linear, output, out, std::make_index_sequence<S::kRows>{},
                     std::make_index_sequence<S::kPanels>{});
    last_rows<S, kThen, S::kRows - 1>(in, row, rows - row, linear, output, out);
  }
}

template <class S, std::size_t... V>
NEXUS_BERT_INLINE void add_scaled(typename S::F (&sums)[sizeof...(V)], float factor,
                                  const typename S::F (&values)[sizeof...(V)], Indices<V...>) {
  const auto factors = S::set(factor);
  ((sums[V] = S::add(sums[V], S::mul(factors, values[V]))), ...);
}

template <class S, std::size_t... V>
NEXUS_BERT_INLINE void store_scaled(float* out, const typename S::F (&values)[sizeof...(V)], float factor,
                                    Indices<V...>) {
  (S::store(out + 16 * V, S::mul(values[V], S::set(factor))), ...);
}

// Four rows of `out` += Σ_k factors[r][k × factor_stride] × lines[k], 16 × sizeof...(V) columns wide, times scale[r].
template <class S, std::size_t... R, std::size_t... V>
NEXUS_BERT_INLINE void combine(const float* const (&factors)[4], const float* lines, std::size_t count,
                               std::size_t stride, float* const (&out)[4], const float (&scale)[4], Indices<R...>,
                               Indices<V...> columns) {
  typename S::F sums[4][sizeof...(V)] = {};
  for (std::size_t k = 0; k < count; ++k) {
    const typename S::F line[sizeof...(V)] = {S::load(lines + k * stride + 16 * V)...};
    (add_scaled<S>(sums[R], factors[R][k], line, columns), ...);
  }
  (store_scaled<S>(out[R], sums[R], scale[R], columns), ...);
}

template <class S, std::size_t kVectors>
NEXUS_BERT_INLINE void combine_columns(const float* const (&factors)[4], const float* lines, std::size_t count,
                                       std::size_t stride, float* const (&out)[4], const float (&scale)[4],
                                       std::size_t column) {
  float* const at[4] = {out[0] + column, out[1] + column, out[2] + column, out[3] + column};
  combine<S>(factors, lines + column, count, stride, at, scale, std::make_index_sequence<4>{},
             std::make_index_sequence<kVectors>{});
}

// combine() over `width` columns, as wide at a time as the registers allow.
template <class S>
void combine_all(const float* const (&factors)[4], const float* lines, std::size_t count, std::size_t stride,
                 float* const (&out)[4], const float (&scale)[4], std::size_t width) {
  std::size_t column = 0;
  for (; column + 16 * S::kVectors <= width; column += 16 * S::kVectors)
    combine_columns<S, S::kVectors>(factors, lines, count, stride, out, scale, column);
  for (; column < width; column += 16) combine_columns<S, 1>(factors, lines, count, stride, out, scale, column);
}

// exp(score - largest) in place over a row padded to `padded`; gives 1 / their sum.
template <class S>
float softmax(float* scores, std::size_t tokens, std::size_t padded) {
  for (std::size_t j = tokens; j < padded; ++j) scores[j] = -1e30F;
  auto largest = S::load(scores);
  for (std::size_t j = 16; j < padded; j += 16) largest = S::max(largest, S::load(scores + j));
  const auto top = S::set(S::largest(largest));
  auto total = S::set(0.0F);
  for (std::size_t j = 0; j < padded; j += 16) {
    const auto e = exponential<S>(S::sub(S::load(scores + j), top));
    total = S::add(total, e);
    S::store(scores + j, e);
  }
  return 1.0F / S::sum(total);
}

template <class S>
void attend_head(const Attention& a, float* queries, std::size_t padded) {
  const std::size_t width = a.heads * a.head_width;
  const std::size_t stride = 3 * width;
  for (std::size_t t = 0; t < a.tokens; ++t)
    for (std::size_t d = 0; d < a.head_width; ++d) a.keys[d * padded + t] = queries[t * stride + width + d];
  for (std::size_t d = 0; d < a.head_width; ++d)
    for (std::size_t t = a.tokens; t < padded; ++t) a.keys[d * padded + t] = 0;
  const float ones[4] = {1, 1, 1, 1};
  float* const scores[4] = {a.scores, a.scores + padded, a.scores + 2 * padded, a.scores + 3 * padded};
  for (std::size_t t = 0; t < a.tokens; t += 4) {
    // A last group of fewer than four repeats its last row.
    const std::size_t last = a.tokens - 1;
    float* const rows[4] = {queries + t * stride, queries + (t + 1 < last ? t + 1 : last) * stride,
                            queries + (t + 2 < last ? t + 2 : last) * stride,
                            queries + (t + 3 < last ? t + 3 : last) * stride};
    const float* const read[4] = {rows[0], rows[1], rows[2], rows[3]};
    combine_all<S>(read, a.keys, a.head_width, padded, scores, ones, padded);
    const float scale[4] = {softmax<S>(scores[0], a.tokens, padded), softmax<S>(scores[1], a.tokens, padded),
                            softmax<S>(scores[2], a.tokens, padded), softmax<S>(scores[3], a.tokens, padded)};
    const float* const shares[4] = {scores[0], scores[1], scores[2], scores[3]};
    combine_all<S>(shares, queries + 2 * width, a.tokens, stride, rows, scale, a.head_width);
  }
}

template <class S>
void attend(const Attention& a) {
  const std::size_t padded = (a.tokens + 15) / 16 * 16;
  for (std::size_t head = 0; head < a.heads; ++head) attend_head<S>(a, a.rows + head * a.head_width, padded);
}

template <class S>
constexpr Kernels make_kernels(std::string_view name) {
  return {
      name,     normalise<S>, quantise<S>, multiply<S, Then::kStore>, multiply<S, Then::kGelu>, multiply<S, Then::kAdd>,
      attend<S>};
}

}  // namespace
}  // namespace nexus::embed::bert
