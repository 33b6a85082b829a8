#pragma once

#include "cli/commands.h"
#include "opensearch/maintenance.h"

#include <optional>
#include <string>

namespace nexus::cli {

/// The two commands on what the caller has put together; they return an exit code and throw what Maintenance throws.
/// A second signal aside, they end early when `stop` says so, and report what was done.
[[nodiscard]] int search_index_rebuild(const Globals& globals, const SearchIndexOptions& options,
                                       opensearch::Maintenance& work, const std::stop_token& stop);
[[nodiscard]] int search_index_verify(const Globals& globals, const SearchIndexOptions& options,
                                      opensearch::Maintenance& work, const std::stop_token& stop);

[[nodiscard]] std::string rebuild_json(const opensearch::RebuildReport& report);
[[nodiscard]] std::string rebuild_text(const opensearch::RebuildReport& report);
[[nodiscard]] std::string verify_json(const opensearch::VerifyReport& report);
[[nodiscard]] std::string verify_text(const opensearch::VerifyReport& report);

}  // namespace nexus::cli
