#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::outbound {

/// The body of one streamed answer, between the loop's thread, which must not wait, and the caller's, which does.
/// Holds `room` bytes at most, or one piece when that is larger.
class BodyPipe {
 public:
  explicit BodyPipe(std::size_t room) : room_(room) {}
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;

  /// The loop's. False: no room, nothing was taken; the same bytes are to come again once take() has asked for them.
  [[nodiscard]] bool offer(std::string_view piece) {
    const std::lock_guard lock(mutex_);
    if (!waiting_.empty() && waiting_.size() + piece.size() > room_) {
      refused_ = true;
      return false;
    }
    waiting_.append(piece);
    changed_.notify_one();
    return true;
  }

  /// The loop's. Nothing more comes; `drop` also throws away what waits.
  void end(bool drop) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (drop) waiting_.clear();
    changed_.notify_one();
  }

  /// The caller's. Waits, and moves all that has come into `piece`; false at the end. Calls `ask_for_more` when a piece
  /// had been refused.
  template <class AskForMore>
  [[nodiscard]] bool take(std::string& piece, const AskForMore& ask_for_more) {
    piece.clear();
    bool refused = false;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      piece.swap(waiting_);
      refused = std::exchange(refused_, false);
    }
    if (refused) ask_for_more();
    return !piece.empty();
  }

 private:
  const std::size_t room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  bool refused_ = false;
  bool ended_ = false;
};

}  // namespace nexus::outbound
