#pragma once

#include "config/settings.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Values that several settings decide together: the rule exists once, here.
namespace nexus::config {

/// Rows live in SQLite inside this process (DATABASE_URL is empty or names SQLite).
[[nodiscard]] bool is_embedded(const Settings& settings);
[[nodiscard]] bool is_production(const Settings& settings);
/// The listener can only be reached from this machine.
[[nodiscard]] bool listens_on_loopback(const Settings& settings);

/// File of the embedded database: the path of DATABASE_URL, else DATA_DIR/nexusrag.db. ":memory:" stays as it is.
[[nodiscard]] std::filesystem::path sqlite_path(const Settings& settings);
[[nodiscard]] std::filesystem::path secrets_dir(const Settings& settings);
[[nodiscard]] std::filesystem::path models_dir(const Settings& settings);
[[nodiscard]] std::filesystem::path spool_dir(const Settings& settings);

/// Bulkhead sizes: the override when it is set and not zero.
[[nodiscard]] std::int64_t run_concurrency(const Settings& settings);
[[nodiscard]] std::int64_t ingest_concurrency(const Settings& settings);

/// Thread counts with 0 resolved for a machine of `cores` (0 counts as 1).
[[nodiscard]] std::int64_t io_threads(const Settings& settings, unsigned cores);
[[nodiscard]] std::int64_t db_lane_threads(const Settings& settings, unsigned cores);
[[nodiscard]] std::int64_t sqlite_readers(const Settings& settings, unsigned cores);

/// Items of a comma list, trimmed, without empty ones.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text);

}  // namespace nexus::config
