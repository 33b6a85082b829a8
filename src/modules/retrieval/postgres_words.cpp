#include "modules/retrieval/postgres_words.h"

#include "search/analyzer.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace nexus::retrieval::postgres {
namespace {

// Sums of floats in another order than the scores'.
constexpr float kRounding = 1 - 1e-4F;
// Fewer, and the best among them say little about what the rest must reach.
constexpr std::int64_t kFirstRowsPerHit = 10;
// Each statement reads so many times more: what the one before found lets less through.
constexpr std::int64_t kStepGrowth = 3;
constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

/// The best so far.
class Best {
 public:
  explicit Best(std::size_t count) : count_(count) {}

  void add(const search::ChunkId& chunk, std::string_view document, float score) {
    if (hits_.size() == count_) {
      if (!before(score, chunk, hits_.front())) return;
      std::pop_heap(hits_.begin(), hits_.end(), better);
      hits_.pop_back();
    }
    hits_.push_back({chunk, std::string(document), score});
    std::push_heap(hits_.begin(), hits_.end(), better);
  }
  /// What a chunk must score to get in; 0: anything.
  [[nodiscard]] float least() const { return hits_.size() < count_ ? 0.0F : hits_.front().score; }
  [[nodiscard]] std::vector<WordHit> sorted() && {
    std::sort_heap(hits_.begin(), hits_.end(), better);
    return std::move(hits_);
  }

 private:
  static bool before(float score, const search::ChunkId& chunk, const WordHit& other) {
    return score != other.score ? score > other.score : chunk < other.chunk;
  }
  static bool better(const WordHit& a, const WordHit& b) { return before(a.score, a.chunk, b); }

  std::size_t count_;
  std::vector<WordHit> hits_;  // a heap, the worst in front
};

}  // namespace

Words::Words(std::string_view question) {
  search::TermList analyzed;
  std::vector<search::QueryTerm> terms;
  search::analyze_query(question, analyzed);
  search::distinct_terms(analyzed, terms);
  for (const search::QueryTerm& term : terms) {
    terms_.emplace_back(term.text);
    repetitions_.push_back(term.repetitions);
  }
}

void Words::weigh(const CorpusRow& corpus) {
  if (corpus.statistics.chunks == 0) return;
  bm25_.emplace(corpus.statistics);
  number_ = corpus.number;
  chunks_ = static_cast<std::int64_t>(corpus.statistics.chunks);
  holders_ = corpus.holders;
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    weights_.push_back(bm25_->weight(holders_.at(i), repetitions_[i]));
    tsqueries_.push_back(tsquery_text(lexeme(number_, terms_[i])));
    if (holders_[i] > 0) by_weight_.push_back(i);
  }
  std::stable_sort(by_weight_.begin(), by_weight_.end(),
                   [&](std::size_t a, std::size_t b) { return weights_[a] > weights_[b]; });
}

float Words::score(std::string_view frequencies, std::uint32_t length) const {
  float sum = 0;
  std::size_t i = 0;
  for (PackedTerms packed(frequencies); i < weights_.size() && packed.next();) {
    int order = -1;
    while (i < weights_.size() && (order = std::string_view(terms_[i]).compare(packed.term())) < 0) ++i;
    if (i < weights_.size() && order == 0) sum += bm25_->gain(weights_[i++], packed.count(), length);
  }
  return sum;
}

std::vector<WordHit> Words::best(db::Snapshot& db, const PostgresIndexRepository& rows, const ReadableFilter& readable,
                                 std::size_t count, const Limits& limits) const {
  Best best(count);
  std::int64_t left = limits.most_rows;
  std::int64_t step = std::max(limits.first_rows, static_cast<std::int64_t>(count) * kFirstRowsPerHit);
  for (std::size_t seen = 0; seen < by_weight_.size(); step *= kStepGrowth) {
    if (limits.deadline && std::chrono::steady_clock::now() >= *limits.deadline) throw search::SearchTimeout();
    const float least = best.least() * kRounding;
    if (rest(seen) < least) break;
    // The first word is always read, however many hold it.
    const bool enough = seen == 0 || chunks_ <= limits.most_rows;
    const std::size_t end = next_end(seen, step, enough ? kAnyNumber : left);
    if (end == seen) break;
    if (const std::string wanted = tsquery(seen, end, least); !wanted.empty())
      left -= rows.each_holder(db, number_, readable, wanted, left, [&](const Holder& holder) {
        if (const float found = score(holder.frequencies, holder.length); found > 0)
          best.add(holder.chunk, holder.document_id, found);
      });
    if (left <= 0) break;
    seen = end;
  }
  return std::move(best).sorted();
}

std::size_t Words::next_end(std::size_t seen, std::int64_t step, std::int64_t left) const {
  std::int64_t sum = 0;
  std::size_t end = seen;
  for (; end < by_weight_.size(); ++end) {
    sum += static_cast<std::int64_t>(holders_[by_weight_[end]]);
    if (sum > left || (sum > step && end > seen)) break;
  }
  return end;
}

float Words::rest(std::size_t from) const {
  float sum = 0;
  for (std::size_t i = from; i < by_weight_.size(); ++i) sum += weights_[by_weight_[i]];
  return sum;
}

std::string Words::tsquery(std::size_t seen, std::size_t end, float least) const {
  // Pairs of words; of a whole page of them any word will do. Larger combinations let fewer chunks through, but the
  // index then takes longer to weigh each.
  const std::size_t words = by_weight_.size() - seen;
  std::string out = alternatives(seen, end, least, words <= 64 ? 2 : 1);
  if (out.empty() || seen == 0) return out;
  out = "(" + out + ") & !(";
  for (std::size_t i = 0; i < seen; ++i) out += (i == 0 ? "" : " | ") + tsqueries_[by_weight_[i]];
  return out + ")";
}

std::string Words::alternatives(std::size_t from, std::size_t end, float least, int depth) const {
  std::string out;
  for (std::size_t i = from; i < end && rest(i) >= least; ++i) {
    const std::size_t word = by_weight_[i];
    if (!out.empty()) out += " | ";
    out += tsqueries_[word];
    if (least <= weights_[word] || depth == 1) continue;
    // rest(i) is enough, so there are others, and together they are.
    out += " & (" + alternatives(i + 1, by_weight_.size(), least - weights_[word], depth - 1) + ")";
  }
  return out;
}

}  // namespace nexus::retrieval::postgres
