#pragma once

#include "redis/client.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace nexus::redis {

/// Tells the workers of other processes that there is work, so that they need not look for it twice a second. A hint
/// and no more: the queue is in the database, and who misses a wake-up finds the job when it looks. Thread-safe.
class WakeUps {
 public:
  /// Called on the client's thread with the kind of work, or with an empty kind when wake-ups may have been missed and
  /// everybody should look; must neither block nor throw.
  using Wake = std::function<void(std::string_view kind)>;

  /// Begins to listen on `channel`. The client outlives this, and is closed before what `wake` uses goes.
  WakeUps(Client& client, std::string channel, Wake wake);

  /// Call after the commit that enqueued the work. Does not wait. While one message of a kind is under way another is
  /// sent only after it, once, however often this is called.
  void publish(std::string_view kind);
  /// Messages arrive: sleepers may sleep long.
  [[nodiscard]] bool live() const { return live_->load(std::memory_order_relaxed); }

 private:
  struct Publishing {
    std::mutex mutex;
    std::map<std::string, bool, std::less<>> under_way;  // kind → wanted again
  };
  static void send(Client& client, const std::string& channel, const std::string& kind,
                   const std::shared_ptr<Publishing>& publishing);

  Client& client_;
  const std::string channel_;
  // Shared with callbacks of the client, which may outlive this.
  const std::shared_ptr<Publishing> publishing_ = std::make_shared<Publishing>();
  const std::shared_ptr<std::atomic<bool>> live_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace nexus::redis
