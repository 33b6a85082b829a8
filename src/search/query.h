// What is asked of an index, and what comes back.
#pragma once

#include "search/chunk_id.h"
#include "search/readable.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::search {

enum class Mode { kHybrid, kDense, kLexical };

using SearchDeadline = std::chrono::steady_clock::time_point;

class SearchTimeout : public std::runtime_error {
 public:
  SearchTimeout() : std::runtime_error("the search took longer than its deadline") {}
};

struct Query {
  std::string_view text;
  std::span<const float> vector;  // empty: no dense side
  std::string_view model_id;      // of `vector`; segments of another model have no dense side
  std::size_t k = 5;
  Mode mode = Mode::kHybrid;
  float alpha = 0.5F;  // share of the dense side in kHybrid, 0..1; Embedder::fusion_weight()
  const ReadableOrdinals& readable;
  std::optional<SearchDeadline> deadline = {};
};

struct Hit {
  ChunkId chunk;
  std::string document_id;  // "" : no document
  float score = 0;          // 0..1; kDense: the cosine, else relative to the best of this search
  float lexical = 0;        // BM25
  float dense = 0;          // cosine, 0 when not above it
};

}  // namespace nexus::search
