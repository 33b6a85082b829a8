#include "exec/lane.h"

#include "exec/thread_name.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace nexus::exec {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

thread_local std::string_view current_lane;

struct LaneTask {
  std::function<void()> run;
  SteadyTime posted;
};

}  // namespace

class Lane::Impl {
 public:
  Impl(std::string name, std::size_t threads, std::size_t capacity, observe::Metrics& metrics)
      : name_(std::move(name)),
        depth_gauge_(metrics.gauge("nexusrag_lane_depth", {{"lane", name_}})),
        wait_seconds_(metrics.histogram("nexusrag_lane_wait_seconds", {{"lane", name_}})),
        busy_(metrics.gauge("nexusrag_lane_busy", {{"lane", name_}})),
        failures_(metrics.counter("nexusrag_lane_task_failures_total", {{"lane", name_}})),
        refused_(metrics.counter("nexusrag_lane_refused_total", {{"lane", name_}})),
        ring_(capacity == 0 ? 1 : capacity) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < (threads == 0 ? 1 : threads); ++i)
      threads_.emplace_back([this] {
        name_thread(name_);
        work();
      });
  }

  bool try_post(std::function<void()>&& task) {
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (draining_ || size_ == ring_.size()) {
        refused_.add();
        return false;
      }
      ring_[(head_ + size_) % ring_.size()] = {std::move(task), std::chrono::steady_clock::now()};
      depth_gauge_.set(static_cast<double>(++size_));
      // A thread that is awake or being woken looks at the queue again before it sleeps, so it needs no second call.
      wake = sleeping_ > 0;
      if (wake) {
        --sleeping_;
        ++signals_;
      }
    }
    if (wake) ready_.notify_one();
    return true;
  }

  void drain() {
    {
      const std::lock_guard lock(mutex_);
      draining_ = true;
    }
    ready_.notify_all();
    const std::lock_guard join_lock(join_mutex_);
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::size_t depth() const {
    const std::lock_guard lock(mutex_);
    return size_;
  }

 private:
  void work() {
    current_lane = name_;
    std::unique_lock lock(mutex_);
    for (;;) {
      while (size_ == 0 && !draining_) {
        ++sleeping_;
        ready_.wait(lock, [this] { return signals_ > 0 || draining_; });
        --(signals_ > 0 ? signals_ : sleeping_);
      }
      if (size_ == 0) return;
      LaneTask task = std::move(ring_[head_]);
      head_ = (head_ + 1) % ring_.size();
      depth_gauge_.set(static_cast<double>(--size_));
      lock.unlock();
      run(task);
      lock.lock();
    }
  }

  void run(LaneTask& task) {
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - task.posted;
    wait_seconds_.observe(waited.count());
    busy_.add(1);
    try {
      task.run();
    } catch (const std::exception& e) {
      failures_.add();
      observe::log_error("a lane's task let an exception escape", {{"lane", name_}, {"reason", e.what()}});
    }
    busy_.add(-1);
    task.run = nullptr;  // what it holds goes before this thread sleeps
  }

  const std::string name_;
  observe::Gauge& depth_gauge_;
  observe::Histogram& wait_seconds_;
  observe::Gauge& busy_;
  observe::Counter& failures_;
  observe::Counter& refused_;

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<LaneTask> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  std::size_t sleeping_ = 0;  // waiting and not called yet
  std::size_t signals_ = 0;   // called and not up yet
  bool draining_ = false;

  std::mutex join_mutex_;
  std::vector<std::thread> threads_;
};

Lane::Lane(std::string name, std::size_t threads, std::size_t capacity, observe::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(name), threads, capacity, metrics)) {}

Lane::~Lane() {
  drain();
}

bool Lane::try_post(std::function<void()> task) {
  return impl_->try_post(std::move(task));
}

void Lane::drain() {
  impl_->drain();
}

std::string_view Lane::name() const {
  return impl_->name();
}

std::size_t Lane::depth() const {
  return impl_->depth();
}

std::string_view Lane::current() {
  return current_lane;
}

}  // namespace nexus::exec
