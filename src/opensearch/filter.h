#pragma once

#include "opensearch/options.h"
#include "search/readable.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nexus::opensearch {

/// Whose chunks, and which of them.
struct Scope {
  std::string_view tenant;
  std::string_view corpus;
};

/// The clauses that every chunk of this corpus must fulfil, as a JSON array. Tenant and corpus only: for statistics.
[[nodiscard]] std::string corpus_clauses(const Scope& scope);

/// The same with what may be read: a list of document ids, or a list of those that must not be. A list longer than
/// SearchOptions::max_filter_ids goes as `attributes` that the reader holds (any of them fits), and without attributes
/// it is Error{kTooLarge}: asking without the filter and dropping hits later would lose recall without a word. Empty
/// when nothing may be read: then nothing is asked.
/// The server's answer is not trusted with this alone: every hit is checked against `readable` again.
[[nodiscard]] std::optional<std::string> readable_clauses(const Scope& scope, const search::ReadableDocuments& readable,
                                                          std::span<const std::string> attributes,
                                                          const SearchOptions& options);

}  // namespace nexus::opensearch
