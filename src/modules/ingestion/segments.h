#pragma once

#include "embed/embedder.h"
#include "modules/ingestion/chunks_repository.h"
#include "search/segment_builder.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace nexus::ingestion {

/// Writes index segments for chunks embedded by `model` (null: chunks without vectors). The `fake` model keeps exact
/// floats, because its ranking is a promise; others keep int8. One thread.
class SegmentWriter {
 public:
  explicit SegmentWriter(const embed::Embedder* model);

  /// `document` is empty for chunks of none. Throws std::invalid_argument when the id is not a UUID.
  void add(std::string_view chunk_id, std::string_view document, std::string_view text, std::span<const float> vector);
  [[nodiscard]] std::size_t size() const { return builder_.size(); }
  /// The bytes; the writer can be used again.
  [[nodiscard]] std::vector<std::byte> finish() { return builder_.finish(); }

 private:
  search::SegmentBuilder builder_;
};

/// The segment of one batch of new chunks.
[[nodiscard]] std::vector<std::byte> build_segment(const embed::Embedder* model, std::string_view document,
                                                   std::span<const NewChunk> chunks);

}  // namespace nexus::ingestion
