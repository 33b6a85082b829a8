#include "opensearch/scoring.h"

#include "base/encoding.h"
#include "search/kernels.h"
#include "search/vectors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <set>
#include <unordered_map>

namespace nexus::opensearch {
namespace {

class LexicalScorer {
 public:
  LexicalScorer(const TermStatistics& statistics, std::span<const QuestionTerm> terms) : bm25_(statistics.corpus) {
    for (std::size_t i = 0; i < terms.size() && i < statistics.holders.size(); ++i) {
      weights_.push_back(bm25_.weight(statistics.holders[i], terms[i].repetitions));
      places_.emplace(terms[i].text, i);
    }
  }

  [[nodiscard]] float operator()(const Candidate& chunk) {
    count(chunk.terms);
    float score = 0;
    for (std::size_t i = 0; i < weights_.size(); ++i)
      if (frequencies_[i] > 0) score += bm25_.gain(weights_[i], frequencies_[i], chunk.length);
    return score;
  }

 private:
  void count(std::string_view terms) {
    frequencies_.assign(weights_.size(), 0U);
    while (!terms.empty()) {
      const std::size_t end = std::min(terms.find(' '), terms.size());
      const auto place = places_.find(terms.substr(0, end));
      if (place != places_.end()) ++frequencies_[place->second];
      terms.remove_prefix(std::min(end + 1, terms.size()));
    }
  }

  search::Bm25 bm25_;
  std::vector<float> weights_;  // by place of the term
  std::vector<std::uint32_t> frequencies_;
  std::unordered_map<std::string_view, std::size_t> places_;
};

/// Positive cosines between the question and packed vectors of its model, in the steps of the in-memory index.
class DenseScorer {
 public:
  explicit DenseScorer(const Asked& asked)
      : model_(asked.model_id),
        dimension_(asked.vector.size()),
        stride_(search::row_stride(asked.vector.size())),
        kernels_(search::best_kernels()) {
    query_.assign(asked.vector);
  }

  [[nodiscard]] bool comparable(const Candidate& chunk) const {
    return dimension_ > 0 && !chunk.packed.empty() && chunk.model == model_;
  }

  [[nodiscard]] float operator()(const Candidate& chunk) {
    if (!comparable(chunk)) return 0;
    const auto bytes = base64_decode(std::string_view(chunk.packed).substr(1));
    if (!bytes) return 0;
    switch (chunk.packed.front()) {
      case 'i':
        return cosine_int8(*bytes);
      case 'f':
        return cosine_float(*bytes);
      default:
        return 0;
    }
  }

 private:
  [[nodiscard]] float cosine_int8(std::span<const std::byte> bytes) {
    if (bytes.size() != dimension_) return 0;
    int8_.assign(stride_, 0);
    std::memcpy(int8_.data(), bytes.data(), bytes.size());
    std::int64_t squares = 0;
    for (const std::int8_t x : int8_) squares += std::int64_t{x} * x;
    if (squares == 0) return 0;
    const auto scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(squares)));
    std::int32_t dot = 0;
    kernels_.dot_i8(query_.int16.data(), int8_.data(), stride_, 1, &dot);
    const float cosine = static_cast<float>(dot) * static_cast<float>(query_.int16_inverse_norm) * scale;
    return std::clamp(cosine, 0.0F, 1.0F);
  }

  [[nodiscard]] float cosine_float(std::span<const std::byte> bytes) {
    if (bytes.size() != dimension_ * sizeof(float)) return 0;
    floats_.resize(dimension_);
    std::memcpy(floats_.data(), bytes.data(), bytes.size());
    row_.resize(stride_);
    const float scale = search::copy_float32(floats_, row_);
    double dot = 0;
    kernels_.dot_f32(query_.float32.data(), row_.data(), stride_, 1, &dot);
    return static_cast<float>(std::clamp(dot * query_.float32_inverse_norm * double{scale}, 0.0, 1.0));
  }

  std::string_view model_;
  std::size_t dimension_;
  std::size_t stride_;
  const search::Kernels& kernels_;
  search::VectorQuery query_;
  std::vector<std::int8_t> int8_;
  std::vector<float> floats_;
  std::vector<float> row_;
};

}  // namespace

Scored score(const SearchAnswer& found, const Asked& asked) {
  LexicalScorer lexical(found.statistics, asked.terms);
  DenseScorer dense(asked);
  std::set<search::ChunkId> seen;
  Scored out;
  for (const std::vector<Candidate>* side : {&found.lexical, &found.dense}) {
    for (const Candidate& chunk : *side) {
      if (!seen.insert(chunk.id).second) continue;
      out.has_dense = out.has_dense || dense.comparable(chunk);
      out.chunks.push_back({chunk.id, chunk.document, lexical(chunk), dense(chunk)});
    }
  }
  return out;
}

}  // namespace nexus::opensearch
