#include "search/eval.h"

#include "search/segment_builder.h"
#include "text/utf8.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <random>
#include <stdexcept>

namespace nexus::search {
namespace {

using JsonLine = boost::json::object;

void for_each_line(const std::filesystem::path& path, const std::function<void(const JsonLine&)>& use) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    try {
      use(boost::json::parse(line).as_object());
    } catch (const std::exception& e) {
      throw std::runtime_error(path.string() + ":" + std::to_string(number) + ": " + e.what());
    }
  }
}

[[nodiscard]] std::string string_field(const JsonLine& line, std::string_view name) {
  const boost::json::value* value = line.if_contains(name);
  return value == nullptr ? std::string() : std::string(std::string_view(value->as_string()));
}

[[nodiscard]] double discount(std::size_t rank) {
  return 1.0 / std::log2(static_cast<double>(rank) + 2.0);
}

[[nodiscard]] std::uint32_t document_number(const Hit& hit) {
  std::uint32_t number = 0;
  for (std::size_t i = 12; i < 16; ++i) number = number << 8U | hit.chunk.bytes[i];
  return number;
}

[[nodiscard]] double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0.0 : sum / static_cast<double>(values.size());
}

}  // namespace

JudgedCollection::JudgedCollection(const std::filesystem::path& dir, const embed::Embedder& embedder,
                                   const EvalOptions& options)
    : embedder_(embedder), alpha_(options.alpha.value_or(embedder.fusion_weight())) {
  load_documents(dir / "docs.jsonl", options.vector_format);
  load_queries(dir / "queries.jsonl", dir / "qrels.jsonl");
}

void JudgedCollection::load_documents(const std::filesystem::path& path, VectorFormat format) {
  SegmentBuilder builder({format, embedder_.dimension(), std::string(embedder_.model_id())});
  std::vector<float> vector(embedder_.dimension());
  for_each_line(path, [&](const JsonLine& line) {
    const std::string id = string_field(line, "id");
    const std::string joined = string_field(line, "title") + "\n" + string_field(line, "text");
    const std::string_view text = text::trim(joined);
    const auto number = static_cast<std::uint32_t>(numbers_.size());
    if (!numbers_.emplace(id, number).second) throw std::runtime_error("document id given twice");
    embedder_.embed(text, vector);
    builder.add(ChunkId::of_number(number), id, text, vector);
  });
  index_.add_segment({"judged", Segment::open(builder.finish())});
}

void JudgedCollection::load_queries(const std::filesystem::path& queries, const std::filesystem::path& judgements) {
  std::map<std::string, std::size_t, std::less<>> places;
  for_each_line(queries, [&](const JsonLine& line) {
    places.emplace(string_field(line, "id"), queries_.size());
    queries_.push_back({string_field(line, "text"), {}});
  });
  for_each_line(judgements, [&](const JsonLine& line) {
    const auto place = places.find(string_field(line, "qid"));
    const auto document = numbers_.find(string_field(line, "docid"));
    const auto gain = line.at("rel").to_number<double>();
    if (place == places.end() || gain <= 0) return;
    // A judged document that is not in the collection still counts in the ideal ranking.
    const auto number = document == numbers_.end()
                            ? static_cast<std::uint32_t>(numbers_.size() + queries_[place->second].gains.size())
                            : document->second;
    queries_[place->second].gains[number] = gain;
  });
  std::erase_if(queries_, [](const JudgedQuery& query) { return query.gains.empty(); });
}

EvalScores JudgedCollection::measure(Mode mode) const {
  const auto snapshot = index_.snapshot();
  const ReadableOrdinals readable = ReadableOrdinals::everything(snapshot->documents());
  EvalScores scores;
  std::vector<double> recalls;
  std::vector<float> vector(embedder_.dimension());
  for (const JudgedQuery& query : queries_) {
    embedder_.embed(query.text, vector);
    const auto hits = snapshot->search({.text = query.text,
                                        .vector = vector,
                                        .model_id = embedder_.model_id(),
                                        .k = 100,
                                        .mode = mode,
                                        .alpha = alpha_,
                                        .readable = readable});
    double gained = 0;
    double found = 0;
    for (std::size_t rank = 0; rank < hits.size(); ++rank) {
      const auto gain = query.gains.find(document_number(hits[rank]));
      if (gain == query.gains.end()) continue;
      found += 1;
      if (rank < 10) gained += gain->second * discount(rank);
    }
    std::vector<double> ideal;
    for (const auto& entry : query.gains) ideal.push_back(entry.second);
    std::sort(ideal.begin(), ideal.end(), std::greater<>());
    double best = 0;
    for (std::size_t rank = 0; rank < std::min<std::size_t>(10, ideal.size()); ++rank)
      best += ideal[rank] * discount(rank);
    scores.ndcg_by_query.push_back(gained / best);
    recalls.push_back(found / static_cast<double>(query.gains.size()));
  }
  scores.ndcg_at_10 = mean(scores.ndcg_by_query);
  scores.recall_at_100 = mean(recalls);
  return scores;
}

EvalResult JudgedCollection::evaluate() const {
  EvalResult result;
  result.documents = numbers_.size();
  result.queries = queries_.size();
  result.lexical = measure(Mode::kLexical);
  result.dense = measure(Mode::kDense);
  result.hybrid = measure(Mode::kHybrid);
  return result;
}

double JudgedCollection::paired_p(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) throw std::invalid_argument("paired figures must be of the same queries");
  constexpr std::size_t kFlips = 20'000;
  double observed = 0;
  for (std::size_t i = 0; i < a.size(); ++i) observed += a[i] - b[i];
  std::mt19937_64 random(42);
  std::size_t as_large = 0;
  for (std::size_t round = 0; round < kFlips; ++round) {
    double sum = 0;
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (i % 64 == 0) bits = random();
      sum += (bits >> i % 64 & 1U) != 0 ? a[i] - b[i] : b[i] - a[i];
    }
    if (std::abs(sum) >= std::abs(observed) - 1e-12) ++as_large;
  }
  return static_cast<double>(as_large + 1) / static_cast<double>(kFlips + 1);
}

}  // namespace nexus::search
