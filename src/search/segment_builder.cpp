#include "search/segment_builder.h"

#include "search/segment_format.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace nexus::search {
namespace {

// Lays sections out behind a header.
class SegmentBytes {
 public:
  SegmentBytes() : bytes_(sizeof(format::Header)) {}

  template <class T>
  void put_section(format::Section which, std::span<const T> values) {
    bytes_.resize((bytes_.size() + format::kSectionAlignment - 1) / format::kSectionAlignment *
                  format::kSectionAlignment);
    const auto raw = std::as_bytes(values);
    header_.sections[which] = {bytes_.size(), raw.size()};
    bytes_.insert(bytes_.end(), raw.begin(), raw.end());
  }

  [[nodiscard]] format::Header& header() noexcept { return header_; }

  [[nodiscard]] std::vector<std::byte> seal() {
    header_.magic = format::kMagic;
    header_.version = format::kVersion;
    header_.total_size = bytes_.size();
    std::memcpy(bytes_.data(), &header_, sizeof(header_));
    header_.checksum = format::checksum(std::span(bytes_).subspan(offsetof(format::Header, total_size)));
    std::memcpy(bytes_.data(), &header_, sizeof(header_));
    return std::move(bytes_);
  }

 private:
  format::Header header_{};
  std::vector<std::byte> bytes_;
};

[[nodiscard]] std::uint8_t width_of(std::uint32_t largest) noexcept {
  if (largest <= 0xFF) return 1;
  return largest <= 0xFFFF ? 2 : 4;
}

void put_number(std::vector<std::byte>& out, std::uint32_t value, std::uint8_t width) {
  for (unsigned i = 0; i < width; ++i) out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
}

[[nodiscard]] std::uint16_t saturate(std::uint32_t value) noexcept {
  return static_cast<std::uint16_t>(std::min<std::uint32_t>(value, 0xFFFF));
}

struct NumberedPosting {
  std::uint32_t ordinal;
  std::uint32_t frequency;
};

void put_block(std::vector<std::byte>& out, std::span<const NumberedPosting> block,
               std::span<const std::uint32_t> lengths) {
  format::BlockHeader header{};
  header.base = block.front().ordinal;
  header.last = static_cast<std::uint8_t>(block.size() - 1);
  std::uint32_t max_frequency = 0;
  std::uint32_t min_length = std::numeric_limits<std::uint32_t>::max();
  for (const NumberedPosting& posting : block) {
    max_frequency = std::max(max_frequency, posting.frequency);
    min_length = std::min(min_length, lengths[posting.ordinal]);
  }
  header.ordinal_width = width_of(block.back().ordinal - header.base);
  header.frequency_width = max_frequency == 1 ? std::uint8_t{0} : width_of(max_frequency);
  header.max_frequency = saturate(max_frequency);
  header.min_length = saturate(min_length);
  const auto raw = std::as_bytes(std::span(&header, 1));
  out.insert(out.end(), raw.begin(), raw.end());
  for (const NumberedPosting& posting : block) put_number(out, posting.ordinal - header.base, header.ordinal_width);
  for (const NumberedPosting& posting : block) put_number(out, posting.frequency, header.frequency_width);
}

[[nodiscard]] std::vector<std::uint32_t> place_terms(std::span<const std::string_view> names) {
  std::vector<std::uint32_t> slots(std::bit_ceil(names.size() * 2 + 1), format::kNoTerm);
  for (std::uint32_t number = 0; number < names.size(); ++number) {
    std::size_t i = format::hash_term(names[number]) & (slots.size() - 1);
    while (slots[i] != format::kNoTerm) i = (i + 1) & (slots.size() - 1);
    slots[i] = number;
  }
  return slots;
}

// Rows of `stride` cells in a new order.
template <class T>
[[nodiscard]] std::vector<T> reorder_rows(std::span<const T> rows, std::size_t stride,
                                          std::span<const std::uint32_t> order) {
  std::vector<T> result;
  result.reserve(rows.size());
  if (rows.empty()) return result;
  for (const std::uint32_t chunk : order) {
    const auto row = rows.subspan(chunk * stride, stride);
    result.insert(result.end(), row.begin(), row.end());
  }
  return result;
}

[[nodiscard]] std::uint32_t fit_u32(std::size_t size) {
  if (size > std::numeric_limits<std::uint32_t>::max()) throw std::length_error("a search segment is too large");
  return static_cast<std::uint32_t>(size);
}

}  // namespace

SegmentBuilder::SegmentBuilder(SegmentOptions options)
    : options_(std::move(options)), stride_(row_stride(options_.dimension)) {
  const bool wants_vectors = options_.vector_format != VectorFormat::kNone;
  if (wants_vectors != (options_.dimension > 0) || options_.dimension > format::kMaxDimension)
    throw std::invalid_argument("the vector format does not fit the dimension");
}

std::uint32_t SegmentBuilder::document_number(std::string_view id) {
  const auto known = document_numbers_.find(id);
  if (known != document_numbers_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(documents_.size());
  documents_.emplace_back(id);
  document_numbers_.emplace(documents_.back(), number);
  return number;
}

std::vector<SegmentBuilder::Posting>& SegmentBuilder::postings_of(std::string_view term) {
  const auto known = terms_.find(term);
  return known != terms_.end() ? known->second : terms_[std::string(term)];
}

// Appends a chunk whose vector, if any, the caller then writes into the zeroed row.
void SegmentBuilder::add_row(const BuiltChunk& chunk) {
  if (chunks_.size() >= format::kMaxChunks) throw std::length_error("a search segment has too many chunks");
  chunks_.push_back(chunk);
  if (options_.vector_format == VectorFormat::kNone) return;
  scales_.push_back(0.0F);
  if (options_.vector_format == VectorFormat::kInt8) int8_rows_.resize(chunks_.size() * stride_);
  if (options_.vector_format == VectorFormat::kFloat32) float_rows_.resize(chunks_.size() * stride_);
}

void SegmentBuilder::add(const ChunkId& id, std::string_view document_id, std::string_view text,
                         std::span<const float> vector) {
  if (!vector.empty() && vector.size() != options_.dimension)
    throw std::invalid_argument("a chunk's vector does not have the segment's dimension");
  const std::size_t length = analyze_document(text, scratch_);
  const auto ordinal = static_cast<std::uint32_t>(chunks_.size());
  add_row({id, document_number(document_id), fit_u32(std::min<std::size_t>(length, format::kMaxLength))});
  sorted_scratch_.clear();
  for (std::size_t i = 0; i < scratch_.size(); ++i) sorted_scratch_.push_back(scratch_[i]);
  std::sort(sorted_scratch_.begin(), sorted_scratch_.end());
  for (std::size_t begin = 0; begin < sorted_scratch_.size();) {
    std::size_t end = begin + 1;
    while (end < sorted_scratch_.size() && sorted_scratch_[end] == sorted_scratch_[begin]) ++end;
    postings_of(sorted_scratch_[begin]).push_back({ordinal, fit_u32(end - begin)});
    begin = end;
  }
  if (vector.empty()) return;
  if (options_.vector_format == VectorFormat::kInt8)
    scales_.back() = quantize_int8(vector, std::span(int8_rows_).last(stride_));
  if (options_.vector_format == VectorFormat::kFloat32)
    scales_.back() = copy_float32(vector, std::span(float_rows_).last(stride_));
}

// Chunks by (document id, order of add); fills the documents' numbers by ascending id.
std::vector<std::uint32_t> SegmentBuilder::chunk_order(std::vector<std::uint32_t>& documents_by_name) const {
  documents_by_name.resize(documents_.size());
  std::iota(documents_by_name.begin(), documents_by_name.end(), 0U);
  std::sort(documents_by_name.begin(), documents_by_name.end(),
            [&](std::uint32_t a, std::uint32_t b) { return documents_[a] < documents_[b]; });
  std::vector<std::uint32_t> rank(documents_.size());
  for (std::uint32_t i = 0; i < documents_by_name.size(); ++i) rank[documents_by_name[i]] = i;
  std::vector<std::uint32_t> order(chunks_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return rank[chunks_[a].document] < rank[chunks_[b].document];
  });
  return order;
}

std::vector<std::byte> SegmentBuilder::finish() {
  std::vector<std::uint32_t> by_name;
  const std::vector<std::uint32_t> order = chunk_order(by_name);
  std::vector<std::uint32_t> ordinal_of(order.size());
  std::vector<ChunkId> ids;
  std::vector<std::uint32_t> lengths;
  std::vector<std::uint32_t> doc_first{0};
  for (std::uint32_t ordinal = 0; ordinal < order.size(); ++ordinal) {
    const BuiltChunk& chunk = chunks_[order[ordinal]];
    ordinal_of[order[ordinal]] = ordinal;
    ids.push_back(chunk.id);
    lengths.push_back(chunk.length);
    if (ordinal > 0 && chunk.document != chunks_[order[ordinal - 1]].document) doc_first.push_back(ordinal);
  }
  if (!order.empty()) doc_first.push_back(fit_u32(order.size()));

  std::string doc_names;
  std::vector<std::uint32_t> doc_ends;
  for (const std::uint32_t document : by_name) {
    doc_names += documents_[document];
    doc_ends.push_back(fit_u32(doc_names.size()));
  }

  std::vector<std::string_view> names;
  for (const auto& entry : terms_) names.push_back(entry.first);
  std::sort(names.begin(), names.end());
  std::string term_names;
  std::vector<format::TermEntry> entries;
  std::vector<std::byte> postings;
  std::vector<NumberedPosting> numbered;
  for (const std::string_view name : names) {
    const std::vector<Posting>& list = terms_.find(name)->second;
    numbered.clear();
    for (const Posting& posting : list) numbered.push_back({ordinal_of[posting.chunk], posting.frequency});
    std::sort(numbered.begin(), numbered.end(),
              [](const NumberedPosting& a, const NumberedPosting& b) { return a.ordinal < b.ordinal; });
    entries.push_back(
        {fit_u32(term_names.size()), fit_u32(name.size()), fit_u32(postings.size()), fit_u32(numbered.size())});
    term_names += name;
    const std::span<const NumberedPosting> all(numbered);
    for (std::size_t at = 0; at < all.size(); at += format::kBlockEntries)
      put_block(postings, all.subspan(at, std::min(format::kBlockEntries, all.size() - at)), lengths);
  }

  SegmentBytes out;
  format::Header& header = out.header();
  header.vector_format = static_cast<std::uint32_t>(options_.vector_format);
  header.chunk_count = fit_u32(order.size());
  header.document_count = fit_u32(by_name.size());
  header.term_count = fit_u32(names.size());
  header.dimension = fit_u32(options_.dimension);
  out.put_section<ChunkId>(format::kIds, ids);
  out.put_section<std::uint32_t>(format::kLengths, lengths);
  out.put_section<std::uint32_t>(format::kDocFirst, doc_first);
  out.put_section<std::uint32_t>(format::kDocEnds, doc_ends);
  out.put_section<char>(format::kDocNames, doc_names);
  out.put_section<std::uint32_t>(format::kTermSlots, place_terms(names));
  out.put_section<format::TermEntry>(format::kTerms, entries);
  out.put_section<char>(format::kTermNames, term_names);
  out.put_section<std::byte>(format::kPostings, postings);
  out.put_section<float>(format::kScales, reorder_rows<float>(scales_, 1, order));
  if (options_.vector_format == VectorFormat::kInt8)
    out.put_section<std::int8_t>(format::kVectors, reorder_rows<std::int8_t>(int8_rows_, stride_, order));
  if (options_.vector_format == VectorFormat::kFloat32)
    out.put_section<float>(format::kVectors, reorder_rows<float>(float_rows_, stride_, order));
  out.put_section<char>(format::kModel, options_.model_id);
  *this = SegmentBuilder(options_);
  return out.seal();
}

void SegmentBuilder::copy_chunks(const Segment& from, const Bitmap* live) {
  constexpr std::uint32_t kDead = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> new_number(from.chunk_count(), kDead);
  for (std::uint32_t document = 0; document < from.document_count(); ++document) {
    for (std::uint32_t chunk = from.first_chunk(document); chunk < from.first_chunk(document + 1); ++chunk) {
      if (live != nullptr && !live->test(chunk)) continue;
      new_number[chunk] = static_cast<std::uint32_t>(chunks_.size());
      add_row({from.chunk_id(chunk), document_number(from.document_id(document)), from.lengths()[chunk]});
      if (options_.vector_format == VectorFormat::kNone) continue;
      scales_.back() = from.scales()[chunk];
      const auto copy_row = [&](auto rows, auto& to) {
        const auto row = rows.subspan(chunk * stride_, stride_);
        std::copy(row.begin(), row.end(), to.end() - static_cast<std::ptrdiff_t>(stride_));
      };
      if (options_.vector_format == VectorFormat::kInt8) copy_row(from.int8_rows(), int8_rows_);
      if (options_.vector_format == VectorFormat::kFloat32) copy_row(from.float_rows(), float_rows_);
    }
  }
  PostingBlock block;
  for (std::uint32_t term = 0; term < from.term_count(); ++term) {
    std::vector<Posting>* list = nullptr;
    for (PostingReader reader = from.postings(term); reader.next(block);) {
      for (std::size_t i = 0; i < block.size; ++i) {
        const std::uint32_t chunk = new_number[block.ordinals[i]];
        if (chunk == kDead) continue;
        if (list == nullptr) list = &postings_of(from.term(term));
        list->push_back({chunk, block.frequencies[i]});
      }
    }
  }
}

std::vector<std::byte> merge_segments(std::span<const MergeInput> inputs) {
  if (inputs.empty()) throw std::invalid_argument("nothing to merge");
  const Segment& first = *inputs.front().segment;
  SegmentBuilder builder({first.vector_format(), first.dimension(), std::string(first.model_id())});
  for (const MergeInput& input : inputs) {
    const Segment& segment = *input.segment;
    if (segment.vector_format() != first.vector_format() || segment.dimension() != first.dimension() ||
        segment.model_id() != first.model_id())
      throw std::invalid_argument("segments of different models cannot be merged");
    builder.copy_chunks(segment, input.live.get());
  }
  return builder.finish();
}

}  // namespace nexus::search
