#include "db/open.h"

#include "db/sqlite/sqlite_database.h"

#include <fmt/format.h>

#include <string>

namespace nexus::db {
namespace {

using OpenEngine = std::unique_ptr<Database> (*)(std::string_view rest, const OpenOptions&, const Clock&,
                                                 observe::Metrics&);

/// One row per scheme; an engine is a folder and a row.
struct EngineRow {
  std::string_view scheme;
  OpenEngine open;  // null: the scheme is known and the engine is not in this build
};

std::string sqlite_path(std::string_view rest) {
  if (!rest.starts_with("//")) return std::string(rest);
  rest.remove_prefix(2);
  if (!rest.starts_with('/')) {
    throw Error(ErrorCode::kUnavailable, "a sqlite URL has no host: write sqlite:PATH or sqlite:///ABSOLUTE/PATH");
  }
  return std::string(rest);
}

std::unique_ptr<Database> open_sqlite_url(std::string_view rest, const OpenOptions& options, const Clock& clock,
                                          observe::Metrics& metrics) {
  SqliteOptions sqlite{.path = sqlite_path(rest)};
  if (sqlite.path.empty()) throw Error(ErrorCode::kUnavailable, "a sqlite URL needs a path: sqlite:PATH");
  if (options.readers > 0) sqlite.readers = options.readers;
  if (options.write_queue > 0) sqlite.write_queue = options.write_queue;
  if (options.busy_limit_ms > 0) sqlite.busy_limit = std::chrono::milliseconds(options.busy_limit_ms);
  if (options.mmap_bytes >= 0) sqlite.mmap_bytes = options.mmap_bytes;
  if (options.cache_kib > 0) sqlite.cache_kib = options.cache_kib;
  if (options.group_jobs > 0) sqlite.group_jobs = options.group_jobs;
  if (options.checkpoint_pages > 0) sqlite.checkpoint_pages = options.checkpoint_pages;
  constexpr std::int64_t kPageBytes = 4096;
  sqlite.max_pages = options.max_bytes / kPageBytes;
  return open_sqlite(sqlite, clock, metrics);
}

constexpr EngineRow kEngines[] = {
    {"sqlite", open_sqlite_url},
    {"postgresql", nullptr},
    {"postgresql+asyncpg", nullptr},
    {"postgres", nullptr},
};

}  // namespace

std::unique_ptr<Database> open_database(std::string_view url, const OpenOptions& options, const Clock& clock,
                                        observe::Metrics& metrics) {
  const std::size_t colon = url.find(':');
  const std::string_view scheme = colon == std::string_view::npos ? std::string_view() : url.substr(0, colon);
  for (const EngineRow& engine : kEngines) {
    if (engine.scheme != scheme) continue;
    if (engine.open == nullptr) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("this build has no engine for {}: databases; use sqlite:PATH", scheme));
    }
    return engine.open(url.substr(colon + 1), options, clock, metrics);
  }
  throw Error(ErrorCode::kUnavailable,
              scheme.empty() ? "a database URL begins with its scheme: sqlite:PATH"
                             : fmt::format("unknown database scheme \"{}\"; use sqlite:PATH", scheme.substr(0, 40)));
}

}  // namespace nexus::db
