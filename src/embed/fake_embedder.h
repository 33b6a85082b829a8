// The deterministic test embedding of contract 02 §5.1: hashed words, 768 dimensions. Bit-compatible with databases
// that were filled with it; says nothing about meaning.
#pragma once

#include "embed/embedder.h"

#include <array>

namespace nexus::embed {

inline constexpr std::size_t kFakeDimension = 768;

class FakeEmbedder final : public Embedder {
 public:
  [[nodiscard]] std::string_view model_id() const noexcept override { return "fake"; }
  [[nodiscard]] std::size_t dimension() const noexcept override { return kFakeDimension; }
  void embed(std::string_view text, std::span<float> out) const override;

  // The same vector before it is rounded to floats.
  [[nodiscard]] static std::array<double, kFakeDimension> embed_exact(std::string_view text);
};

}  // namespace nexus::embed
