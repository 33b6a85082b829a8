#pragma once

#include "base/time.h"
#include "db/sqlite/connection.h"
#include "db/sqlite/database_probe.h"
#include "db/sqlite/log_guard.h"

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

namespace nexus::db::sqlite {

/// Moves the write-ahead log into the file on its own thread and connection, between two groups of the writer
/// (LogGuard). It never waits for readers; what it cannot move now stays for the next time.
class Checkpointer {
 public:
  Checkpointer(const SqliteOptions& options, const Clock& clock, DatabaseProbe& probe);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Asks for a run; returns at once.
  void request();
  /// Holds this object's runs off, for a checkpoint on another connection: SQLite refuses two at once. When a run is
  /// under way it waits for its end if `wait`, else the result is not locked.
  [[nodiscard]] std::unique_lock<std::mutex> pause(bool wait);

 private:
  void loop(const std::stop_token& stop);

  const Clock& clock_;
  DatabaseProbe& probe_;
  Connection connection_;
  LogGuard guard_;
  std::mutex running_;  // held during a run
  std::mutex mutex_;
  std::condition_variable_any wanted_;
  bool requested_ = false;
  std::jthread thread_;  // last: joins before the connection goes
};

/// One checkpoint on this connection: the part that needs no waiting, or (`restart`) waiting up to the connection's
/// busy timeout until the next commit can write the log from its beginning. SQLite's result; busy is no failure.
[[nodiscard]] int checkpoint(Connection& connection, bool restart);

}  // namespace nexus::db::sqlite
