#include "search/ranking.h"

#include "search/analyzer.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace nexus::search {
namespace {

bool better(const Hit& a, const Hit& b) {
  return a.score != b.score ? a.score > b.score : a.chunk < b.chunk;
}

// The first `count` by one side's score, ties by id; what does not match is left out.
std::vector<std::size_t> best_of(const std::vector<ScoredChunk>& candidates, float ScoredChunk::*side,
                                 std::size_t count) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (candidates[i].*side > 0) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const float left = candidates[a].*side;
    const float right = candidates[b].*side;
    return left != right ? left > right : candidates[a].chunk < candidates[b].chunk;
  });
  if (order.size() > count) order.resize(count);
  return order;
}

Hit hit_of(ScoredChunk& candidate, float score, bool with_lexical, bool with_dense) {
  return {candidate.chunk, std::move(candidate.document_id), score, with_lexical ? candidate.lexical : 0.0F,
          with_dense ? candidate.dense : 0.0F};
}

}  // namespace

Bm25::Bm25(const CorpusStatistics& corpus) noexcept : chunks_(static_cast<double>(corpus.chunks)) {
  const double average = static_cast<double>(corpus.length) / chunks_;
  slope_ = average > 0 ? static_cast<float>(double{kK1} * double{kB} / average) : 0.0F;
}

float Bm25::weight(std::uint64_t holders, std::uint32_t repetitions) const noexcept {
  const auto holding = static_cast<double>(holders);
  const double idf = std::log(1.0 + (chunks_ - holding + 0.5) / (holding + 0.5));
  return static_cast<float>(idf * (double{kK1} + 1.0) * repetitions);
}

float Bm25::gain(float weight, std::uint32_t frequency, std::uint32_t length) const noexcept {
  const auto tf = static_cast<float>(frequency);
  return weight * tf / (tf + (flat() + slope_ * static_cast<float>(length)));
}

void distinct_terms(const TermList& analyzed, std::vector<QueryTerm>& out) {
  out.clear();
  for (std::size_t i = 0; i < analyzed.size(); ++i) out.push_back({analyzed[i], 1});
  std::sort(out.begin(), out.end(), [](const QueryTerm& a, const QueryTerm& b) { return a.text < b.text; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (kept > 0 && out[kept - 1].text == out[i].text) {
      ++out[kept - 1].repetitions;
    } else {
      out[kept++] = out[i];
    }
  }
  out.resize(kept);
}

std::vector<Hit> rank(std::vector<ScoredChunk> candidates, Mode mode, bool has_dense, float alpha, std::size_t k) {
  std::vector<Hit> hits;
  const std::size_t pool = std::max(kCandidates, k);
  if (mode == Mode::kDense) {
    if (!has_dense) return hits;
    for (const std::size_t i : best_of(candidates, &ScoredChunk::dense, k))
      hits.push_back(hit_of(candidates[i], candidates[i].dense, false, true));
    return hits;
  }
  const std::vector<std::size_t> lexical = best_of(candidates, &ScoredChunk::lexical, pool);
  const float best_lexical = lexical.empty() ? 0.0F : candidates[lexical.front()].lexical;
  if (mode == Mode::kLexical || !has_dense) {
    for (std::size_t i = 0; i < std::min(k, lexical.size()); ++i) {
      ScoredChunk& candidate = candidates[lexical[i]];
      hits.push_back(hit_of(candidate, candidate.lexical / best_lexical, true, false));
    }
    std::sort(hits.begin(), hits.end(), better);  // different sums may become one score when they are divided
    return hits;
  }
  const std::vector<std::size_t> dense = best_of(candidates, &ScoredChunk::dense, pool);
  const Fusion fusion(alpha, best_lexical, dense.empty() ? 0.0F : candidates[dense.front()].dense);
  std::vector<std::size_t> both = lexical;
  both.insert(both.end(), dense.begin(), dense.end());
  std::sort(both.begin(), both.end());
  both.erase(std::unique(both.begin(), both.end()), both.end());
  for (const std::size_t i : both) {
    const float score = fusion.score(candidates[i].lexical, candidates[i].dense);
    if (score > 0) hits.push_back(hit_of(candidates[i], score, true, true));
  }
  std::sort(hits.begin(), hits.end(), better);
  if (hits.size() > k) hits.resize(k);
  return hits;
}

}  // namespace nexus::search
