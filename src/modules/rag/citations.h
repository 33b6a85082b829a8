#pragma once

#include "json/json.h"
#include "modules/retrieval/ports.h"

#include <string>
#include <string_view>

namespace nexus::rag {

/// Appends one citation object: `source`, `score`, `metadata` as the contract has them, then ours: which chunk and
/// document version, the byte span in the document's text, the SHA-256 of the cited text and an excerpt of it.
void append_citation(json::Writer& writer, const retrieval::Passage& passage);

/// At most `max_chars` code points from the start, cut at a word.
[[nodiscard]] std::string excerpt(std::string_view text, std::size_t max_chars);

}  // namespace nexus::rag
