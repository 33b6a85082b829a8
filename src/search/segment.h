// An immutable part of a corpus's index: postings, lengths, vectors and identities of a batch of chunks.
//
// A segment is bytes that were stored in the transaction that stored its chunks. Opening checks every offset, count and
// posting once; afterwards reading needs no checks. Objects are immutable: any thread may read.
#pragma once

#include "search/bitmap.h"
#include "search/chunk_id.h"
#include "search/vectors.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

namespace nexus::search {

class CorruptSegment : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Entries of one block of a posting list, decoded.
struct PostingBlock {
  std::array<std::uint32_t, 128> ordinals;  // ascending
  std::array<std::uint32_t, 128> frequencies;
  std::size_t size = 0;
};

// Reads a posting list front to back.
class PostingReader {
 public:
  PostingReader() = default;
  PostingReader(const std::byte* at, std::uint32_t count) : at_(at), left_(count) {}

  [[nodiscard]] std::uint32_t entries_left() const noexcept { return left_; }
  // Fills `block`; false at the end.
  bool next(PostingBlock& block) noexcept;

 private:
  const std::byte* at_ = nullptr;
  std::uint32_t left_ = 0;
};

class Segment {
 public:
  enum class Check { kEverything, kStructureOnly };  // the second leaves out the checksum: fuzzing

  // Copies `bytes` (any alignment). Throws CorruptSegment when they are not a whole, consistent segment.
  [[nodiscard]] static std::shared_ptr<const Segment> open(std::span<const std::byte> bytes,
                                                           Check check = Check::kEverything);

  [[nodiscard]] std::uint32_t chunk_count() const noexcept { return chunk_count_; }
  [[nodiscard]] const ChunkId& chunk_id(std::uint32_t chunk) const noexcept { return ids_[chunk]; }
  [[nodiscard]] std::span<const ChunkId> chunk_ids() const noexcept { return ids_; }
  // Terms of each chunk that are not stop words.
  [[nodiscard]] std::span<const std::uint32_t> lengths() const noexcept { return lengths_; }

  // Documents are numbered by ascending id; their chunks are the range [first_chunk(d), first_chunk(d + 1)).
  [[nodiscard]] std::uint32_t document_count() const noexcept { return static_cast<std::uint32_t>(doc_ends_.size()); }
  [[nodiscard]] std::string_view document_id(std::uint32_t document) const noexcept;  // "" : no document
  [[nodiscard]] std::uint32_t first_chunk(std::uint32_t document) const noexcept { return doc_first_[document]; }
  [[nodiscard]] std::optional<std::uint32_t> find_document(std::string_view id) const noexcept;
  [[nodiscard]] std::uint32_t document_of(std::uint32_t chunk) const noexcept;

  [[nodiscard]] std::uint32_t term_count() const noexcept { return term_count_; }
  [[nodiscard]] std::optional<std::uint32_t> find_term(std::string_view term) const noexcept;
  [[nodiscard]] std::string_view term(std::uint32_t number) const noexcept;
  [[nodiscard]] std::uint32_t document_frequency(std::uint32_t term) const noexcept;
  [[nodiscard]] PostingReader postings(std::uint32_t term) const noexcept;

  [[nodiscard]] VectorFormat vector_format() const noexcept { return vector_format_; }
  [[nodiscard]] std::size_t dimension() const noexcept { return dimension_; }
  [[nodiscard]] std::string_view model_id() const noexcept { return model_; }
  // chunk_count × row_stride(dimension), of the kind that vector_format() says; the other is empty.
  [[nodiscard]] std::span<const std::int8_t> int8_rows() const noexcept { return int8_rows_; }
  [[nodiscard]] std::span<const float> float_rows() const noexcept { return float_rows_; }
  [[nodiscard]] std::span<const float> scales() const noexcept { return scales_; }  // 1 / norm; 0: no vector

  [[nodiscard]] std::size_t memory_bytes() const noexcept { return size_; }

 private:
  struct AlignedDelete {
    void operator()(std::byte* p) const noexcept;
  };
  Segment() = default;
  void read_header(Check check);
  void check_documents() const;
  void check_terms() const;
  void check_postings(std::uint32_t term) const;
  void check_vectors() const;

  std::unique_ptr<std::byte[], AlignedDelete> bytes_;
  std::size_t size_ = 0;
  std::uint32_t chunk_count_ = 0;
  std::uint32_t term_count_ = 0;
  VectorFormat vector_format_ = VectorFormat::kNone;
  std::size_t dimension_ = 0;
  std::span<const ChunkId> ids_;
  std::span<const std::uint32_t> lengths_;
  std::span<const std::uint32_t> doc_first_;
  std::span<const std::uint32_t> doc_ends_;
  std::string_view doc_names_;
  std::span<const std::uint32_t> term_slots_;
  std::span<const std::byte> terms_;
  std::string_view term_names_;
  std::span<const std::byte> postings_;
  std::span<const float> scales_;
  std::span<const std::int8_t> int8_rows_;
  std::span<const float> float_rows_;
  std::string_view model_;
};

// The set of dead chunks of a segment as it is stored beside it, and back. The second throws CorruptSegment when the
// bytes are damaged or of another size.
[[nodiscard]] std::vector<std::byte> encode_tombstones(const Bitmap& live);
[[nodiscard]] Bitmap decode_tombstones(std::span<const std::byte> bytes, std::uint32_t chunk_count);

}  // namespace nexus::search
