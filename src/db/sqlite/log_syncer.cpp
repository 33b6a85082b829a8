#include "db/sqlite/log_syncer.h"

#include "exec/thread_name.h"
#include "observe/log.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

namespace nexus::db::sqlite {

LogSyncer::LogSyncer(const Clock& clock, DatabaseProbe& probe)
    : clock_(clock), probe_(probe), thread_([this](const std::stop_token& stop) {
        exec::name_thread("db-sync");
        loop(stop);
      }) {}

LogSyncer::~LogSyncer() {
  stop();
}

void LogSyncer::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void LogSyncer::carry(sqlite3_file* log, std::vector<Database::Done> waiting) {
  {
    const std::lock_guard lock(mutex_);
    log_ = log;
    if (waiting_.empty()) {
      waiting_ = std::move(waiting);
    } else {
      for (Database::Done& done : waiting) waiting_.push_back(std::move(done));
    }
  }
  wanted_.notify_one();
}

void LogSyncer::loop(const std::stop_token& stop) {
  std::vector<Database::Done> taken;
  for (;;) {
    sqlite3_file* log = nullptr;
    {
      std::unique_lock lock(mutex_);
      if (!wanted_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      std::swap(taken, waiting_);
      log = log_;
    }
    const std::exception_ptr failure = sync(log);
    for (const Database::Done& done : taken) {
      try {
        done(failure);
      } catch (const std::exception& e) {  // the commit cannot be taken back
        observe::log_error("the caller of a write failed", {{"reason", e.what()}});
      }
    }
    taken.clear();
  }
}

std::exception_ptr LogSyncer::sync(sqlite3_file* log) {
  if (log == nullptr) return nullptr;  // nothing was ever written
  if (!failed()) {
    const std::int64_t start_us = clock_.steady_us();
    // Through SQLite's file layer, which also syncs the folder of a log that is new.
    const int result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
    const int reason = errno;
    if (result == SQLITE_OK) {
      probe_.synced(clock_.steady_us() - start_us);
      return nullptr;
    }
    failed_.store(true, std::memory_order_release);
    observe::log_error("the write-ahead log could not be brought to the disk; durable writes stop until a restart",
                       {{"result", result}, {"errno", reason}});
    if (reason == ENOSPC) return std::make_exception_ptr(Error(ErrorCode::kFull, "sync: no space left on the device"));
  }
  return std::make_exception_ptr(Error(ErrorCode::kUnavailable, "the write-ahead log could not be synced"));
}

}  // namespace nexus::db::sqlite
