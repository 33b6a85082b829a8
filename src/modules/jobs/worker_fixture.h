#pragma once

#include "modules/jobs/jobs_fixture.h"
#include "modules/jobs/worker.h"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

/// For the tests of this room only.
namespace nexus::jobs {

inline constexpr std::chrono::seconds kPatience{60};  // for what must happen; nothing waits this long when it does
inline constexpr std::int64_t kHour = 3600 * Timestamp::kSecond;

struct Burial {
  std::string job;
  std::string tenant;
  std::string reason;
  bool permanent = false;
};

/// Does what the test says; remembers burials.
class ScriptedHandler final : public Handler {
 public:
  explicit ScriptedHandler(std::function<void(Lease&)> script) : script_(std::move(script)) {}

  [[nodiscard]] std::string_view kind() const override { return "work"; }
  void run(Lease& lease) override { script_(lease); }
  void on_dead(db::Tx& tx, const TenantScope& tenant, const Job& job, std::string_view reason,
               bool permanent) override {
    tx.after_commit([this, burial = Burial{job.id, tenant.id(), std::string(reason), permanent}] {
      const std::lock_guard lock(mutex_);
      burials_.push_back(burial);
    });
  }
  [[nodiscard]] std::vector<Burial> burials() const {
    const std::lock_guard lock(mutex_);
    return burials_;
  }

 private:
  std::function<void(Lease&)> script_;
  mutable std::mutex mutex_;
  std::vector<Burial> burials_;
};

inline WorkerOptions sleepy() {
  WorkerOptions options;
  options.threads = 1;
  options.poll_us = kHour;
  options.heartbeat_us = kHour;
  options.lease_us = 10 * kHour;
  return options;
}

/// Waits for a number of events. Thread-safe.
class Tally {
 public:
  void add(const std::string& what) {
    const std::lock_guard lock(mutex_);
    ++counts_[what];
    ++total_;
    changed_.notify_all();
  }
  [[nodiscard]] bool reaches(int total) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return total_ >= total; });
  }
  [[nodiscard]] std::map<std::string, int> counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> counts_;
  int total_ = 0;
};

/// Blocks until the token says stop; false when it never does.
inline bool wait_for_stop(const std::stop_token& token) {
  std::promise<void> stopped;
  const std::stop_callback wake(token, [&] { stopped.set_value(); });
  return stopped.get_future().wait_for(kPatience) == std::future_status::ready;
}

inline void complete(QueueFixture& q, Lease& lease) {
  q.database->write([&](db::Tx& tx) { lease.complete(tx); });
}

inline std::uint64_t outcomes(QueueFixture& q, std::string outcome) {
  return q.metrics.counter("nexusrag_jobs_total", {{"kind", "work"}, {"outcome", std::move(outcome)}}).value();
}

}  // namespace nexus::jobs
