#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::observe {
class Metrics;
}

namespace nexus::exec {

/// A bounded queue with a fixed number of threads for blocking work. Thread-safe. The destructor finishes what is
/// queued. Metrics: nexusrag_lane_depth, nexusrag_lane_wait_seconds, nexusrag_lane_refused_total, label lane.
class Lane {
 public:
  Lane(std::string name, std::size_t threads, std::size_t capacity, observe::Metrics& metrics);
  ~Lane();
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// False when the queue is full; the task is then not taken. Tasks must not throw.
  [[nodiscard]] bool try_post(std::function<void()> task);
  /// Stops taking tasks, runs those queued, joins.
  void drain();

  [[nodiscard]] std::string_view name() const;
  [[nodiscard]] std::size_t depth() const;
  /// Name of the lane that the calling thread belongs to; empty elsewhere.
  [[nodiscard]] static std::string_view current();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::exec
