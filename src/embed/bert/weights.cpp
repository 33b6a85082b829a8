#include "embed/bert/weights.h"

#include "embed/bert/aligned_buffer.h"

namespace nexus::embed::bert {
namespace {

// Deals out sections of the image in file order. Without an image it only counts.
class Dealer {
 public:
  explicit Dealer(const std::byte* image) : image_(image) {}

  [[nodiscard]] const std::int8_t* bytes(std::size_t count) {
    return reinterpret_cast<const std::int8_t*>(take(count));
  }
  [[nodiscard]] const float* floats(std::size_t count) {
    const auto* section = reinterpret_cast<const float*>(take(count * sizeof(float)));
    if (section != nullptr) floats_.emplace_back(section, count);
    return section;
  }
  [[nodiscard]] Linear linear(std::size_t outputs, std::size_t inputs) {
    Linear made;
    made.weights = bytes(outputs * inputs);
    made.scale = floats(outputs);
    made.sum = floats(outputs);
    made.bias = floats(outputs);
    made.outputs = outputs;
    made.inputs = inputs;
    return made;
  }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] const std::vector<std::span<const float>>& dealt() const { return floats_; }

 private:
  const std::byte* take(std::size_t count) {
    const std::byte* section = image_ == nullptr ? nullptr : image_ + used_;
    used_ += aligned(count);
    return section;
  }

  const std::byte* image_;
  std::size_t used_ = 0;
  std::vector<std::span<const float>> floats_;
};

[[nodiscard]] Weights deal(const ModelShape& shape, Dealer& dealer) {
  const std::size_t hidden = shape.hidden;
  const std::size_t inner = shape.intermediate;
  Weights weights;
  weights.words = dealer.bytes(shape.vocabulary * hidden);
  weights.word_scale = dealer.floats(shape.vocabulary);
  weights.positions = dealer.floats(shape.positions * hidden);
  weights.embedding_norm = dealer.floats(2 * hidden);
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    LayerWeights layer;
    layer.qkv_factors = dealer.floats(hidden);
    layer.qkv = dealer.linear(3 * hidden, hidden);
    layer.output = dealer.linear(hidden, hidden);
    layer.attention_norm = dealer.floats(2 * hidden);
    layer.up_factors = dealer.floats(hidden);
    layer.up = dealer.linear(inner, hidden);
    layer.down = dealer.linear(hidden, inner);
    layer.output_norm = dealer.floats(2 * hidden);
    weights.layers.push_back(layer);
  }
  weights.floats = dealer.dealt();
  return weights;
}

}  // namespace

std::size_t image_bytes(const ModelShape& shape) {
  Dealer dealer(nullptr);
  (void)deal(shape, dealer);
  return dealer.used();
}

Weights bind_weights(const ModelShape& shape, const std::byte* image) {
  Dealer dealer(image);
  return deal(shape, dealer);
}

}  // namespace nexus::embed::bert
