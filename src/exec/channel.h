#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace nexus::exec {

/// A bounded pipe from one blocking producer to one consumer that must not block (a coroutine on an I/O thread).
/// The producer pushes and finishes; the consumer pops and may cancel. A full channel holds the producer back.
///
/// The consumer's wake-up is a callback: it runs on the producer's thread, without the channel's lock, whenever the
/// channel has become worth looking at (first element after empty, or finished). It should only post to the consumer's
/// executor; it may call try_pop() and finished(), never set_ready() or cancel().
template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity == 0 ? 1 : capacity) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // --- producer

  /// Waits while the channel is full. False when the consumer has cancelled or `stop` was requested: the producer
  /// should give up; the element is lost.
  [[nodiscard]] bool push(T element, const std::stop_token& stop = {}) {
    bool was_empty = false;
    {
      std::unique_lock lock(mutex_);
      const bool go = space_.wait(lock, stop, [&] { return cancelled_ || elements_.size() < capacity_; });
      if (!go || cancelled_ || stop.stop_requested()) return false;
      was_empty = elements_.empty();
      elements_.push_back(std::move(element));
    }
    if (was_empty) wake();
    return true;
  }

  /// No more elements. With `failure`, the consumer finds it in failure() after the last element.
  void finish(std::exception_ptr failure = nullptr) {
    {
      const std::lock_guard lock(mutex_);
      if (finished_) return;
      finished_ = true;
      failure_ = std::move(failure);
    }
    wake();
  }

  // --- consumer

  /// Sets the wake-up; called at once when there is something to look at already.
  void set_ready(std::function<void()> ready) {
    bool call = false;
    const std::lock_guard callback_lock(callback_mutex_);
    {
      const std::lock_guard lock(mutex_);
      call = !elements_.empty() || finished_;
    }
    ready_ = std::move(ready);
    if (call && ready_) ready_();
  }

  /// The next element; empty when there is none now (see finished()).
  [[nodiscard]] std::optional<T> try_pop() {
    std::optional<T> element;
    bool was_full = false;
    {
      const std::lock_guard lock(mutex_);
      if (elements_.empty()) return element;
      was_full = elements_.size() >= capacity_;
      element.emplace(std::move(elements_.front()));
      elements_.pop_front();
    }
    if (was_full) space_.notify_one();
    return element;
  }

  /// True when the producer has finished and every element was popped.
  [[nodiscard]] bool finished() const {
    const std::lock_guard lock(mutex_);
    return finished_ && elements_.empty();
  }
  /// Why the producer ended early; null when it did not.
  [[nodiscard]] std::exception_ptr failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  /// The consumer goes away: drops what is queued, releases a waiting producer. After it returns the wake-up is not
  /// running and will not run again.
  void cancel() {
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      elements_.clear();
    }
    space_.notify_all();
    const std::lock_guard callback_lock(callback_mutex_);
    ready_ = nullptr;
  }
  [[nodiscard]] bool cancelled() const {
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }

 private:
  void wake() {
    const std::lock_guard callback_lock(callback_mutex_);
    if (ready_) ready_();
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable_any space_;
  std::deque<T> elements_;
  bool finished_ = false;
  bool cancelled_ = false;
  std::exception_ptr failure_;

  std::mutex callback_mutex_;  // always taken before mutex_, never while holding it
  std::function<void()> ready_;
};

}  // namespace nexus::exec
