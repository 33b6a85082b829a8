#pragma once

#include "embed/embedder.h"
#include "modules/retrieval/index_engine.h"
#include "search/segment_builder.h"

#include <cstddef>
#include <span>
#include <vector>

namespace nexus::retrieval {

/// Writes index segments for chunks embedded by `model` (null: chunks without vectors). The `fake` model keeps exact
/// floats, because its ranking is a promise; others keep int8. One thread.
class SegmentWriter {
 public:
  explicit SegmentWriter(const embed::Embedder* model);

  /// Throws std::invalid_argument when the id is not a UUID.
  void add(const IndexChunk& chunk);
  [[nodiscard]] std::size_t size() const { return builder_.size(); }
  /// The bytes; the writer can be used again.
  [[nodiscard]] std::vector<std::byte> finish() { return builder_.finish(); }

 private:
  search::SegmentBuilder builder_;
};

/// The segment of one batch of new chunks.
[[nodiscard]] std::vector<std::byte> build_segment(const embed::Embedder* model, std::span<const IndexChunk> chunks);

}  // namespace nexus::retrieval
