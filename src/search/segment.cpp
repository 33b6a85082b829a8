#include "search/segment.h"

#include "search/segment_format.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>
#include <string>

namespace nexus::search {
namespace {

static_assert(sizeof(ChunkId) == 16 && alignof(ChunkId) == 1);

void require_sound(bool condition, const char* what) {
  if (!condition) throw CorruptSegment(std::string("damaged search segment: ") + what);
}

template <class T>
[[nodiscard]] std::span<const T> typed_section(std::span<const std::byte> bytes) {
  require_sound(bytes.size() % sizeof(T) == 0, "a section's size");
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

[[nodiscard]] std::string_view text_section(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[nodiscard]] format::TermEntry term_entry(std::span<const std::byte> terms, std::uint32_t number) noexcept {
  format::TermEntry entry{};
  std::memcpy(&entry, terms.data() + std::size_t{number} * sizeof(entry), sizeof(entry));
  return entry;
}

template <class T>
void widen(const std::byte* from, std::size_t count, std::uint32_t base, std::uint32_t* to) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    T value{};
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    to[i] = base + value;
  }
}

void widen_any(const std::byte* from, std::size_t width, std::size_t count, std::uint32_t base,
               std::uint32_t* to) noexcept {
  if (width == 1) return widen<std::uint8_t>(from, count, base, to);
  if (width == 2) return widen<std::uint16_t>(from, count, base, to);
  return widen<std::uint32_t>(from, count, base, to);
}

}  // namespace

bool PostingReader::next(PostingBlock& block) noexcept {
  if (left_ == 0) {
    block.size = 0;
    return false;
  }
  format::BlockHeader header{};
  std::memcpy(&header, at_, sizeof(header));
  const std::size_t count = std::size_t{header.last} + 1;
  const std::byte* ordinals = at_ + sizeof(header);
  const std::byte* frequencies = ordinals + count * header.ordinal_width;
  widen_any(ordinals, header.ordinal_width, count, header.base, block.ordinals.data());
  if (header.frequency_width == 0) {
    std::fill_n(block.frequencies.begin(), count, 1U);
  } else {
    widen_any(frequencies, header.frequency_width, count, 0, block.frequencies.data());
  }
  block.size = count;
  at_ = frequencies + count * header.frequency_width;
  left_ -= static_cast<std::uint32_t>(count);
  return true;
}

void Segment::AlignedDelete::operator()(std::byte* p) const noexcept {
  ::operator delete[](p, std::align_val_t{format::kSectionAlignment});
}

std::shared_ptr<const Segment> Segment::open(std::span<const std::byte> bytes, Check check) {
  require_sound(bytes.size() >= sizeof(format::Header), "too short");
  const std::shared_ptr<Segment> segment(new Segment());
  segment->bytes_.reset(
      static_cast<std::byte*>(::operator new[](bytes.size(), std::align_val_t{format::kSectionAlignment})));
  segment->size_ = bytes.size();
  std::memcpy(segment->bytes_.get(), bytes.data(), bytes.size());
  segment->read_header(check);
  segment->check_documents();
  segment->check_terms();
  segment->check_vectors();
  return segment;
}

void Segment::read_header(Check check) {
  const std::span<const std::byte> all(bytes_.get(), size_);
  format::Header header{};
  std::memcpy(&header, all.data(), sizeof(header));
  require_sound(header.magic == format::kMagic, "not a segment");
  require_sound(header.version == format::kVersion, "a version this program does not know");
  require_sound(header.total_size == size_, "truncated");
  constexpr std::size_t kSummedFrom = offsetof(format::Header, total_size);
  require_sound(check == Check::kStructureOnly || header.checksum == format::checksum(all.subspan(kSummedFrom)),
                "the checksum differs");
  require_sound(header.chunk_count <= format::kMaxChunks && header.dimension <= format::kMaxDimension, "a count");
  const auto section = [&](format::Section which) {
    const format::Range range = header.sections[which];
    require_sound(range.offset <= size_ && range.size <= size_ - range.offset, "a section lies outside");
    require_sound(range.offset % format::kSectionAlignment == 0, "a section is not aligned");
    return all.subspan(range.offset, range.size);
  };
  chunk_count_ = header.chunk_count;
  term_count_ = header.term_count;
  dimension_ = header.dimension;
  require_sound(header.vector_format <= 2, "the vector format");
  vector_format_ = static_cast<VectorFormat>(header.vector_format);
  ids_ = typed_section<ChunkId>(section(format::kIds));
  lengths_ = typed_section<std::uint32_t>(section(format::kLengths));
  doc_first_ = typed_section<std::uint32_t>(section(format::kDocFirst));
  doc_ends_ = typed_section<std::uint32_t>(section(format::kDocEnds));
  doc_names_ = text_section(section(format::kDocNames));
  term_slots_ = typed_section<std::uint32_t>(section(format::kTermSlots));
  terms_ = section(format::kTerms);
  term_names_ = text_section(section(format::kTermNames));
  postings_ = section(format::kPostings);
  scales_ = typed_section<float>(section(format::kScales));
  model_ = text_section(section(format::kModel));
  const std::span<const std::byte> vectors = section(format::kVectors);
  if (vector_format_ == VectorFormat::kInt8) int8_rows_ = typed_section<std::int8_t>(vectors);
  if (vector_format_ == VectorFormat::kFloat32) float_rows_ = typed_section<float>(vectors);
  require_sound(ids_.size() == chunk_count_ && lengths_.size() == chunk_count_, "the number of chunks");
  require_sound(doc_ends_.size() == header.document_count, "the number of documents");
  require_sound(terms_.size() == std::uint64_t{term_count_} * sizeof(format::TermEntry), "the number of terms");
}

void Segment::check_documents() const {
  require_sound(doc_first_.size() == doc_ends_.size() + 1, "the document ranges");
  require_sound(doc_first_.front() == 0 && doc_first_.back() == chunk_count_, "the document ranges");
  for (std::size_t d = 0; d + 1 < doc_first_.size(); ++d)
    require_sound(doc_first_[d] < doc_first_[d + 1], "a document range");
  std::uint32_t previous = 0;
  for (const std::uint32_t end : doc_ends_) {
    require_sound(previous <= end && end <= doc_names_.size(), "a document name");
    previous = end;
  }
  for (std::uint32_t d = 0; d + 1 < document_count(); ++d)
    require_sound(document_id(d) < document_id(d + 1), "the order of documents");
  for (const std::uint32_t length : lengths_) require_sound(length <= format::kMaxLength, "a chunk's length");
}

void Segment::check_terms() const {
  require_sound(std::has_single_bit(term_slots_.size()) && term_slots_.size() > term_count_, "the term table");
  std::size_t used = 0;
  for (const std::uint32_t slot : term_slots_) {
    require_sound(slot == format::kNoTerm || slot < term_count_, "a term slot");
    used += slot != format::kNoTerm ? 1 : 0;
  }
  require_sound(used < term_slots_.size(), "the term table is full");
  for (std::uint32_t number = 0; number < term_count_; ++number) {
    const format::TermEntry entry = term_entry(terms_, number);
    require_sound(entry.name_begin <= term_names_.size() && entry.name_size <= term_names_.size() - entry.name_begin,
                  "a term's name");
    check_postings(number);
  }
}

void Segment::check_postings(std::uint32_t number) const {
  const format::TermEntry entry = term_entry(terms_, number);
  require_sound(entry.postings_begin <= postings_.size(), "a posting list");
  require_sound(entry.document_frequency >= 1 && entry.document_frequency <= chunk_count_, "a document frequency");
  std::span<const std::byte> rest = postings_.subspan(entry.postings_begin);
  std::uint64_t next_ordinal = 0;
  PostingBlock block;
  for (std::uint32_t left = entry.document_frequency; left > 0;) {
    format::BlockHeader header{};
    require_sound(rest.size() >= sizeof(header), "a posting block");
    std::memcpy(&header, rest.data(), sizeof(header));
    const std::uint32_t count = std::uint32_t{header.last} + 1;
    const unsigned ow = header.ordinal_width;
    const unsigned fw = header.frequency_width;
    require_sound(count <= format::kBlockEntries && count <= left, "a posting block's size");
    require_sound((ow == 1 || ow == 2 || ow == 4) && (fw == 0 || fw == 1 || fw == 2 || fw == 4), "a posting width");
    const std::size_t bytes = sizeof(header) + std::size_t{count} * (ow + fw);
    require_sound(rest.size() >= bytes, "a posting block");
    PostingReader(rest.data(), count).next(block);
    for (std::size_t i = 0; i < count; ++i) {
      require_sound(
          block.ordinals[i] >= next_ordinal && block.ordinals[i] >= header.base && block.ordinals[i] < chunk_count_,
          "a posting");
      require_sound(block.frequencies[i] >= 1 && block.frequencies[i] <= format::kMaxLength, "a term frequency");
      next_ordinal = std::uint64_t{block.ordinals[i]} + 1;
    }
    rest = rest.subspan(bytes);
    left -= count;
  }
}

void Segment::check_vectors() const {
  const std::size_t cells = std::size_t{chunk_count_} * row_stride(dimension_);
  if (vector_format_ == VectorFormat::kNone) {
    require_sound(scales_.empty() && dimension_ == 0, "vectors without a format");
    return;
  }
  require_sound(dimension_ > 0 && scales_.size() == chunk_count_, "the vector scales");
  require_sound(int8_rows_.size() + float_rows_.size() == cells, "the number of vectors");
  for (const float scale : scales_) require_sound(std::isfinite(scale) && scale >= 0, "a vector scale");
  // -128 is never written and is what could overflow a query's bound.
  require_sound(std::find(int8_rows_.begin(), int8_rows_.end(), std::int8_t{-128}) == int8_rows_.end(), "a vector");
  for (const float x : float_rows_) require_sound(std::isfinite(x), "a vector");
}

std::string_view Segment::document_id(std::uint32_t document) const noexcept {
  const std::uint32_t begin = document == 0 ? 0 : doc_ends_[document - 1];
  return doc_names_.substr(begin, doc_ends_[document] - begin);
}

std::optional<std::uint32_t> Segment::find_document(std::string_view id) const noexcept {
  std::uint32_t low = 0;
  std::uint32_t high = document_count();
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (document_id(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == document_count() || document_id(low) != id) return std::nullopt;
  return low;
}

std::uint32_t Segment::document_of(std::uint32_t chunk) const noexcept {
  const auto after = std::upper_bound(doc_first_.begin(), doc_first_.end(), chunk);
  return static_cast<std::uint32_t>(after - doc_first_.begin()) - 1;
}

std::string_view Segment::term(std::uint32_t number) const noexcept {
  const format::TermEntry entry = term_entry(terms_, number);
  return term_names_.substr(entry.name_begin, entry.name_size);
}

std::optional<std::uint32_t> Segment::find_term(std::string_view name) const noexcept {
  const std::size_t mask = term_slots_.size() - 1;
  for (std::size_t i = format::hash_term(name) & mask;; i = (i + 1) & mask) {
    const std::uint32_t slot = term_slots_[i];
    if (slot == format::kNoTerm) return std::nullopt;
    if (term(slot) == name) return slot;
  }
}

std::uint32_t Segment::document_frequency(std::uint32_t number) const noexcept {
  return term_entry(terms_, number).document_frequency;
}

PostingReader Segment::postings(std::uint32_t number) const noexcept {
  const format::TermEntry entry = term_entry(terms_, number);
  return {postings_.data() + entry.postings_begin, entry.document_frequency};
}

std::vector<std::byte> encode_tombstones(const Bitmap& live) {
  std::vector<std::byte> bytes;
  bytes.reserve(live.words().size() * 8 + 8);
  const auto put = [&](std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<std::byte>(value >> shift & 0xFFU));
  };
  const Bitmap all(live.size(), true);
  for (std::size_t i = 0; i < live.words().size(); ++i) put(all.words()[i] & ~live.words()[i]);
  put(format::checksum(bytes));
  return bytes;
}

Bitmap decode_tombstones(std::span<const std::byte> bytes, std::uint32_t chunk_count) {
  const std::size_t words = (std::size_t{chunk_count} + 63) / 64;
  require_sound(bytes.size() == (words + 1) * 8, "the size of its tombstones");
  const auto word_at = [&](std::size_t at) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + at * 8, 8);
    return value;
  };
  require_sound(word_at(words) == format::checksum(bytes.first(words * 8)), "the checksum of its tombstones");
  Bitmap live(chunk_count, true);
  for (std::uint32_t chunk = 0; chunk < chunk_count; ++chunk)
    if ((word_at(chunk / 64) >> chunk % 64 & 1U) != 0) live.reset(chunk);
  return live;
}

}  // namespace nexus::search
