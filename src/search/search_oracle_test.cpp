// 100,000 random searches against a plain implementation that shares no code with the index but the analysis of words.
#include "search/index.h"
#include "search/test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <set>
#include <string>

namespace nexus::search {
namespace {

using Random = std::mt19937;

struct OracleChunk {
  TestChunk source;
  bool live = true;
  std::map<std::string, int> terms = {};
  double length = 0;
  std::vector<double> vector = {};  // as it is stored
};

struct Scored {
  std::uint64_t id;
  double score, lexical, dense;
};

std::size_t below(Random& random, std::size_t bound) {
  return random() % bound;
}

std::vector<float> random_vector(Random& random, std::size_t dimension) {
  std::vector<float> vector(dimension);
  for (float& x : vector) x = static_cast<float>(below(random, 5)) - 2.0F;  // small integers: zeros and ties happen
  return vector;
}

std::string random_text(Random& random, std::size_t most) {
  static const std::vector<std::string> words{"alpha", "beta", "gamma",   "delta",    "omega",
                                              "the",   "of",   "running", "Caf\u00e9"};
  std::string text;
  for (std::size_t left = below(random, most + 1); left > 0; --left) text += words[below(random, words.size())] + " ";
  return text;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double cosine(const std::vector<double>& a, const std::vector<double>& b) {
  const double norms = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return norms > 0 ? std::clamp(dot(a, b) / norms, 0.0, 1.0) : 0.0;
}

// What is left of a vector in the segment's format.
std::vector<double> stored(const std::vector<float>& vector, VectorFormat format) {
  if (format == VectorFormat::kFloat32 || vector.empty()) return {vector.begin(), vector.end()};
  std::vector<std::int8_t> row(row_stride(vector.size()));
  (void)quantize_int8(vector, row);
  return {row.begin(), row.begin() + static_cast<std::ptrdiff_t>(vector.size())};
}

// What is left of a query when it meets such vectors: sixteen bits a component against eight.
std::vector<double> asked(const std::vector<float>& vector, VectorFormat format) {
  std::vector<double> query(vector.begin(), vector.end());
  double largest = 0;
  for (const double x : query) largest = std::max(largest, std::abs(x));
  if (format == VectorFormat::kFloat32 || largest == 0) return query;
  for (double& x : query) x = std::round(32767 * x / largest);
  return query;
}

class Oracle {
 public:
  explicit Oracle(const std::vector<OracleChunk>& chunks) : chunks_(chunks) {
    for (const OracleChunk& chunk : chunks_) {
      if (!chunk.live) continue;
      live_ += 1;
      total_length_ += chunk.length;
      for (const auto& entry : chunk.terms) frequency_[entry.first] += 1;
    }
  }

  [[nodiscard]] double bm25(const OracleChunk& chunk, const TermList& query) const {
    double sum = 0;
    for (std::size_t i = 0; i < query.size(); ++i) {
      const auto term = chunk.terms.find(std::string(query[i]));
      if (term == chunk.terms.end()) continue;
      const double holders = frequency_.at(term->first);
      const double idf = std::log(1 + (live_ - holders + 0.5) / (holders + 0.5));
      const double average = total_length_ / live_;
      const double norm = 1.2 * (0.25 + (average > 0 ? 0.75 * chunk.length / average : 0.0));
      sum += idf * term->second * 2.2 / (term->second + norm);
    }
    return sum;
  }

  [[nodiscard]] std::vector<Scored> search(const TermList& query, const std::vector<double>& vector,
                                           const std::set<std::string>& readable, Mode mode, double alpha) const {
    std::vector<Scored> scored;
    double best_lexical = 0;
    double best_dense = 0;
    for (const OracleChunk& chunk : chunks_) {
      if (!chunk.live || !readable.contains(chunk.source.document)) continue;
      const double dense = chunk.vector.empty() || mode == Mode::kLexical ? 0.0 : cosine(chunk.vector, vector);
      scored.push_back({chunk.source.id, 0, mode == Mode::kDense ? 0.0 : bm25(chunk, query), dense});
      best_lexical = std::max(best_lexical, scored.back().lexical);
      best_dense = std::max(best_dense, dense);
    }
    const bool has_dense = mode != Mode::kLexical && dot(vector, vector) > 0;
    for (Scored& s : scored) {
      const double lexical = best_lexical > 0 ? s.lexical / best_lexical : 0;
      if (mode == Mode::kDense) {
        s.score = s.dense;
      } else if (!has_dense) {
        s.score = lexical;
      } else {
        s.score = (1 - alpha) * lexical + (best_dense > 0 ? alpha * s.dense / best_dense : 0.0);
      }
    }
    std::erase_if(scored, [](const Scored& s) { return s.score <= 0; });
    std::sort(scored.begin(), scored.end(),
              [](const Scored& a, const Scored& b) { return a.score != b.score ? a.score > b.score : a.id < b.id; });
    return scored;
  }

 private:
  const std::vector<OracleChunk>& chunks_;
  std::map<std::string, double> frequency_;
  double live_ = 0;
  double total_length_ = 0;
};

std::uint64_t number_of(const ChunkId& id) {
  return std::uint64_t{id.bytes[14]} << 8U | id.bytes[15];
}

// A random corpus in several segments, changed and merged at random, and the same as plain data.
struct RandomCorpus {
  CorpusIndex index;
  std::vector<OracleChunk> chunks;
  std::size_t dimension;
  VectorFormat format;

  RandomCorpus(Random& random, std::size_t most_chunks)
      : dimension(1 + below(random, 6)), format(below(random, 2) == 0 ? VectorFormat::kInt8 : VectorFormat::kFloat32) {
    std::uint64_t next_id = 1;
    std::vector<std::string> keys;
    for (std::size_t segments = 1 + below(random, 3); segments > 0; --segments) {
      if (below(random, 3) == 0) remove("d" + std::to_string(below(random, 6)));
      SegmentBuilder builder({format, dimension, "m"});
      for (std::size_t left = below(random, most_chunks) + 1; left > 0; --left) {
        const std::size_t document = below(random, 7);
        const std::uint64_t id = next_id + below(random, 2) * 300;
        next_id += 1;
        if (std::any_of(chunks.begin(), chunks.end(), [&](const OracleChunk& c) { return c.source.id == id; }))
          continue;
        add(builder, {id, document == 6 ? "" : "d" + std::to_string(document), random_text(random, 8),
                      below(random, 8) == 0 ? std::vector<float>{} : random_vector(random, dimension)});
      }
      keys.push_back("s" + std::to_string(segments));
      index.add_segment({keys.back(), Segment::open(builder.finish())});
    }
    if (below(random, 3) == 0) remove("d" + std::to_string(below(random, 6)));
    std::erase_if(keys, [&](const std::string& key) { return index.snapshot()->find(key) == nullptr; });
    if (!keys.empty() && below(random, 3) == 0) index.finish_merge(keys, {"merged", Segment::open(index.merge(keys))});
  }

  void add(SegmentBuilder& builder, TestChunk source) {
    builder.add(ChunkId::of_number(source.id), source.document, source.text, source.vector);
    OracleChunk chunk{std::move(source)};
    TermList terms;
    chunk.length = static_cast<double>(analyze_document(chunk.source.text, terms));
    for (std::size_t i = 0; i < terms.size(); ++i) ++chunk.terms[std::string(terms[i])];
    chunk.vector = stored(chunk.source.vector, format);
    chunks.push_back(std::move(chunk));
  }

  void remove(const std::string& document) {
    index.remove_document(document);
    for (OracleChunk& chunk : chunks)
      if (chunk.source.document == document) chunk.live = false;
  }
};

void expect_same(const std::vector<Hit>& hits, const std::vector<Scored>& expected, std::size_t k) {
  ASSERT_EQ(hits.size(), std::min(k, expected.size()));
  for (std::size_t i = 0; i < hits.size(); ++i) {
    ASSERT_NEAR(hits[i].score, expected[i].score, 1e-5);
    const auto same = std::find_if(expected.begin(), expected.end(),
                                   [&](const Scored& s) { return s.id == number_of(hits[i].chunk); });
    ASSERT_NE(same, expected.end()) << "a chunk that may not be found";
    ASSERT_NEAR(hits[i].score, same->score, 1e-5);
    ASSERT_NEAR(hits[i].lexical, same->lexical, 1e-4);
    ASSERT_NEAR(hits[i].dense, same->dense, 1e-5);
    if (i > 0 && hits[i].score == hits[i - 1].score) {
      ASSERT_LT(hits[i - 1].chunk, hits[i].chunk);
    }
  }
}

void search_once(Random& random, const RandomCorpus& corpus, const Oracle& oracle) {
  const auto snapshot = corpus.index.snapshot();
  std::set<std::string> readable{""};
  std::vector<std::string> listed;
  for (int d = 0; d < 6; ++d) {
    if (below(random, 2) == 0) continue;
    listed.push_back("d" + std::to_string(d));
    readable.insert(listed.back());
  }
  bool everything = below(random, 5) == 0;
  if (everything) readable = {"", "d0", "d1", "d2", "d3", "d4", "d5"};
  const bool with_no_document = everything || below(random, 3) != 0;
  if (!with_no_document) readable.erase("");
  const ReadableOrdinals proof = everything ? ReadableDocumentsTestPeer::everything(*snapshot)
                                            : ReadableDocumentsTestPeer::only(*snapshot, listed, with_no_document);
  const std::string text = random_text(random, 5);
  TermList terms;
  analyze_query(text, terms);
  const std::vector<float> vector = random_vector(random, corpus.dimension);
  const Mode mode = std::array{Mode::kHybrid, Mode::kHybrid, Mode::kDense, Mode::kLexical}[below(random, 4)];
  const float alpha = static_cast<float>(below(random, 11)) / 10.0F;
  const std::size_t k = 1 + below(random, 12);
  const auto hits = snapshot->search(
      {.text = text, .vector = vector, .model_id = "m", .k = k, .mode = mode, .alpha = alpha, .readable = proof});
  expect_same(hits, oracle.search(terms, asked(vector, corpus.format), readable, mode, alpha), k);
}

TEST(SearchOracle, AgreesOnAHundredThousandRandomSearches) {
  Random random(20'240'601);
  for (int corpora = 0; corpora < 2000 && !::testing::Test::HasFailure(); ++corpora) {
    const RandomCorpus corpus(random, 14);
    const Oracle oracle(corpus.chunks);
    for (int searches = 0; searches < 50 && !::testing::Test::HasFailure(); ++searches)
      search_once(random, corpus, oracle);
  }
}

// More chunks than both sides' candidates together: dense and lexical rankings must be exact at any size.
TEST(SearchOracle, AgreesOnLargerCorporaInEitherMode) {
  Random random(7);
  for (int corpora = 0; corpora < 4; ++corpora) {
    const RandomCorpus corpus(random, 80);
    const Oracle oracle(corpus.chunks);
    const auto snapshot = corpus.index.snapshot();
    const ReadableOrdinals all = ReadableDocumentsTestPeer::everything(*snapshot);
    const std::set<std::string> readable{"", "d0", "d1", "d2", "d3", "d4", "d5"};
    for (int searches = 0; searches < 50; ++searches) {
      const std::string text = random_text(random, 5);
      TermList terms;
      analyze_query(text, terms);
      const std::vector<float> vector = random_vector(random, corpus.dimension);
      for (const Mode mode : {Mode::kDense, Mode::kLexical}) {
        const auto hits = snapshot->search({.text = text, .vector = vector, .k = 500, .mode = mode, .readable = all});
        expect_same(hits, oracle.search(terms, asked(vector, corpus.format), readable, mode, 0.5), 500);
      }
    }
  }
}

}  // namespace
}  // namespace nexus::search
