#pragma once

#include "modules/ingestion/chunks_repository.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::ingestion {

inline constexpr std::string_view kIngestJob = "ingest";

/// What an ingestion job needs to know; everything else is read from the document's row.
struct IngestPayload {
  std::string document_id;
  std::optional<std::int64_t> chunk_size_chars;
  std::optional<std::int64_t> chunk_overlap_chars;
  bool is_reindex = false;
};
[[nodiscard]] std::string payload(const IngestPayload& in);

struct ChunkSizes {
  std::int64_t size = 0;
  std::int64_t overlap = 0;
};
/// The sizes that apply: what is not given comes from the defaults, and a default overlap never exceeds an eighth of a
/// given size (a given one, also 0, stands as it is).
[[nodiscard]] ChunkSizes chunk_sizes(std::optional<std::int64_t> size, std::optional<std::int64_t> overlap,
                                     ChunkSizes defaults);

}  // namespace nexus::ingestion
