#pragma once

#include "json/json.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace nexus::opensearch {

/// The k-NN half of one search. Borrowed.
struct DenseQuery {
  std::string_view field;
  std::span<const float> vector;
  std::size_t k = 0;        ///< nearest neighbours wanted
  std::string_view filter;  ///< JSON: an array of clauses that all must hold; applied while the graph is walked
};

/// What differs between the two families of servers: everything else here is the API that they inherited together.
struct Dialect {
  std::string_view name;   ///< "opensearch", "elasticsearch"
  bool index_knn_setting;  ///< new indexes need `index.knn: true`
  std::size_t largest_k;   ///< most neighbours that a query may ask for
  /// Writes the mapping of one vector field (an object): HNSW, cosine.
  void (*write_mapping)(json::Writer& w, std::size_t dimension);
  /// Writes the members that make a search body a k-NN search, after what the body has in common.
  void (*write_dense)(json::Writer& w, const DenseQuery& query);
};

/// The dialect of the server that answered `GET /` with this body: OpenSearch 2+ or Elasticsearch 8+. Throws
/// opensearch::Error{kUnsupported} for others, and kBadAnswer for what is no such answer.
[[nodiscard]] const Dialect& dialect_of(std::string_view root_answer);

/// Numbers as JSON; shortest form that reads back the same float.
void write_floats(json::Writer& w, std::span<const float> vector);

}  // namespace nexus::opensearch
