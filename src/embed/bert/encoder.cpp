#include "embed/bert/encoder.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nexus::embed::bert {

class Encoder::Lease {
 public:
  explicit Lease(const Encoder& encoder) : encoder_(encoder) {
    const std::lock_guard lock(encoder_.mutex_);
    if (encoder_.idle_.empty()) {
      scratch_ = std::make_unique<Scratch>(encoder_.config().shape, encoder_.scratch_tokens_);
      // Room for it now, so that giving it back cannot fail.
      ++encoder_.scratches_;
      encoder_.idle_.reserve(encoder_.scratches_);
    } else {
      scratch_ = std::move(encoder_.idle_.back());
      encoder_.idle_.pop_back();
    }
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    const std::lock_guard lock(encoder_.mutex_);
    encoder_.idle_.push_back(std::move(scratch_));
  }

  [[nodiscard]] Scratch& operator*() const noexcept { return *scratch_; }

 private:
  const Encoder& encoder_;
  std::unique_ptr<Scratch> scratch_;
};

Encoder::Encoder(ConvertedModel model, const Kernels& kernels, std::size_t scratch_tokens)
    : model_(std::move(model)),
      kernels_(kernels),
      scratch_tokens_(std::max<std::size_t>(scratch_tokens, config().shape.positions)) {}

std::unique_ptr<Encoder> Encoder::open(const std::filesystem::path& path, const EncoderOptions& options) {
  const Kernels& kernels = kernels_named(options.kernels);
  return std::unique_ptr<Encoder>(new Encoder(ConvertedModel::open(path), kernels, options.scratch_tokens));
}

void Encoder::encode(std::span<const std::int32_t> ids, std::span<float> out) const {
  const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(ids.size(), UINT32_MAX));
  const Lease lease(*this);
  forward(config(), model_.weights(), kernels_, {ids, {&length, 1}}, out, *lease);
}

void Encoder::encode_batch(const Batch& batch, std::span<float> out) const {
  if (out.size() != batch.lengths.size() * dimension()) throw std::invalid_argument("the output has the wrong size");
  const Lease lease(*this);
  std::size_t id = 0;
  for (std::size_t text = 0; text < batch.lengths.size();) {
    std::size_t tokens = 0;
    std::size_t end = text;
    while (end < batch.lengths.size() && (end == text || tokens + batch.lengths[end] <= scratch_tokens_))
      tokens += batch.lengths[end++];
    if (id + tokens > batch.ids.size()) throw std::invalid_argument("the lengths of a batch do not add up to its ids");
    forward(config(), model_.weights(), kernels_,
            {batch.ids.subspan(id, tokens), batch.lengths.subspan(text, end - text)},
            out.subspan(text * dimension(), (end - text) * dimension()), *lease);
    id += tokens;
    text = end;
  }
  if (id != batch.ids.size()) throw std::invalid_argument("the lengths of a batch do not add up to its ids");
}

}  // namespace nexus::embed::bert
