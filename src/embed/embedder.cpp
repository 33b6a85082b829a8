#include "embed/embedder.h"

#include <stdexcept>

namespace nexus::embed {

void Embedder::embed_batch(std::span<const std::string_view> texts, std::span<float> out) const {
  require_size(out.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) embed(texts[i], out.subspan(i * dimension(), dimension()));
}

void Embedder::require_size(std::size_t given, std::size_t rows) const {
  if (given != rows * dimension()) throw std::invalid_argument("embedding buffer does not fit the model's dimension");
}

}  // namespace nexus::embed
