#include "db/open.h"

#include "db/postgres/postgres_database.h"
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
  OpenEngine open;
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

std::unique_ptr<Database> open_postgres_url(std::string_view rest, const OpenOptions& options, const Clock& clock,
                                            observe::Metrics& metrics) {
  using std::chrono::milliseconds;
  PostgresOptions postgres{.url = fmt::format("postgresql:{}", rest)};
  if (options.pool_size > 0) postgres.pool_size = options.pool_size;
  if (options.max_overflow >= 0) postgres.max_overflow = static_cast<unsigned>(options.max_overflow);
  if (options.busy_limit_ms > 0) postgres.busy_limit = milliseconds(options.busy_limit_ms);
  if (options.statement_timeout_ms >= 0) postgres.statement_timeout = milliseconds(options.statement_timeout_ms);
  if (options.idle_transaction_ms >= 0) postgres.idle_in_transaction = milliseconds(options.idle_transaction_ms);
  if (options.connect_timeout_ms > 0) postgres.connect_timeout = milliseconds(options.connect_timeout_ms);
  if (options.write_queue > 0) postgres.write_queue = options.write_queue;
  return open_postgres(postgres, clock, metrics);
}

constexpr EngineRow kEngines[] = {
    {"sqlite", open_sqlite_url},
    {"postgresql", open_postgres_url},
    {"postgresql+asyncpg", open_postgres_url},
    {"postgres", open_postgres_url},
};

}  // namespace

std::unique_ptr<Database> open_database(std::string_view url, const OpenOptions& options, const Clock& clock,
                                        observe::Metrics& metrics) {
  const std::size_t colon = url.find(':');
  const std::string_view scheme = colon == std::string_view::npos ? std::string_view() : url.substr(0, colon);
  for (const EngineRow& engine : kEngines) {
    if (engine.scheme != scheme) continue;
    return engine.open(url.substr(colon + 1), options, clock, metrics);
  }
  throw Error(ErrorCode::kUnavailable,
              scheme.empty() ? "a database URL begins with its scheme: sqlite:PATH or postgresql://…"
                             : fmt::format("unknown database scheme \"{}\"; use sqlite:PATH or postgresql://…",
                                           scheme.substr(0, 40)));
}

}  // namespace nexus::db
