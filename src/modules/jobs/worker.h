#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/jobs/jobs_repository.h"
#include "modules/jobs/ports.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::jobs {

struct WorkerOptions {
  std::size_t threads = 2;
  int max_attempts = 3;  ///< failures of the handler
  int max_deaths = 20;   ///< claims that may end without a word beyond them: a killed process is rarely the job's fault
  std::int64_t lease_us = 60 * Timestamp::kSecond;
  std::int64_t poll_us = Timestamp::kSecond / 2;  ///< how soon work of other processes is noticed
  std::function<bool()> announced = {};           ///< asked before each sleep: wake() is called for their work, too
  std::int64_t announced_poll_us = 2 * Timestamp::kSecond;  ///< then: how soon work that became due is noticed
  std::int64_t backoff_us = Timestamp::kSecond / 2;         ///< doubled with each attempt, with jitter
  std::int64_t backoff_max_us = 60 * Timestamp::kSecond;
  std::int64_t heartbeat_us = 10 * Timestamp::kSecond;
};

/// Threads that claim jobs of one kind and run its handler; one more thread extends the leases in use and writes the
/// heartbeat. stop() lets running jobs see their stop token and gives unfinished ones back to the queue.
class Worker final : public Waker {
 public:
  Worker(db::Database& db, const Clock& clock, Handler& handler, WorkerOptions options, observe::Metrics& metrics);
  ~Worker() override;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  void stop();
  void wake(std::string_view kind) override;

  /// Runs one due job on the calling thread with the rules of a worker thread; false when none is due. For the inline
  /// mode and for tests.
  bool run_one();
  /// Runs this job now, retrying at once, until it is done or dead (inline mode).
  void run_now(std::string_view job_id);

 private:
  class Held;

  void loop(const std::stop_token& stop);
  void keep_alive(const std::stop_token& stop);
  void run_claimed(Job job, std::string owner, bool retry_at_once);
  void postpone(Held& held, std::string_view reason);
  void count_lost_lease();
  struct Failure {
    std::string_view reason;
    bool permanent = false;
    std::int64_t least_wait_us = 0;
  };
  void settle_failure(Held& held, const Failure& failure, bool retry_at_once);
  [[nodiscard]] std::uint64_t wakes();
  void wait(const std::stop_token& stop, std::uint64_t seen);
  /// A name for one claim: a job that this worker lost and took again is not confused with the first holding.
  [[nodiscard]] std::string next_owner();

  db::Database& db_;
  const Clock& clock_;
  Handler& handler_;
  WorkerOptions options_;
  observe::Metrics& metrics_;
  JobsRepository jobs_;
  std::string id_;
  Timestamp started_at_;
  std::atomic<std::uint64_t> claims_{0};

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t wakes_ = 0;  // guarded by mutex_
  bool stopping_ = false;    // guarded by mutex_
  std::vector<Held*> held_;  // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace nexus::jobs
