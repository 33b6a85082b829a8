#pragma once

#include "base/time.h"
#include "exec/backoff.h"

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace nexus::exec {

/// One thing to do again and again. The task gets a token that says when the program stops; what it throws is logged
/// and it runs again at its next time.
struct PeriodicTask {
  std::string name;
  std::int64_t interval_us = 0;  ///< from the end of one run to the start of the next
  double jitter = 0.1;           ///< share of the interval drawn at random, so that replicas spread
  std::function<void(std::stop_token)> run;
};

/// When which task is due; no thread, no clock of its own. Not thread-safe.
class Schedule {
 public:
  explicit Schedule(Random random) : random_(std::move(random)) {}

  /// First run one (jittered) interval after `now_us`.
  void add(PeriodicTask task, std::int64_t now_us);
  /// Makes a task due at once; false when there is no such name.
  bool trigger(std::string_view name, std::int64_t now_us);
  /// The moment of the next task; absent when there is none.
  [[nodiscard]] std::optional<std::int64_t> next_us() const;
  /// The task that has been due longest at `now_us`, taken out until put_back(); null when none is due.
  [[nodiscard]] const PeriodicTask* take_due(std::int64_t now_us);
  void put_back(const PeriodicTask& task, std::int64_t now_us);

 private:
  struct Entry {
    PeriodicTask task;
    std::int64_t due_us = 0;
    bool running = false;
    bool again = false;  // triggered while running
  };
  [[nodiscard]] std::int64_t wait_us(const PeriodicTask& task) const;

  Random random_;
  std::vector<std::unique_ptr<Entry>> entries_;
};

/// Runs the tasks of a schedule one after the other on one thread. Thread-safe. The destructor stops.
class Periodic {
 public:
  Periodic(const Clock& clock, Random random);
  ~Periodic();
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

  void add(PeriodicTask task);
  /// Runs the named task as soon as the thread is free.
  bool trigger(std::string_view name);
  /// Starts the thread; a second call does nothing.
  void start();
  /// Asks the running task to stop, waits for it, starts no other.
  void stop();

 private:
  void loop(const std::stop_token& stop);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Schedule schedule_;
  bool touched_ = false;
  std::jthread thread_;  // last: joins before the rest goes
};

}  // namespace nexus::exec
