#include "db/sqlite/checkpointer.h"

#include "db/sqlite/sqlite_errors.h"
#include "observe/log.h"

#include <sqlite3.h>

namespace nexus::db::sqlite {

int checkpoint(Connection& connection, bool restart) {
  const int mode = restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  const int result = sqlite3_wal_checkpoint_v2(connection.handle(), nullptr, mode, nullptr, nullptr);
  return (result & 0xff) == SQLITE_BUSY ? SQLITE_OK : result;
}

Checkpointer::Checkpointer(const SqliteOptions& options, const Clock& clock, DatabaseProbe& probe)
    : clock_(clock),
      probe_(probe),
      connection_(options, Connection::Role::kCheckpointer),
      guard_(options.path),
      thread_([this](const std::stop_token& stop) { loop(stop); }) {}

Checkpointer::~Checkpointer() {
  thread_.request_stop();
  thread_.join();
}

void Checkpointer::request() {
  {
    const std::lock_guard lock(mutex_);
    requested_ = true;
  }
  wanted_.notify_one();
}

std::unique_lock<std::mutex> Checkpointer::pause(bool wait) {
  return wait ? std::unique_lock(running_) : std::unique_lock(running_, std::try_to_lock);
}

void Checkpointer::loop(const std::stop_token& stop) {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!wanted_.wait(lock, stop, [this] { return requested_; })) return;
      requested_ = false;
    }
    if (stop.stop_requested()) return;
    const std::lock_guard running(running_);
    const std::int64_t start_us = clock_.steady_us();
    const int result = [&] {
      const LogGuard::Hold alone = guard_.for_checkpoint();
      return checkpoint(connection_, false);
    }();
    probe_.checkpointed(clock_.steady_us() - start_us);
    if (result != SQLITE_OK) {
      const Error error = make_error(connection_.handle(), result, "checkpoint");
      observe::log_warn("the write-ahead log could not be moved into the database", {{"reason", error.what()}});
    }
  }
}

}  // namespace nexus::db::sqlite
