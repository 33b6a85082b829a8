#include "opensearch/dialect.h"

#include "opensearch/answers.h"
#include "opensearch/error.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace nexus::opensearch {
namespace {

/// Neighbours that a node looks at before it answers with k of them: more is slower and finds more.
constexpr std::size_t kElasticBreadth = 2;

void opensearch_mapping(json::Writer& w, std::size_t dimension) {
  w.begin_object().field("type", "knn_vector").field("dimension", static_cast<std::int64_t>(dimension));
  w.key("method").begin_object().field("name", "hnsw").field("engine", "lucene").field("space_type", "cosinesimil");
  w.key("parameters").begin_object().field("m", 16).field("ef_construction", 128).end_object();
  w.end_object().end_object();
}

void opensearch_dense(json::Writer& w, const DenseQuery& query) {
  w.key("query").begin_object().key("knn").begin_object().key(query.field).begin_object();
  w.key("vector");
  write_floats(w, query.vector);
  w.field("k", static_cast<std::int64_t>(query.k));
  w.key("filter").begin_object().key("bool").begin_object().key("filter").raw(query.filter);
  w.end_object().end_object().end_object().end_object().end_object();
}

void elastic_mapping(json::Writer& w, std::size_t dimension) {
  w.begin_object().field("type", "dense_vector").field("dims", static_cast<std::int64_t>(dimension));
  w.field("index", true).field("similarity", "cosine");
  w.key("index_options").begin_object().field("type", "hnsw").field("m", 16).field("ef_construction", 128);
  w.end_object().end_object();
}

void elastic_dense(json::Writer& w, const DenseQuery& query) {
  w.key("knn").begin_object().field("field", query.field).key("query_vector");
  write_floats(w, query.vector);
  w.field("k", static_cast<std::int64_t>(query.k));
  w.field("num_candidates", static_cast<std::int64_t>(query.k * kElasticBreadth));
  w.key("filter").raw(query.filter).end_object();
}

constexpr Dialect kOpenSearch{"opensearch", true, 10'000, opensearch_mapping, opensearch_dense};
constexpr Dialect kElasticsearch{"elasticsearch", false, 5'000, elastic_mapping, elastic_dense};

/// The number before the first dot; 0 when there is none.
int major_version(std::string_view number) {
  int major = 0;
  std::from_chars(number.data(), number.data() + number.size(), major);
  return major;
}

}  // namespace

void write_floats(json::Writer& w, std::span<const float> vector) {
  std::string numbers = "[";
  std::array<char, 32> digits{};
  for (const float x : vector) {
    if (numbers.size() > 1) numbers.push_back(',');
    const std::to_chars_result end = std::to_chars(digits.data(), digits.data() + digits.size(), x);
    numbers.append(digits.data(), end.ptr);
  }
  numbers.push_back(']');
  w.raw(numbers);
}

const Dialect& dialect_of(std::string_view root_answer) {
  const boost::json::value root = parse_answer(root_answer);
  const boost::json::object& version = object_at(root, "version");
  const std::string number = text_at(version, "number");
  const std::string distribution = text_or(version, "distribution", "elasticsearch");
  if (distribution == kOpenSearch.name && major_version(number) >= 2) return kOpenSearch;
  if (distribution == kElasticsearch.name && major_version(number) >= 8) return kElasticsearch;
  throw Error(ErrorKind::kUnsupported, "neither OpenSearch 2 nor Elasticsearch 8 or newer answered");
}

}  // namespace nexus::opensearch
