#include "db/sqlite/writer.h"

#include "db/sqlite/sqlite_errors.h"
#include "exec/backoff.h"
#include "exec/dice.h"
#include "exec/thread_name.h"
#include "observe/log.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace nexus::db::sqlite {
namespace {

/// A worker process commits its heartbeat much more often than this.
constexpr std::int64_t kCompanyUs = 60'000'000;

int remember_log_pages(void* target, sqlite3*, const char*, int pages) {
  *static_cast<int*>(target) = pages;
  return SQLITE_OK;
}

bool has_unresolved_references(sqlite3* db) {
  int current = 0;
  int high = 0;
  sqlite3_db_status(db, SQLITE_DBSTATUS_DEFERRED_FKS, &current, &high, 0);
  return current != 0;
}

/// Calls back; what must not throw is logged when it does, since the commit cannot be taken back.
template <class Call>
void call_guarded(const char* what, const Call& call) {
  try {
    call();
  } catch (const std::exception& e) {
    observe::log_error(what, {{"reason", e.what()}});
  }
}

/// The log as it lies open in the connection, null without one.
sqlite3_file* log_file(sqlite3* db) {
  sqlite3_file* file = nullptr;
  const int result = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  return result == SQLITE_OK && file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

}  // namespace

Writer::Writer(const SqliteOptions& options, const Clock& clock, DatabaseProbe& probe, Changes& changes,
               TransactionObserver observer)
    : options_(options),
      clock_(clock),
      probe_(probe),
      observer_(std::move(observer)),
      session_(options, Connection::Role::kWriter, &changes),
      begin_(session_.connection(), "BEGIN IMMEDIATE"),
      commit_(session_.connection(), "COMMIT"),
      savepoint_(session_.connection(), "SAVEPOINT job"),
      release_(session_.connection(), "RELEASE job"),
      rollback_to_(session_.connection(), "ROLLBACK TO job"),
      data_version_(session_.connection(), "PRAGMA data_version"),
      guard_(options.path),
      checkpointer_(options, clock, probe),
      restarter_(options, Connection::Role::kCheckpointer),
      syncer_(clock, probe),
      seen_version_(data_version_.number(0)),
      next_checkpoint_(options.checkpoint_pages),
      next_restart_(options.log_limit_pages) {
  sqlite3_wal_hook(session_.connection().handle(), remember_log_pages, &log_pages_);
  session_.connection().set_busy_timeout(0);  // begin() waits by itself
  restarter_.set_busy_timeout(50);            // for readers of the old log
  thread_ = std::thread([this] {
    exec::name_thread("db-writer");
    loop();
  });
}

Writer::~Writer() {
  stop();
}

void Writer::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  space_.notify_all();
  if (thread_.joinable()) thread_.join();
  syncer_.stop();
}

std::optional<Error> Writer::submit(WriteJob& job, bool wait) {
  if (job.durability == Durability::kDurable && syncer_.failed())
    return Error(ErrorCode::kUnavailable, "the write-ahead log could not be synced; a restart is needed");
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    const auto open = [this] { return stopping_ || queue_.size() < options_.write_queue; };
    if (wait && !open()) {
      ++waiting_;
      space_.wait_for(lock, options_.busy_limit, open);
      --waiting_;
    }
    if (stopping_) return Error(ErrorCode::kUnavailable, "the database is closing");
    if (!open()) return Error(ErrorCode::kBusy, "the queue of writes is full");
    job.queued_us = clock_.steady_us();
    queue_.push_back(std::move(job));
    wake = std::exchange(sleeping_, false);
  }
  if (wake) ready_.notify_one();
  return std::nullopt;
}

bool Writer::take(std::vector<WriteJob>& batch) {
  batch.clear();
  std::unique_lock lock(mutex_);
  while (queue_.empty()) {
    if (stopping_) return false;
    sleeping_ = true;
    const bool called = ready_.wait_for(lock, options_.foreign_poll, [this] { return !sleeping_ || stopping_; });
    sleeping_ = false;
    if (called) continue;
    lock.unlock();
    poll_foreign();
    lock.lock();
  }
  std::swap(batch, queue_);
  probe_.queue_depth(batch.size());
  if (waiting_ > 0) space_.notify_all();
  return true;
}

void Writer::loop() {
  std::vector<WriteJob> batch;
  while (take(batch)) {
    std::span<WriteJob> rest(batch);
    while (!rest.empty()) {
      const std::size_t most = std::min(rest.size(), std::max<std::size_t>(options_.group_jobs, 1));
      {
        const LogGuard::Hold shared = guard_.for_writing();
        rest = rest.subspan(run_group(rest.first(most)));
      }
      tend_log();
    }
  }
}

/// Settles a group made of the first jobs; returns how many.
std::size_t Writer::run_group(std::span<WriteJob> jobs) {
  const bool durable =
      std::any_of(jobs.begin(), jobs.end(), [](const WriteJob& j) { return j.durability == Durability::kDurable; });
  if (const auto error = begin(jobs.front().queued_us)) return fail_expired(jobs, *error);
  poll_foreign();
  const std::int64_t start_us = clock_.steady_us();
  const std::int64_t end_us = start_us + options_.group_time.count();
  probe_.write_waited(start_us - jobs.front().queued_us);
  const bool careful = jobs.size() > 1 && careful_groups_ > 0;
  if (careful) --careful_groups_;
  std::size_t count = 0;
  while (count < jobs.size() && (count == 0 || clock_.steady_us() < end_us)) {
    run_job(jobs[count], careful);
    if (session_.connection().idle()) return recover(jobs, count);
    ++count;
    if (jobs[count - 1].failure != nullptr && !careful && count > 1) return run_again(jobs);
    if (jobs[count - 1].failure != nullptr && !careful) break;  // alone so far: there is only its own work to undo
  }
  commit(jobs.first(count), durable ? Durability::kDurable : Durability::kRelaxed);
  return count;
}

/// A job failed in a group without savepoints: nothing is kept, and the group runs again with them. So do the next
/// groups, since failures come in series.
std::size_t Writer::run_again(std::span<WriteJob> jobs) {
  constexpr int kCarefulGroups = 64;
  rollback();
  for (WriteJob& job : jobs) {
    job.failure = nullptr;
    job.actions.clear();
  }
  careful_groups_ = kCarefulGroups;
  return run_group(jobs);
}

/// SQLite gave up the whole transaction in the middle of `culprit` (disk full, for one): those before it are innocent
/// and run again, each alone.
std::size_t Writer::recover(std::span<WriteJob> jobs, std::size_t culprit) {
  WriteJob& job = jobs[culprit];
  if (job.failure == nullptr) {
    job.failure = std::make_exception_ptr(Error(ErrorCode::kOther, "the transaction was given up"));
  }
  job.actions.clear();
  for (std::size_t i = 0; i < culprit; ++i) {
    if (jobs[i].failure == nullptr) {
      jobs[i].actions.clear();
      run_group(jobs.subspan(i, 1));
    } else {
      settle(jobs.subspan(i, 1));
    }
  }
  settle(jobs.subspan(culprit, 1));
  return culprit + 1;
}

std::optional<Error> Writer::begin(std::int64_t oldest_us) {
  std::optional<exec::Backoff> backoff;
  for (;;) {
    const int result = begin_.run();
    if (result == SQLITE_OK) return std::nullopt;
    const std::int64_t limit_us = std::chrono::microseconds(options_.busy_limit).count();
    if ((result & 0xff) != SQLITE_BUSY || clock_.steady_us() - oldest_us >= limit_us) {
      return make_error(session_.connection().handle(), result, "begin");
    }
    if (!backoff) {
      backoff.emplace(exec::BackoffPolicy{.first_us = 100, .most_us = 10'000}, exec::dice());
    }
    probe_.retried();
    std::this_thread::sleep_for(std::chrono::microseconds(backoff->next_us()));
  }
}

/// A lock that was not to be had fails those who have waited long enough; any other reason fails the group.
std::size_t Writer::fail_expired(std::span<WriteJob> jobs, const Error& error) {
  const std::int64_t limit_us = std::chrono::microseconds(options_.busy_limit).count();
  const std::int64_t now = clock_.steady_us();
  std::size_t count = 0;
  while (count < jobs.size() &&
         (count == 0 || error.code() != ErrorCode::kBusy || now - jobs[count].queued_us >= limit_us)) {
    jobs[count++].failure = std::make_exception_ptr(error);
  }
  settle(jobs.first(count));
  return count;
}

void Writer::run_job(WriteJob& job, bool savepoint) {
  observer_(&session_);
  if (savepoint) {
    const int result = savepoint_.run();
    if (result != SQLITE_OK) {
      job.failure = std::make_exception_ptr(make_error(session_.connection().handle(), result, "savepoint"));
      observer_(nullptr);
      return;
    }
  }
  call_work(job);
  job.actions = session_.take_actions();
  observer_(nullptr);
  if (session_.connection().idle()) return;
  int result = SQLITE_OK;
  if (job.failure != nullptr) {
    job.actions.clear();
    if (!savepoint) return;  // the caller rolls all of it back
    result = rollback_to_.run();
  }
  if (savepoint && result == SQLITE_OK) result = release_.run();
  if (result != SQLITE_OK) rollback();  // run_group sees it and runs the others again
}

void Writer::call_work(WriteJob& job) {
  try {
    Tx tx(session_);
    job.work(tx);
    session_.require_no_cursors();
    if (has_unresolved_references(session_.connection().handle())) {
      throw Error(ErrorCode::kConstraint, "a row refers to one that does not exist");
    }
  } catch (...) {
    job.failure = std::current_exception();  // goes to the caller
    session_.forget_cursors();
  }
}

void Writer::commit(std::span<WriteJob> jobs, Durability durability) {
  const auto failed = std::count_if(jobs.begin(), jobs.end(), [](const WriteJob& j) { return j.failure != nullptr; });
  if (static_cast<std::size_t>(failed) == jobs.size()) {
    rollback();
  } else {
    const std::int64_t start_us = clock_.steady_us();
    const int result = commit_.run();
    if (result == SQLITE_OK) {
      probe_.committed(durability, jobs.size() - static_cast<std::size_t>(failed), clock_.steady_us() - start_us);
    } else {
      const auto error = std::make_exception_ptr(make_error(session_.connection().handle(), result, "commit"));
      rollback();
      for (WriteJob& job : jobs) {
        if (job.failure == nullptr) job.failure = error;
      }
    }
  }
  settle(jobs);
}

void Writer::settle(std::span<WriteJob> jobs) {
  for (WriteJob& job : jobs) {
    if (job.failure != nullptr) {
      probe_.write_failed(job.failure);
      continue;
    }
    for (const auto& action : job.actions) call_guarded("an after-commit action failed", action);
  }
  std::vector<Database::Done> durable;
  for (WriteJob& job : jobs) {
    job.work = nullptr;  // what it holds goes before its caller does
    job.actions.clear();
    if (job.failure == nullptr && job.durability == Durability::kDurable) {
      durable.push_back(std::move(job.done));
      continue;
    }
    call_guarded("the caller of a write failed", [&] { job.done(std::exchange(job.failure, nullptr)); });
  }
  if (!durable.empty()) syncer_.carry(log_file(session_.connection().handle()), std::move(durable));
}

void Writer::rollback() noexcept {
  sqlite3* db = session_.connection().handle();
  // After a failed commit SQLITE may have rolled back by itself.
  if (!session_.connection().idle()) sqlite3_exec(db, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Writer::poll_foreign() {
  const std::int64_t version = data_version_.number(seen_version_);
  if (version == seen_version_) return;
  seen_version_ = version;
  company_until_us_.store(clock_.steady_us() + kCompanyUs, std::memory_order_release);
  foreign_version_.fetch_add(1, std::memory_order_release);
}

void Writer::tend_log() {
  probe_.wal_pages(log_pages_);
  if (syncer_.failed()) return;                  // pages of a log that may not be on the disk must not reach the file
  if (log_pages_ < options_.checkpoint_pages) {  // it has started over
    next_checkpoint_ = options_.checkpoint_pages;
    next_restart_ = options_.log_limit_pages;
    return;
  }
  if (log_pages_ < next_restart_) {
    if (log_pages_ < next_checkpoint_) return;
    next_checkpoint_ = log_pages_ + options_.checkpoint_pages;
    checkpointer_.request();
    return;
  }
  // Under steady load the checkpointer never catches the last page; here nobody writes, so the rest is short.
  // A run of the checkpointer is given time to end by itself, within bounds.
  const auto paused = checkpointer_.pause(log_pages_ >= 4 * options_.log_limit_pages);
  if (!paused.owns_lock()) return;  // the next group tries again
  next_restart_ = log_pages_ + options_.checkpoint_pages;
  const LogGuard::Hold alone = guard_.for_checkpoint();
  const int result = checkpoint(restarter_, true);
  if (result != SQLITE_OK) {
    const Error error = make_error(restarter_.handle(), result, "checkpoint");
    observe::log_warn("the write-ahead log could not start over", {{"reason", error.what()}});
  }
}

}  // namespace nexus::db::sqlite
