// Measures ranking on a judged collection: DIR/docs.jsonl {id,title,text}, queries.jsonl {id,text},
// qrels.jsonl {qid,docid,rel}. A document is one chunk, `title + "\n" + text`.
#pragma once

#include "embed/embedder.h"
#include "search/index.h"
#include "search/query.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nexus::search {

struct EvalScores {
  double ndcg_at_10 = 0;              // linear gain, log2 discount, ideal over all judged documents
  double recall_at_100 = 0;           // share of the relevant documents among the first 100
  std::vector<double> ndcg_by_query;  // in the order of the queries, for paired tests
};

struct EvalResult {
  std::size_t documents = 0;
  std::size_t queries = 0;  // with at least one relevant document
  EvalScores lexical, dense, hybrid;
};

struct EvalOptions {
  VectorFormat vector_format = VectorFormat::kInt8;
  std::optional<float> alpha;  // default: the embedder's fusion_weight()
};

// A collection loaded and indexed in memory.
class JudgedCollection {
 public:
  // Throws std::runtime_error when a file is missing or not as described, with file and line.
  JudgedCollection(const std::filesystem::path& dir, const embed::Embedder& embedder, const EvalOptions& options = {});

  [[nodiscard]] EvalResult evaluate() const;

  // Two-sided p of the null hypothesis that both lists of per-query figures have the same mean: sign-flip permutation
  // test, 20,000 fixed pseudo-random flips. Throws std::invalid_argument when the sizes differ.
  [[nodiscard]] static double paired_p(const std::vector<double>& a, const std::vector<double>& b);

 private:
  struct JudgedQuery {
    std::string text;
    std::map<std::uint32_t, double> gains;  // by document number, only positive ones
  };
  [[nodiscard]] EvalScores measure(Mode mode) const;
  void load_documents(const std::filesystem::path& path, VectorFormat format);
  void load_queries(const std::filesystem::path& queries, const std::filesystem::path& judgements);

  const embed::Embedder& embedder_;
  float alpha_;
  CorpusIndex index_;
  std::map<std::string, std::uint32_t, std::less<>> numbers_;
  std::vector<JudgedQuery> queries_;
};

}  // namespace nexus::search
