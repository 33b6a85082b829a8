#pragma once

#include "db/database.h"
#include "db/postgres/probe.h"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace nexus::db::postgres {

/// The queue of write_async and the threads that empty it. What waits shares a commit, up to `group_jobs`; when that
/// fails, each job runs alone, so that a job's failure is its own. With one thread jobs run in the order they came.
class AsyncWriter {
 public:
  struct Job {
    Database::Work work;
    Durability durability = Durability::kDurable;
    Database::Done done;
  };
  /// Runs a write to its end; throws what it throws.
  using Run = std::function<void(const Database::Work&, Durability, std::size_t jobs)>;

  AsyncWriter(std::size_t capacity, std::size_t group_jobs, unsigned threads, Probe& probe, Run run);
  ~AsyncWriter();
  AsyncWriter(const AsyncWriter&) = delete;
  AsyncWriter& operator=(const AsyncWriter&) = delete;

  /// False: the queue is full, or closed; the job is untouched.
  [[nodiscard]] bool submit(Job& job);
  /// Takes no more, runs what waits, joins.
  void stop();

 private:
  void loop();
  void run_group(std::span<Job> jobs);
  void run_alone(Job& job);

  const std::size_t capacity_;
  const std::size_t group_jobs_;
  Probe& probe_;
  Run run_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Job> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace nexus::db::postgres
