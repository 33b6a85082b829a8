#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/retrieval/postgres_index.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace nexus::retrieval {

/// The background of PostgresIndex on a thread of its own: gives words to adopted chunks, sums up statistics, builds
/// the vector index when it is missing, and then looks again now and then. Any number of processes may run it.
/// stop() (and the destructor) wait for the page at hand; the building of an index ends at the database's own limits.
class PostgresUpkeep {
 public:
  struct Options {
    std::int64_t interval_s = 60;  ///< between two looks when there is nothing left to do
  };

  PostgresUpkeep(db::Database& db, const PostgresIndex& index, Options options);
  ~PostgresUpkeep();
  PostgresUpkeep(const PostgresUpkeep&) = delete;
  PostgresUpkeep& operator=(const PostgresUpkeep&) = delete;

  void start();
  void stop();

 private:
  void run(const std::stop_token& stop);
  /// Chunks without words get them, page by page.
  void give_words(const std::stop_token& stop) const;

  db::Database& db_;
  const PostgresIndex& index_;
  Options options_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace nexus::retrieval
