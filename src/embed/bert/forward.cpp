#include "embed/bert/forward.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nexus::embed::bert {
namespace {

constexpr std::size_t kMaxScratchTokens = 16'384;

[[nodiscard]] std::size_t checked_tokens(std::size_t tokens) {
  if (tokens == 0 || tokens > kMaxScratchTokens)
    throw std::invalid_argument("a scratch holds between 1 and 16384 tokens");
  return tokens;
}

// Deals out parts of the memory; without memory it only counts.
class Carver {
 public:
  explicit Carver(std::byte* memory) : memory_(memory) {}

  template <typename T>
  [[nodiscard]] T* take(std::size_t count) {
    std::byte* part = memory_ == nullptr ? nullptr : memory_ + used_;
    used_ += aligned(count * sizeof(T));
    return reinterpret_cast<T*>(part);
  }
  [[nodiscard]] QuantisedRows take_rows(std::size_t rows, std::size_t width) {
    return {take<std::uint8_t>(rows * width), take<float>(rows), take<float>(rows)};
  }
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::byte* memory_;
  std::size_t used_ = 0;
};

[[nodiscard]] Scratch::Buffers carve(const ModelShape& shape, std::size_t tokens, Carver& carver) {
  const std::size_t longest = (std::min<std::size_t>(tokens, shape.positions) + 15) / 16 * 16;
  Scratch::Buffers buffers;
  buffers.rows = carver.take<float>(tokens * shape.hidden);
  buffers.qkv = carver.take<float>(tokens * 3 * shape.hidden);
  buffers.inner = carver.take<float>(Scratch::kInnerRows * shape.intermediate);
  buffers.keys = carver.take<float>(longest * shape.head_width());
  buffers.scores = carver.take<float>(longest * 4);
  buffers.quantised = carver.take_rows(tokens, shape.hidden);
  buffers.inner_rows = carver.take_rows(Scratch::kInnerRows, shape.intermediate);
  return buffers;
}

[[nodiscard]] std::size_t scratch_bytes(const ModelShape& shape, std::size_t tokens) {
  Carver counting(nullptr);
  (void)carve(shape, tokens, counting);
  return counting.used();
}

[[nodiscard]] QuantisedRows from_row(const QuantisedRows& rows, std::size_t row, std::size_t width) {
  return {rows.values + row * width, rows.step + row, rows.low + row};
}

void check_batch(const ModelShape& shape, const Batch& batch, std::span<float> out, const Scratch& scratch) {
  std::size_t total = 0;
  for (const std::uint32_t length : batch.lengths) {
    if (length == 0 || length > shape.positions) throw std::invalid_argument("a text has no tokens or too many");
    total += length;
  }
  if (total != batch.ids.size()) throw std::invalid_argument("the lengths of a batch do not add up to its ids");
  if (total > scratch.tokens()) throw std::invalid_argument("a batch is larger than its scratch");
  if (out.size() != batch.lengths.size() * shape.hidden) throw std::invalid_argument("the output has the wrong size");
  for (const std::int32_t id : batch.ids)
    if (id < 0 || static_cast<std::uint32_t>(id) >= shape.vocabulary)
      throw std::invalid_argument("a token id is outside the vocabulary");
}

class Pass {
 public:
  Pass(const ModelConfig& config, const Weights& weights, const Kernels& kernels, const Batch& batch,
       const Scratch& scratch, InputObserver* observer)
      : shape_(config.shape),
        pooling_(config.pooling),
        weights_(weights),
        kernels_(kernels),
        batch_(batch),
        buffers_(scratch.buffers()),
        observer_(observer) {}

  void run(std::span<float> out) {
    embed_tokens();
    for (std::size_t i = 0; i < weights_.layers.size(); ++i) {
      attention_block(i);
      feed_forward_block(i);
    }
    pool(out);
  }

 private:
  using Site = InputObserver::Site;

  void embed_tokens() {
    const std::size_t hidden = shape_.hidden;
    float* row = buffers_.rows;
    std::size_t next = 0;
    for (const std::uint32_t length : batch_.lengths) {
      for (std::uint32_t position = 0; position < length; ++position, row += hidden) {
        const auto id = static_cast<std::size_t>(batch_.ids[next++]);
        const std::int8_t* word = weights_.words + id * hidden;
        const float* place = weights_.positions + position * hidden;
        const float scale = weights_.word_scale[id];
        for (std::size_t i = 0; i < hidden; ++i) row[i] = static_cast<float>(word[i]) * scale + place[i];
        kernels_.normalise(row, weights_.embedding_norm, hidden, shape_.epsilon);
      }
    }
  }

  void quantise(const float* rows, std::size_t count, std::size_t width, const float* factors,
                const QuantisedRows& to) const {
    for (std::size_t r = 0; r < count; ++r)
      kernels_.quantise(rows + r * width, factors, width, to.values + r * width, to.step[r], to.low[r]);
  }

  void normalise(float* rows, std::size_t count, const float* gamma_beta) const {
    for (std::size_t r = 0; r < count; ++r)
      kernels_.normalise(rows + r * shape_.hidden, gamma_beta, shape_.hidden, shape_.epsilon);
  }

  void observe(std::size_t layer, Site site, const float* rows, std::size_t count, std::size_t width) const {
    if (observer_ != nullptr) observer_->see(layer, site, rows, count, width);
  }

  void attention_block(std::size_t index) const {
    const LayerWeights& layer = weights_.layers[index];
    const std::size_t hidden = shape_.hidden;
    const std::size_t tokens = batch_.ids.size();
    observe(index, Site::kQkv, buffers_.rows, tokens, hidden);
    quantise(buffers_.rows, tokens, hidden, layer.qkv_factors, buffers_.quantised);
    kernels_.multiply(buffers_.quantised, tokens, layer.qkv, buffers_.qkv);
    float* qkv = buffers_.qkv;
    for (const std::uint32_t length : batch_.lengths) {
      kernels_.attend({qkv, length, shape_.heads, shape_.head_width(), buffers_.keys, buffers_.scores});
      qkv += length * 3 * hidden;
    }
    for (std::size_t t = 0; t < tokens; ++t) {
      const QuantisedRows to = from_row(buffers_.quantised, t, hidden);
      const float* mixed = buffers_.qkv + t * 3 * hidden;
      observe(index, Site::kOutput, mixed, 1, hidden);
      kernels_.quantise(mixed, nullptr, hidden, to.values, *to.step, *to.low);
    }
    kernels_.multiply_add(buffers_.quantised, tokens, layer.output, buffers_.rows);
    normalise(buffers_.rows, tokens, layer.attention_norm);
  }

  void feed_forward_block(std::size_t index) const {
    const LayerWeights& layer = weights_.layers[index];
    const std::size_t hidden = shape_.hidden;
    const std::size_t tokens = batch_.ids.size();
    observe(index, Site::kUp, buffers_.rows, tokens, hidden);
    quantise(buffers_.rows, tokens, hidden, layer.up_factors, buffers_.quantised);
    for (std::size_t first = 0; first < tokens; first += Scratch::kInnerRows) {
      const std::size_t count = std::min(Scratch::kInnerRows, tokens - first);
      kernels_.multiply_gelu(from_row(buffers_.quantised, first, hidden), count, layer.up, buffers_.inner);
      observe(index, Site::kDown, buffers_.inner, count, shape_.intermediate);
      quantise(buffers_.inner, count, shape_.intermediate, nullptr, buffers_.inner_rows);
      kernels_.multiply_add(buffers_.inner_rows, count, layer.down, buffers_.rows + first * hidden);
    }
    normalise(buffers_.rows, tokens, layer.output_norm);
  }

  void pool(std::span<float> out) const {
    const float* rows = buffers_.rows;
    for (std::size_t i = 0; i < batch_.lengths.size(); ++i) {
      const std::size_t length = pooling_ == Pooling::kCls ? 1 : batch_.lengths[i];
      pool_text(rows, length, out.subspan(i * shape_.hidden, shape_.hidden));
      rows += std::size_t{batch_.lengths[i]} * shape_.hidden;
    }
  }

  // The mean's divisor goes away with the length of the vector.
  void pool_text(const float* rows, std::size_t count, std::span<float> out) const {
    std::copy_n(rows, out.size(), out.begin());
    for (std::size_t r = 1; r < count; ++r)
      for (std::size_t i = 0; i < out.size(); ++i) out[i] += rows[r * out.size() + i];
    double squares = 0;
    for (const float x : out) squares += double{x} * double{x};
    if (!(squares > 0 && std::isfinite(squares))) {  // a model of such weights has no direction to give
      std::fill(out.begin(), out.end(), 0.0F);
      return;
    }
    const double scale = 1.0 / std::sqrt(squares);
    for (float& x : out) x = static_cast<float>(double{x} * scale);
  }

  const ModelShape& shape_;
  Pooling pooling_;
  const Weights& weights_;
  const Kernels& kernels_;
  const Batch& batch_;
  const Scratch::Buffers& buffers_;
  InputObserver* observer_;
};

}  // namespace

Scratch::Scratch(const ModelShape& shape, std::size_t tokens)
    : shape_(shape), tokens_(checked_tokens(tokens)), memory_(scratch_bytes(shape, tokens)) {
  Carver carver(memory_.data());
  buffers_ = carve(shape, tokens, carver);
}

void forward(const ModelConfig& config, const Weights& weights, const Kernels& kernels, const Batch& batch,
             std::span<float> out, Scratch& scratch, InputObserver* observer) {
  if (!(scratch.shape() == config.shape)) throw std::invalid_argument("the scratch belongs to a model of other sizes");
  check_batch(config.shape, batch, out, scratch);
  Pass(config, weights, kernels, batch, scratch, observer).run(out);
}

}  // namespace nexus::embed::bert
