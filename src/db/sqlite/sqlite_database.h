#pragma once

#include "base/time.h"
#include "db/database.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace nexus::observe {
class Metrics;
}

namespace nexus::db {

struct SqliteOptions {
  /// The file, created with its folder when missing. ":memory:" is a private scratch database: a temporary file
  /// (in memory where the system has /dev/shm) that goes with the object; the same code path as any other.
  std::string path;
  unsigned readers = 8;                           ///< most connections that read at once; opened when first needed
  std::size_t write_queue = 10'000;               ///< jobs waiting for the writer
  std::size_t group_jobs = 256;                   ///< most jobs in one commit
  std::chrono::microseconds group_time{5'000};    ///< a group takes no further job after running this long
  std::chrono::milliseconds busy_limit{5'000};    ///< how long a job waits for a lock of another process
  std::int64_t cache_kib = 16 * 1024;             ///< page cache per connection
  std::int64_t mmap_bytes = 256LL * 1024 * 1024;  ///< of the file that is read by mapping; 0: none
  int checkpoint_pages = 2'000;                   ///< log length that wakes the checkpointer
  int log_limit_pages = 16'000;                   ///< log length at which the writer itself makes it start over
  std::chrono::milliseconds foreign_poll{200};    ///< how often an idle writer looks for commits of others
  std::int64_t max_pages = 0;                     ///< size limit of the file; 0: none
  std::string vfs;  ///< SQLite's file layer by name; empty: the default (tests inject faults)
};

/// Opens the database: one writer thread, a pool of readers, a checkpointer. Throws Error. `clock` and `metrics`
/// outlive the result. The destructor finishes queued writes, moves the log into the file and closes; nobody may be
/// inside a call then.
[[nodiscard]] std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, const Clock& clock,
                                                    observe::Metrics& metrics);

}  // namespace nexus::db
