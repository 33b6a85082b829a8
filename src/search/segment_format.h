// The bytes of a segment, version 1. Internal to segment.cpp and segment_writer.cpp.
//
// Little-endian. A fixed header, then sections, each aligned to 64 bytes and named by offset and size in the header:
//
//   ids            chunk_count × 16      in chunk order: documents ascending by id, chunks as they were added
//   lengths        chunk_count × u32     terms of each chunk without stop words
//   doc_first      (document_count + 1) × u32   chunk range of each document; strictly ascending
//   doc_ends       document_count × u32  where each id ends in doc_names
//   doc_names      bytes                 ids, ascending, distinct; "" is "no document"
//   term_slots     power of two × u32    open-addressing table of terms, kNoTerm where free
//   terms          term_count × TermEntry
//   term_names     bytes
//   postings       bytes                 blocks, see below
//   scales         chunk_count × f32     1 / norm of each stored vector; 0: none
//   vectors        chunk_count × stride × (i8 | f32)
//   model          bytes                 id of the embedding model
//
// A posting list is a run of blocks of up to 128 entries, ascending: a BlockHeader, the distances of the ordinals from
// its base (one, two or four bytes each), and the term frequencies (none when all are 1; else one, two or four bytes).
// Fixed widths decode at memory speed; the widest list costs three bytes an entry.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace nexus::search::format {

static_assert(std::endian::native == std::endian::little, "segments are little-endian and read in place");

inline constexpr std::array<char, 8> kMagic{'N', 'X', 'S', 'E', 'G', 'M', 'N', 'T'};
inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kNoTerm = 0xFFFFFFFFU;
inline constexpr std::size_t kBlockEntries = 128;
inline constexpr std::size_t kSectionAlignment = 64;
inline constexpr std::uint32_t kMaxChunks = 1U << 28U;
inline constexpr std::uint32_t kMaxDimension = 8192;
inline constexpr std::uint32_t kMaxLength = 1U << 30U;  // terms of a chunk; fits a signed 32-bit lane

enum Section : std::size_t {
  kIds,
  kLengths,
  kDocFirst,
  kDocEnds,
  kDocNames,
  kTermSlots,
  kTerms,
  kTermNames,
  kPostings,
  kScales,
  kVectors,
  kModel,
  kSectionCount
};

struct Range {
  std::uint64_t offset;
  std::uint64_t size;
};

struct Header {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t vector_format;
  std::uint64_t checksum;  // of everything behind this field
  std::uint64_t total_size;
  std::uint32_t chunk_count;
  std::uint32_t document_count;
  std::uint32_t term_count;
  std::uint32_t dimension;
  std::array<Range, kSectionCount> sections;
};

struct TermEntry {
  std::uint32_t name_begin;
  std::uint32_t name_size;
  std::uint32_t postings_begin;
  std::uint32_t document_frequency;  // chunks that hold the term, at least 1
};

struct BlockHeader {
  std::uint32_t base;  // first ordinal
  std::uint8_t last;   // entries - 1
  std::uint8_t ordinal_width;
  std::uint8_t frequency_width;  // 0: all are 1
  std::uint8_t reserved;
  std::uint16_t max_frequency;  // saturates
  std::uint16_t min_length;     // saturates
};
static_assert(sizeof(BlockHeader) == 12);

// Spreads terms over slots; part of the format.
[[nodiscard]] inline std::uint64_t hash_term(std::string_view term) noexcept {
  std::uint64_t hash = 0x9E3779B97F4A7C15ULL ^ term.size();
  for (std::size_t at = 0; at < term.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, term.data() + at, term.size() - at < 8 ? term.size() - at : 8);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 32U;
  }
  return hash;
}

// Detects damage, not malice: four interleaved multiplicative sums, about ten bytes a nanosecond.
[[nodiscard]] inline std::uint64_t checksum(std::span<const std::byte> bytes) noexcept {
  std::array<std::uint64_t, 4> lanes{1, 2, 3, 4};
  std::size_t at = 0;
  for (; at + 32 <= bytes.size(); at += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at + 8 * lane, 8);
      lanes[lane] = std::rotl((lanes[lane] ^ word) * 0x9FB21C651E98DF25ULL, 29);
    }
  }
  std::uint64_t sum = bytes.size();
  for (; at < bytes.size(); ++at) sum = (sum ^ std::to_integer<std::uint64_t>(bytes[at])) * 0x100000001B3ULL;
  for (const std::uint64_t lane : lanes) sum = std::rotl((sum ^ lane) * 0x9FB21C651E98DF25ULL, 31);
  return sum ^ sum >> 32U;
}

}  // namespace nexus::search::format
