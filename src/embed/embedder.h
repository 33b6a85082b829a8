// The port through which everything else turns text into vectors.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace nexus::embed {

// Implementations are immutable after construction: every member may be called from any thread at once.
class Embedder {
 public:
  Embedder() = default;
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;
  virtual ~Embedder() = default;

  // Names model and dimension for good: vectors of different ids must never meet in one comparison.
  [[nodiscard]] virtual std::string_view model_id() const noexcept = 0;
  [[nodiscard]] virtual std::size_t dimension() const noexcept = 0;

  // The share of the dense side in hybrid search, measured for this kind of model.
  [[nodiscard]] virtual float fusion_weight() const noexcept { return 0.5F; }

  // Writes the unit vector of `text` (UTF-8), or zeros when the text has nothing to embed.
  // Throws std::invalid_argument when out.size() != dimension().
  virtual void embed(std::string_view text, std::span<float> out) const = 0;

  // Row i of `out` (texts.size() × dimension(), row-major) is the vector of texts[i].
  virtual void embed_batch(std::span<const std::string_view> texts, std::span<float> out) const;

 protected:
  void require_size(std::size_t given, std::size_t rows) const;
};

}  // namespace nexus::embed
