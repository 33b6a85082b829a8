#include "exec/periodic.h"

#include "observe/log.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

namespace nexus::exec {

std::int64_t Schedule::wait_us(const PeriodicTask& task) const {
  const double shift = task.jitter * (random_() - 0.5);
  return std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(task.interval_us) * (1.0 + shift)), 1);
}

void Schedule::add(PeriodicTask task, std::int64_t now_us) {
  auto entry = std::make_unique<Entry>();
  entry->due_us = now_us + wait_us(task);
  entry->task = std::move(task);
  entries_.push_back(std::move(entry));
}

bool Schedule::trigger(std::string_view name, std::int64_t now_us) {
  for (auto& entry : entries_) {
    if (entry->task.name != name) continue;
    entry->due_us = std::min(entry->due_us, now_us);
    entry->again = entry->running;
    return true;
  }
  return false;
}

std::optional<std::int64_t> Schedule::next_us() const {
  std::optional<std::int64_t> next;
  for (const auto& entry : entries_) {
    if (!entry->running && (!next || entry->due_us < *next)) next = entry->due_us;
  }
  return next;
}

const PeriodicTask* Schedule::take_due(std::int64_t now_us) {
  Entry* due = nullptr;
  for (const auto& entry : entries_) {
    if (entry->running || entry->due_us > now_us) continue;
    if (due == nullptr || entry->due_us < due->due_us) due = entry.get();
  }
  if (due == nullptr) return nullptr;
  due->running = true;
  return &due->task;
}

void Schedule::put_back(const PeriodicTask& task, std::int64_t now_us) {
  for (const auto& entry : entries_) {
    if (&entry->task != &task) continue;
    entry->running = false;
    entry->due_us = std::exchange(entry->again, false) ? now_us : now_us + wait_us(task);
  }
}

Periodic::Periodic(const Clock& clock, Random random) : clock_(clock), schedule_(std::move(random)) {}

Periodic::~Periodic() {
  stop();
}

void Periodic::add(PeriodicTask task) {
  const std::lock_guard lock(mutex_);
  schedule_.add(std::move(task), clock_.steady_us());
  touched_ = true;
  changed_.notify_all();
}

bool Periodic::trigger(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const bool found = schedule_.trigger(name, clock_.steady_us());
  touched_ = true;
  changed_.notify_all();
  return found;
}

void Periodic::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void Periodic::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Periodic::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (const PeriodicTask* task = schedule_.take_due(clock_.steady_us())) {
      lock.unlock();
      try {
        task->run(stop);
      } catch (const std::exception& e) {
        observe::log_error("periodic task failed", {{"task", task->name}, {"reason", e.what()}});
      }
      lock.lock();
      schedule_.put_back(*task, clock_.steady_us());
      continue;
    }
    touched_ = false;
    const auto woken = [this] { return touched_; };
    if (const auto next = schedule_.next_us()) {
      const auto wait = std::chrono::microseconds(std::max<std::int64_t>(*next - clock_.steady_us(), 0));
      changed_.wait_for(lock, stop, wait, woken);
    } else {
      changed_.wait(lock, stop, woken);
    }
  }
}

}  // namespace nexus::exec
