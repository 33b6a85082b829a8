// Makes segments: from chunks, and from other segments.
#pragma once

#include "search/analyzer.h"
#include "search/bitmap.h"
#include "search/chunk_id.h"
#include "search/segment.h"
#include "search/vectors.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::search {

struct SegmentOptions {
  VectorFormat vector_format = VectorFormat::kNone;
  std::size_t dimension = 0;  // 0 exactly when there are no vectors
  std::string model_id;
};

// Collects chunks of one corpus, one thread. Nothing is visible before finish().
class SegmentBuilder {
 public:
  // Throws std::invalid_argument when format and dimension do not fit, or the dimension is above 8,192.
  explicit SegmentBuilder(SegmentOptions options);

  // `document_id` may be empty: a chunk of no document. `vector` is of options.dimension, or empty for a chunk that is
  // found by its words only. Throws std::invalid_argument for a vector of another size.
  void add(const ChunkId& id, std::string_view document_id, std::string_view text, std::span<const float> vector = {});

  [[nodiscard]] std::size_t size() const noexcept { return chunks_.size(); }

  // The bytes for Segment::open. Leaves the builder empty.
  [[nodiscard]] std::vector<std::byte> finish();

 private:
  friend std::vector<std::byte> merge_segments(std::span<const struct MergeInput> inputs);
  struct BuiltChunk {
    ChunkId id;
    std::uint32_t document;  // number in order of first appearance
    std::uint32_t length;
  };
  struct Posting {
    std::uint32_t chunk;  // in order of add()
    std::uint32_t frequency;
  };
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>{}(name); }
  };

  void add_row(const BuiltChunk& chunk);
  [[nodiscard]] std::uint32_t document_number(std::string_view id);
  [[nodiscard]] std::vector<Posting>& postings_of(std::string_view term);
  [[nodiscard]] std::vector<std::uint32_t> chunk_order(std::vector<std::uint32_t>& documents_by_name) const;
  void copy_chunks(const Segment& from, const Bitmap* live);

  SegmentOptions options_;
  std::size_t stride_;
  std::vector<BuiltChunk> chunks_;
  std::vector<std::string> documents_;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> document_numbers_;
  std::unordered_map<std::string, std::vector<Posting>, NameHash, std::equal_to<>> terms_;
  std::vector<float> scales_;
  std::vector<std::int8_t> int8_rows_;
  std::vector<float> float_rows_;
  TermList scratch_;
  std::vector<std::string_view> sorted_scratch_;
};

struct MergeInput {
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Bitmap> live;  // null: all chunks
};

// One segment with the live chunks of all inputs: what a builder would have made of them, without their texts.
// Throws std::invalid_argument when there are no inputs or their models, dimensions or formats differ.
[[nodiscard]] std::vector<std::byte> merge_segments(std::span<const MergeInput> inputs);

}  // namespace nexus::search
