#pragma once

#include "base/time.h"
#include "db/database.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace nexus::observe {
class Metrics;
}

namespace nexus::db {

/// What an operator may set about any engine; 0 keeps the engine's own default.
struct OpenOptions {
  unsigned readers = 0;            ///< connections that read at once
  std::size_t write_queue = 0;     ///< writes that wait
  std::int64_t busy_limit_ms = 0;  ///< longest wait for a lock or a connection
  std::int64_t mmap_bytes = -1;    ///< -1: default
  std::int64_t max_bytes = 0;      ///< size limit of an embedded database
  std::int64_t cache_kib = 0;      ///< page cache of each connection
  std::size_t group_jobs = 0;      ///< most writes in one commit
  int checkpoint_pages = 0;        ///< log length that starts a checkpoint

  unsigned pool_size = 0;                  ///< connections to a server kept open
  int max_overflow = -1;                   ///< opened beyond them under load; -1: default
  std::int64_t statement_timeout_ms = -1;  ///< of one statement at a server; 0: none, -1: default
  std::int64_t idle_transaction_ms = -1;   ///< a server ends a transaction left alone; 0: never, -1: default
  std::int64_t connect_timeout_ms = 0;     ///< for each host of a server's URL
};

/// Opens the engine that the URL names:
///   sqlite:var/nexusrag.db   sqlite:/abs/path.db   sqlite:///abs/path.db   sqlite::memory:
///   postgresql://…   postgres://…   postgresql+asyncpg://…   with libpq's parameters (postgres/conninfo.h)
/// Throws Error{kUnavailable}; it names the scheme, and never holds a password.
[[nodiscard]] std::unique_ptr<Database> open_database(std::string_view url, const OpenOptions& options,
                                                      const Clock& clock, observe::Metrics& metrics);

}  // namespace nexus::db
