#include "config/derived.h"

#include "base/encoding.h"
#include "config/settings_table.h"

#include <algorithm>

namespace nexus::config {
namespace {

constexpr std::string_view kSqliteScheme = "sqlite:";

std::filesystem::path in_data_dir(const Settings& settings, std::string_view name) {
  return std::filesystem::path(settings.get(kDataDir)) / name;
}

}  // namespace

bool is_embedded(const Settings& settings) {
  const std::string_view url = ascii_trim(settings.get(kDatabaseUrl));
  return url.empty() || ascii_iequals(url.substr(0, kSqliteScheme.size()), kSqliteScheme);
}

bool is_production(const Settings& settings) {
  return settings.get(kNexusragEnv) == "production";
}

bool listens_on_loopback(const Settings& settings) {
  const std::string host = ascii_lower(ascii_trim(settings.get(kListenHost)));
  if (host == "localhost" || host == "::1" || host == "[::1]") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
}

std::filesystem::path sqlite_path(const Settings& settings) {
  std::string_view path = ascii_trim(settings.get(kDatabaseUrl));
  if (!path.empty() && is_embedded(settings)) path.remove_prefix(kSqliteScheme.size());
  if (path.starts_with("//")) path.remove_prefix(2);
  return path.empty() ? in_data_dir(settings, "nexusrag.db") : std::filesystem::path(path);
}

std::filesystem::path secrets_dir(const Settings& settings) {
  return in_data_dir(settings, "secrets");
}

std::filesystem::path models_dir(const Settings& settings) {
  const auto folder = settings.get(kModelsDir);
  return folder ? std::filesystem::path(*folder) : in_data_dir(settings, "models");
}

std::filesystem::path spool_dir(const Settings& settings) {
  const auto folder = settings.get(kSpoolDir);
  return folder ? std::filesystem::path(*folder) : in_data_dir(settings, "spool");
}

std::int64_t run_concurrency(const Settings& settings) {
  const std::int64_t over = settings.get(kRunBulkheadMaxConcurrency).value_or(0);
  return over > 0 ? over : settings.get(kRunMaxConcurrency);
}

std::int64_t ingest_concurrency(const Settings& settings) {
  const std::int64_t over = settings.get(kIngestBulkheadMaxConcurrency).value_or(0);
  return over > 0 ? over : settings.get(kIngestMaxConcurrency);
}

std::int64_t io_threads(const Settings& settings, unsigned cores) {
  const std::int64_t given = settings.get(kHttpIoThreads);
  return given > 0 ? given : std::max<std::int64_t>(1, cores / 8);
}

std::int64_t db_lane_threads(const Settings& settings, unsigned cores) {
  const std::int64_t given = settings.get(kLaneDbThreads);
  return given > 0 ? given : std::clamp<std::int64_t>(std::int64_t{2} * std::max(cores, 1U), 2, 32);
}

std::int64_t sqlite_readers(const Settings& settings, unsigned cores) {
  const std::int64_t given = settings.get(kSqliteReaders);
  return given > 0 ? given : db_lane_threads(settings, cores);
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view item = ascii_trim(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    if (comma == std::string_view::npos) return items;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace nexus::config
