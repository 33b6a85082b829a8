#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "search/index.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::retrieval {

/// One retrieved chunk with what a citation needs.
struct Passage {
  std::string chunk_id;
  std::string text;
  double score = 0;      ///< fused, [0,1], descending
  double lexical = 0;    ///< BM25 part before fusion
  double dense = 0;      ///< cosine
  std::string source;    ///< chunks.document_uri
  std::string metadata;  ///< chunks.metadata_json, as stored
  std::optional<std::string> document_id;
  std::optional<std::int64_t> document_version;
  std::optional<std::int64_t> start_byte;  ///< span in the document's text of that version
  std::optional<std::int64_t> end_byte;
};

/// A corpus's parsed `provider_config_json` (contract 02 §6.1), plus our own optional keys.
struct CorpusConfig {
  std::string provider = "local_pgvector";
  std::int64_t top_k_default = 5;
  search::Mode mode = search::Mode::kHybrid;  ///< retrieval.mode
  std::optional<double> alpha;                ///< retrieval.alpha: weight of the dense side
  bool structured_chunking = false;           ///< chunking.mode == "structured"
};

}  // namespace nexus::retrieval
