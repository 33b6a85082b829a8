// Token ids to vectors: the whole pass over a ragged batch, on kernels that the caller chooses.
#pragma once

#include "embed/bert/aligned_buffer.h"
#include "embed/bert/kernels.h"
#include "embed/bert/model_config.h"
#include "embed/bert/weights.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace nexus::embed::bert {

// Texts one after another, without padding: lengths[i] ids each.
struct Batch {
  std::span<const std::int32_t> ids;
  std::span<const std::uint32_t> lengths;
};

// The working memory of one thread: about 20 bytes × hidden for each token, fixed for its life.
class Scratch {
 public:
  // For batches of up to `tokens` tokens (at least one, at most 16,384, else std::invalid_argument).
  Scratch(const ModelShape& shape, std::size_t tokens);

  [[nodiscard]] std::size_t tokens() const noexcept { return tokens_; }
  [[nodiscard]] const ModelShape& shape() const noexcept { return shape_; }

  struct Buffers {
    float* rows = nullptr;     // [tokens][hidden]
    float* qkv = nullptr;      // [tokens][3 × hidden]
    float* inner = nullptr;    // [kInnerRows][intermediate]
    float* keys = nullptr;     // see Attention
    float* scores = nullptr;   // see Attention
    QuantisedRows quantised;   // [tokens][hidden]
    QuantisedRows inner_rows;  // [kInnerRows][intermediate]
  };
  [[nodiscard]] const Buffers& buffers() const noexcept { return buffers_; }

  // Rows of the feed-forward block worked on at a time, so that its wide middle stays in the second-level cache.
  static constexpr std::size_t kInnerRows = 96;

 private:
  ModelShape shape_;
  std::size_t tokens_;
  AlignedBuffer memory_;
  Buffers buffers_;
};

// Sees the rows that enter each product, before channel factors and rounding. For the converter.
class InputObserver {
 public:
  enum class Site : std::size_t { kQkv, kOutput, kUp, kDown };

  InputObserver() = default;
  InputObserver(const InputObserver&) = delete;
  InputObserver& operator=(const InputObserver&) = delete;
  virtual ~InputObserver() = default;
  virtual void see(std::size_t layer, Site site, const float* rows, std::size_t count, std::size_t width) = 0;
};

// Row i of `out` (lengths.size() × hidden) is the unit vector of text i, or zeros where the pooled row is zero. The
// same ids give the same bytes in every batch and on every kernel set. Allocates nothing. Throws
// std::invalid_argument before any work when a length is 0 or above shape.positions, an id is outside the vocabulary,
// the lengths do not add up to ids.size(), the batch is larger than the scratch, or `out` has another size.
void forward(const ModelConfig& config, const Weights& weights, const Kernels& kernels, const Batch& batch,
             std::span<float> out, Scratch& scratch, InputObserver* observer = nullptr);

}  // namespace nexus::embed::bert
