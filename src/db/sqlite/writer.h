#pragma once

#include "base/time.h"
#include "db/sqlite/checkpointer.h"
#include "db/sqlite/database_probe.h"
#include "db/sqlite/log_guard.h"
#include "db/sqlite/log_syncer.h"
#include "db/sqlite/session.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace nexus::db::sqlite {

/// One write on its way. `done` is called exactly once: on the writer's thread, or the syncer's when it is durable.
struct WriteJob {
  Database::Work work;
  Durability durability = Durability::kDurable;
  Database::Done done;
  std::int64_t queued_us = 0;
  std::exception_ptr failure;
  std::vector<std::function<void()>> actions;
};

/// Told about the writer's thread: the session of the transaction that runs (joined by reads inside it), null between.
using TransactionObserver = std::function<void(SqliteSession*)>;

/// The one thread that writes. It takes what is queued, runs it in one transaction (each job in a savepoint when
/// failures are about), commits, runs
/// the jobs' after-commit actions in order and tells the callers of relaxed jobs; durable ones are told by the syncer,
/// while the next group already runs. Nothing ever waits for company.
class Writer {
 public:
  Writer(const SqliteOptions& options, const Clock& clock, DatabaseProbe& probe, Changes& changes,
         TransactionObserver observer);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Queues a job. When the queue is full: waits up to the busy limit if `wait`, then gives up. Returns the reason
  /// for not taking the job; its `done` is untouched then.
  [[nodiscard]] std::optional<Error> submit(WriteJob& job, bool wait);
  /// True where a blocking write would wait for itself.
  [[nodiscard]] bool on_own_thread() const {
    return std::this_thread::get_id() == thread_.get_id() || syncer_.on_own_thread();
  }
  /// How often commits of others were noticed.
  [[nodiscard]] std::uint64_t foreign_version() const { return foreign_version_.load(std::memory_order_acquire); }
  /// Whether somebody else has committed of late, and so may have since the last look.
  [[nodiscard]] bool has_company() const {
    return clock_.steady_us() < company_until_us_.load(std::memory_order_acquire);
  }
  /// Takes no more jobs, runs and syncs those queued, joins. Called by the destructor too.
  void stop();

 private:
  void loop();
  bool take(std::vector<WriteJob>& batch);
  std::size_t run_group(std::span<WriteJob> jobs);
  std::optional<Error> begin(std::int64_t oldest_us);
  std::size_t run_again(std::span<WriteJob> jobs);
  void run_job(WriteJob& job, bool savepoint);
  void call_work(WriteJob& job);
  std::size_t recover(std::span<WriteJob> jobs, std::size_t culprit);
  std::size_t fail_expired(std::span<WriteJob> jobs, const Error& error);
  void commit(std::span<WriteJob> jobs, Durability durability);
  void settle(std::span<WriteJob> jobs);
  void rollback() noexcept;
  void poll_foreign();
  void tend_log();

  const SqliteOptions& options_;
  const Clock& clock_;
  DatabaseProbe& probe_;
  TransactionObserver observer_;

  SqliteSession session_;
  Command begin_;
  Command commit_;
  Command savepoint_;
  Command release_;
  Command rollback_to_;
  Command data_version_;
  LogGuard guard_;
  Checkpointer checkpointer_;
  // Starts the log over through open files of its own: the kernel tells of a failed fsync once per open file, and of
  // the writer's log nobody but the syncer may be told.
  Connection restarter_;
  LogSyncer syncer_;
  std::int64_t seen_version_ = 0;
  std::atomic<std::uint64_t> foreign_version_{0};
  std::atomic<std::int64_t> company_until_us_{0};
  int careful_groups_ = 0;  // groups that still run with savepoints
  int log_pages_ = 0;
  int next_checkpoint_ = 0;
  int next_restart_ = 0;

  std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable space_;
  std::vector<WriteJob> queue_;
  bool sleeping_ = false;
  bool stopping_ = false;
  unsigned waiting_ = 0;
  std::thread thread_;
};

}  // namespace nexus::db::sqlite
