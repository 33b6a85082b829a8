// Token ids to unit vectors: a converted model, the best kernels for this processor, and working memory.
#pragma once

#include "embed/bert/converted_model.h"
#include "embed/bert/forward.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::embed::bert {

struct EncoderOptions {
  std::string kernels = "auto";      // see kernels_named()
  std::size_t scratch_tokens = 512;  // worked on at a time; raised to the model's longest text
};

// Immutable but for its pool of scratches; every member may be called from any thread at once. Each call takes one
// scratch and gives it back, so there are as many as calls ran at the same moment.
class Encoder {
 public:
  // Throws what ConvertedModel::open() and kernels_named() throw.
  [[nodiscard]] static std::unique_ptr<Encoder> open(const std::filesystem::path& path,
                                                     const EncoderOptions& options = {});

  [[nodiscard]] const ConvertedModel& model() const noexcept { return model_; }
  [[nodiscard]] const ModelConfig& config() const noexcept { return model_.config(); }
  [[nodiscard]] std::size_t dimension() const noexcept { return config().shape.hidden; }
  [[nodiscard]] std::string_view kernels() const noexcept { return kernels_.name; }

  // The vector of one text. `ids` are all of its tokens, [CLS] and [SEP] included, at most config().shape.positions.
  // Throws std::invalid_argument as forward() does.
  void encode(std::span<const std::int32_t> ids, std::span<float> out) const;

  // Row i of `out` (lengths.size() × dimension()) is the vector of text i, the same bytes as encode() gives. Any number
  // of texts; they are worked on in groups that fit the scratch.
  void encode_batch(const Batch& batch, std::span<float> out) const;

 private:
  class Lease;
  Encoder(ConvertedModel model, const Kernels& kernels, std::size_t scratch_tokens);

  ConvertedModel model_;
  const Kernels& kernels_;
  std::size_t scratch_tokens_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_;  // guarded by mutex_
  mutable std::size_t scratches_ = 0;                   // made so far; guarded by mutex_
};

}  // namespace nexus::embed::bert
