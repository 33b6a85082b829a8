// Where each tensor of a converted model stands, and pointers to them.
#pragma once

#include "embed/bert/kernels.h"
#include "embed/bert/model_config.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nexus::embed::bert {

// A layer: x ← norm(x + output(attention(qkv(x)))), x ← norm(x + down(gelu(up(x)))).
struct LayerWeights {
  const float* qkv_factors = nullptr;  // [hidden] an input channel is multiplied by this before it is rounded
  Linear qkv;                          // query rows (with 1/√head_width), key rows, value rows
  Linear output;
  const float* attention_norm = nullptr;  // [2 × hidden] factors, then addends
  const float* up_factors = nullptr;      // [hidden]
  Linear up;
  Linear down;
  const float* output_norm = nullptr;  // [2 × hidden]
};

// Views into one image of image_bytes() bytes that starts at a multiple of 64.
struct Weights {
  const std::int8_t* words = nullptr;     // [vocabulary][hidden]
  const float* word_scale = nullptr;      // [vocabulary]
  const float* positions = nullptr;       // [positions][hidden], the row of token type 0 added
  const float* embedding_norm = nullptr;  // [2 × hidden]
  std::vector<LayerWeights> layers;
  std::vector<std::span<const float>> floats;  // every float section above, in order: what a reader must find finite
};

[[nodiscard]] std::size_t image_bytes(const ModelShape& shape);
[[nodiscard]] Weights bind_weights(const ModelShape& shape, const std::byte* image);

}  // namespace nexus::embed::bert
