#include "search/analyzer.h"
#include "search/index.h"
#include "search/kernels.h"
#include "search/ranking.h"
#include "search/top.h"
#include "search/vectors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

namespace nexus::search {
namespace {

constexpr std::size_t kScanSlice = 2048;  // rows between two looks at the clock

// Buffers of one searching thread. They grow to the largest corpus it met and are reused, so that a search allocates
// nothing but its answer.
struct SearchScratch {
  TermList analyzed;
  std::vector<QueryTerm> terms;
  std::vector<float> weights;
  VectorQuery vector;
  std::vector<float> lexical;          // by slot
  std::vector<float> dense;            // by slot
  std::vector<std::uint64_t> visible;  // by slot, each segment from a fresh word
  std::vector<std::int32_t> dots_i32;
  std::vector<double> dots_f64;
  std::vector<Candidate> best_lexical;
  std::vector<Candidate> best_dense;
  std::vector<Candidate> fused;
  std::vector<std::uint32_t> slots;
  std::vector<std::uint32_t> numbers;  // of the terms in each segment, term by term
  std::vector<float> sample;
};

constexpr std::uint32_t kNoTerm = std::numeric_limits<std::uint32_t>::max();

[[nodiscard]] SearchScratch& search_scratch() {
  thread_local SearchScratch scratch;
  return scratch;
}

// A segment as this query sees it.
struct Part {
  const SegmentView* view;
  std::uint32_t base;         // its first slot
  const std::uint64_t* mask;  // null: every chunk is visible
  std::size_t visible;        // number of visible chunks
};

// Keeps the entries whose bit is set.
void keep_visible(PostingBlock& block, const std::uint64_t* mask) noexcept {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < block.size; ++i) {
    const std::uint32_t ordinal = block.ordinals[i];
    block.ordinals[kept] = ordinal;
    block.frequencies[kept] = block.frequencies[i];
    kept += mask[ordinal / 64] >> ordinal % 64 & 1U;
  }
  block.size = kept;
}

class Searcher {
 public:
  Searcher(const Snapshot& snapshot, const Query& query)
      : snapshot_(snapshot), query_(query), kernels_(best_kernels()), scratch_(search_scratch()) {}

  [[nodiscard]] std::vector<Hit> run() {
    select_parts();
    if (parts_.empty()) return {};
    if (query_.mode != Mode::kDense) score_lexical();
    if (query_.mode != Mode::kLexical && !query_.vector.empty()) score_dense();
    return answer();
  }

 private:
  void check_deadline() const {
    if (query_.deadline && std::chrono::steady_clock::now() >= *query_.deadline) throw SearchTimeout();
  }

  // Decides what this query may see before anything is scored.
  void select_parts() {
    scratch_.visible.clear();
    std::size_t words = 0;
    for (const SegmentView& view : snapshot_.segments()) words += (view.segment->chunk_count() + std::size_t{63}) / 64;
    scratch_.visible.reserve(words);  // the parts point into it
    std::uint32_t base = 0;
    for (const SegmentView& view : snapshot_.segments()) {
      const std::uint32_t chunks = view.segment->chunk_count();
      Part part{&view, base, nullptr, view.live_chunks};
      if (!query_.readable.all()) {
        mask_readable(view, part);
      } else if (view.live) {
        part.mask = view.live->words().data();
      }
      if (part.visible > 0) parts_.push_back(part);
      base += chunks;
    }
  }

  void mask_readable(const SegmentView& view, Part& part) {
    const Segment& segment = *view.segment;
    const std::size_t first_word = scratch_.visible.size();
    scratch_.visible.resize(first_word + (segment.chunk_count() + std::size_t{63}) / 64, 0);
    std::uint64_t* words = scratch_.visible.data() + first_word;
    for (std::uint32_t document = 0; document < segment.document_count(); ++document) {
      if (!query_.readable.contains((*view.document_ordinals)[document])) continue;
      for (std::uint32_t chunk = segment.first_chunk(document); chunk < segment.first_chunk(document + 1); ++chunk)
        words[chunk / 64] |= 1ULL << chunk % 64;
    }
    part.visible = 0;
    const std::size_t count = scratch_.visible.size() - first_word;
    for (std::size_t i = 0; i < count; ++i) {
      if (view.live) words[i] &= view.live->words()[i];
      part.visible += static_cast<std::size_t>(std::popcount(words[i]));
    }
    part.mask = words;
  }

  // In alphabetical order: sums do not depend on word order.
  void collect_terms() {
    analyze_query(query_.text, scratch_.analyzed);
    distinct_terms(scratch_.analyzed, scratch_.terms);
  }

  // Looks every term up once in every segment.
  void find_terms() {
    scratch_.numbers.clear();
    for (const QueryTerm& term : scratch_.terms)
      for (const SegmentView& view : snapshot_.segments())
        scratch_.numbers.push_back(view.segment->find_term(term.text).value_or(kNoTerm));
  }
  [[nodiscard]] std::uint32_t number_of(std::size_t term, std::size_t segment) const noexcept {
    return scratch_.numbers[term * snapshot_.segments().size() + segment];
  }

  // Live chunks of the whole corpus that hold the term, readable or not.
  [[nodiscard]] std::uint64_t live_frequency(std::size_t term) const {
    std::uint64_t total = 0;
    PostingBlock block;
    for (std::size_t i = 0; i < snapshot_.segments().size(); ++i) {
      const SegmentView& view = snapshot_.segments()[i];
      const std::uint32_t number = number_of(term, i);
      if (number == kNoTerm) continue;
      if (!view.live) {
        total += view.segment->document_frequency(number);
        continue;
      }
      for (PostingReader reader = view.segment->postings(number); reader.next(block);) {
        keep_visible(block, view.live->words().data());
        total += block.size;
      }
    }
    return total;
  }

  void score_lexical() {
    collect_terms();
    find_terms();
    scratch_.weights.clear();
    const Bm25 bm25({snapshot_.live_chunks(), snapshot_.live_length()});
    for (std::size_t i = 0; i < scratch_.terms.size(); ++i)
      scratch_.weights.push_back(bm25.weight(live_frequency(i), scratch_.terms[i].repetitions));
    scratch_.lexical.assign(snapshot_.slot_count(), 0.0F);
    PostingBlock block;
    for (const Part& part : parts_) {
      check_deadline();
      const Segment& segment = *part.view->segment;
      const auto place = static_cast<std::size_t>(part.view - snapshot_.segments().data());
      for (std::size_t i = 0; i < scratch_.terms.size(); ++i) {
        const std::uint32_t number = number_of(i, place);
        if (number == kNoTerm) continue;
        for (PostingReader reader = segment.postings(number); reader.next(block);) {
          if (part.mask != nullptr) keep_visible(block, part.mask);
          kernels_.add_bm25({block.ordinals.data(), block.size}, block.frequencies.data(), segment.lengths().data(),
                            scratch_.weights[i], bm25.flat(), bm25.slope(), scratch_.lexical.data() + part.base);
        }
      }
    }
    has_lexical_ = true;
  }

  [[nodiscard]] bool has_vectors(const Segment& segment) const noexcept {
    return segment.vector_format() != VectorFormat::kNone && segment.dimension() == query_.vector.size() &&
           (query_.model_id.empty() || segment.model_id() == query_.model_id);
  }

  void score_dense() {
    scratch_.vector.assign(query_.vector);
    if (!(scratch_.vector.float32_inverse_norm > 0)) return;
    scratch_.dense.assign(snapshot_.slot_count(), 0.0F);
    for (const Part& part : parts_) {
      const Segment& segment = *part.view->segment;
      if (!has_vectors(segment)) continue;
      has_dense_ = true;
      for (std::size_t begin = 0; begin < segment.chunk_count(); begin += kScanSlice) {
        check_deadline();
        const std::size_t end = std::min<std::size_t>(begin + kScanSlice, segment.chunk_count());
        if (part.mask == nullptr) {
          scan(segment, begin, end, scratch_.dense.data() + part.base);
        } else {
          scan_visible(segment, part.mask, begin, end, scratch_.dense.data() + part.base);
        }
      }
    }
  }

  // Runs of visible chunks: documents are contiguous, so runs are long.
  void scan_visible(const Segment& segment, const std::uint64_t* mask, std::size_t begin, std::size_t end, float* out) {
    while (begin < end) {
      const std::uint64_t rest = mask[begin / 64] >> begin % 64;
      if (rest == 0) {
        begin = (begin / 64 + 1) * 64;
        continue;
      }
      begin += static_cast<std::size_t>(std::countr_zero(rest));
      std::size_t stop = begin;
      while (stop < end) {
        const auto ones = static_cast<std::size_t>(std::countr_one(mask[stop / 64] >> stop % 64));
        const std::size_t to_word_end = 64 - stop % 64;
        stop += std::min(ones, to_word_end);
        if (ones < to_word_end) break;
      }
      stop = std::min(stop, end);
      scan(segment, begin, stop, out);
      begin = stop;
    }
  }

  // Positive cosines of the rows [begin, end); everything else stays 0.
  void scan(const Segment& segment, std::size_t begin, std::size_t end, float* out) {
    const std::size_t count = end - begin;
    const std::size_t stride = row_stride(segment.dimension());
    const float* scales = segment.scales().data();
    if (segment.vector_format() == VectorFormat::kInt8) {
      scratch_.dots_i32.resize(kScanSlice);
      kernels_.dot_i8(scratch_.vector.int16.data(), segment.int8_rows().data() + begin * stride, stride, count,
                      scratch_.dots_i32.data());
      const auto norm = static_cast<float>(scratch_.vector.int16_inverse_norm);
      for (std::size_t i = 0; i < count; ++i) {
        const float cosine = static_cast<float>(scratch_.dots_i32[i]) * norm * scales[begin + i];
        out[begin + i] = std::min(std::max(cosine, 0.0F), 1.0F);
      }
      return;
    }
    scratch_.dots_f64.resize(kScanSlice);
    kernels_.dot_f32(scratch_.vector.float32.data(), segment.float_rows().data() + begin * stride, stride, count,
                     scratch_.dots_f64.data());
    for (std::size_t i = 0; i < count; ++i) {
      const double cosine = scratch_.dots_f64[i] * scratch_.vector.float32_inverse_norm * double{scales[begin + i]};
      out[begin + i] = static_cast<float>(std::min(std::max(cosine, 0.0), 1.0));
    }
  }

  [[nodiscard]] const Part& part_of(std::uint32_t slot) const noexcept {
    const auto after = std::upper_bound(parts_.begin(), parts_.end(), slot,
                                        [](std::uint32_t value, const Part& part) { return value < part.base; });
    return *(after - 1);
  }
  [[nodiscard]] const ChunkId& chunk_id(std::uint32_t slot) const noexcept {
    const Part& part = part_of(slot);
    return part.view->segment->chunk_id(slot - part.base);
  }

  // Invisible slots have score 0 and are never looked at.
  [[nodiscard]] std::span<const Candidate> best(const std::vector<float>& scores, std::size_t k,
                                                std::vector<Candidate>& buffer) const {
    const auto before = [this](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : chunk_id(a.slot) < chunk_id(b.slot);
    };
    constexpr float kLeast = std::numeric_limits<float>::min();
    for (float start = likely_least(scores, k);; start = kLeast) {
      TopCollector collector(k, buffer, before);
      collector.start_at(start);
      for (std::size_t at = 0;; ++at) {
        at = kernels_.find_at_least(scores.data(), at, scores.size(), collector.least());
        if (at == scores.size()) break;
        collector.add({scores[at], static_cast<std::uint32_t>(at)});
      }
      if (start == kLeast || buffer.size() >= k) return collector.finish();
    }
  }

  // A score that somewhat more than k slots should reach, judged by a sample: most slots are then never collected. A
  // wrong guess costs a second pass, nothing else.
  [[nodiscard]] float likely_least(const std::vector<float>& scores, std::size_t k) const {
    constexpr std::size_t kSample = 512;
    constexpr float kLeast = std::numeric_limits<float>::min();
    if (scores.size() < 4 * kSample) return kLeast;
    const std::size_t stride = scores.size() / kSample;
    auto& sample = scratch_.sample;
    sample.clear();
    for (std::size_t i = 0; i < kSample; ++i) sample.push_back(scores[i * stride]);
    const std::size_t rank = 2 * k * kSample / scores.size() + 4;
    if (rank >= kSample) return kLeast;
    const auto nth = sample.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(sample.begin(), nth, sample.end(), std::greater<>());
    return std::max(*nth, kLeast);
  }

  [[nodiscard]] float lexical_of(std::uint32_t slot) const { return has_lexical_ ? scratch_.lexical[slot] : 0.0F; }
  [[nodiscard]] float dense_of(std::uint32_t slot) const { return has_dense_ ? scratch_.dense[slot] : 0.0F; }

  [[nodiscard]] std::vector<Hit> answer() {
    const std::size_t k = std::min(query_.k, kMaxResults);
    if (query_.mode == Mode::kDense) {
      if (!has_dense_) return {};
      return to_hits(best(scratch_.dense, k, scratch_.best_dense), 1.0F);
    }
    if (query_.mode == Mode::kLexical || !has_dense_) {
      const auto lexical = best(scratch_.lexical, k, scratch_.best_lexical);
      return to_hits(lexical, lexical.empty() ? 1.0F : lexical.front().score);
    }
    return to_hits(fuse(k), 1.0F);
  }

  // Fusion over the union of both sides' best, with exact scores on both sides.
  [[nodiscard]] std::span<const Candidate> fuse(std::size_t k) {
    const std::size_t pool = std::max(kCandidates, k);
    const auto lexical = best(scratch_.lexical, pool, scratch_.best_lexical);
    const auto dense = best(scratch_.dense, pool, scratch_.best_dense);
    auto& slots = scratch_.slots;
    slots.clear();
    for (const Candidate& candidate : lexical) slots.push_back(candidate.slot);
    for (const Candidate& candidate : dense) slots.push_back(candidate.slot);
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
    const Fusion fusion(query_.alpha, lexical.empty() ? 0.0F : lexical.front().score,
                        dense.empty() ? 0.0F : dense.front().score);
    const auto before = [this](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : chunk_id(a.slot) < chunk_id(b.slot);
    };
    TopCollector collector(k, scratch_.fused, before);
    for (const std::uint32_t slot : slots) {
      const float score = fusion.score(scratch_.lexical[slot], scratch_.dense[slot]);
      if (score > 0) collector.add({score, slot});
    }
    return collector.finish();
  }

  [[nodiscard]] std::vector<Hit> to_hits(std::span<const Candidate> candidates, float divisor) const {
    std::vector<Hit> hits;
    hits.reserve(candidates.size());
    for (const Candidate& candidate : candidates) {
      const Part& part = part_of(candidate.slot);
      const Segment& segment = *part.view->segment;
      const std::uint32_t chunk = candidate.slot - part.base;
      const std::uint32_t document = segment.document_of(chunk);
      hits.push_back({segment.chunk_id(chunk), std::string(segment.document_id(document)), candidate.score / divisor,
                      lexical_of(candidate.slot), dense_of(candidate.slot)});
    }
    // Different sums may become one score when they are divided; ties go by id.
    std::sort(hits.begin(), hits.end(),
              [](const Hit& a, const Hit& b) { return a.score != b.score ? a.score > b.score : a.chunk < b.chunk; });
    return hits;
  }

  const Snapshot& snapshot_;
  const Query& query_;
  const Kernels& kernels_;
  SearchScratch& scratch_;
  std::vector<Part> parts_;
  bool has_lexical_ = false;
  bool has_dense_ = false;
};

}  // namespace

std::vector<Hit> Snapshot::search(const Query& query) const {
  if (query.readable.space() != space_) throw std::invalid_argument("the readable documents belong to another index");
  if (query.k == 0) throw std::invalid_argument("k must be at least 1");
  if (!(query.alpha >= 0 && query.alpha <= 1)) throw std::invalid_argument("alpha must be between 0 and 1");
  return Searcher(*this, query).run();
}

}  // namespace nexus::search
