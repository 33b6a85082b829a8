#pragma once

#include "base/time.h"
#include "db/database.h"
#include "db/sqlite/database_probe.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

struct sqlite3_file;

namespace nexus::db::sqlite {

/// Brings committed transactions to the disk on a thread of its own, so that the writer goes on meanwhile. One fsync of
/// the write-ahead log carries everything that was committed before it began; who asked for durability is told then.
///
/// An fsync that fails leaves nobody knowing what is on the disk, and a later one that succeeds says nothing about it.
/// Those who wait for it are told, and from then on failed() is true: durable writes are refused until a restart reads
/// back what is really there.
class LogSyncer {
 public:
  LogSyncer(const Clock& clock, DatabaseProbe& probe);
  ~LogSyncer();
  LogSyncer(const LogSyncer&) = delete;
  LogSyncer& operator=(const LogSyncer&) = delete;

  /// `log` stays open until stop() returns. Each of `waiting` is called once, on this object's thread.
  void carry(sqlite3_file* log, std::vector<Database::Done> waiting);
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_acquire); }
  [[nodiscard]] bool on_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  /// Syncs what waits and joins. Called by the destructor too.
  void stop();

 private:
  void loop(const std::stop_token& stop);
  [[nodiscard]] std::exception_ptr sync(sqlite3_file* log);

  const Clock& clock_;
  DatabaseProbe& probe_;
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable_any wanted_;
  sqlite3_file* log_ = nullptr;
  std::vector<Database::Done> waiting_;
  std::jthread thread_;
};

}  // namespace nexus::db::sqlite
