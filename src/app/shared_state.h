#pragma once

#include "base/time.h"
#include "config/settings.h"
#include "exec/periodic.h"
#include "modules/jobs/ports.h"
#include "observe/metrics.h"
#include "outbound/breaker_store.h"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::redis {
class Client;
class Heartbeats;
class WakeUps;
}  // namespace nexus::redis

namespace nexus::app {

/// What replicas share through Redis (REDIS_URL). Without one it is empty: everything stays in this process. Nothing
/// here fails because Redis is away. Thread-safe.
class SharedState {
 public:
  /// Begins to connect and waits for it, at most REDIS_CONNECT_TIMEOUT_MS. Throws config::ConfigError for an address or
  /// a TLS file that cannot be used.
  SharedState(const config::Settings& settings, const Clock& clock, observe::Metrics& metrics);
  ~SharedState();
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;

  /// Null without Redis. Lives as long as this.
  [[nodiscard]] redis::Client* client() const noexcept { return client_.get(); }
  /// Breakers of all replicas, or of this process.
  [[nodiscard]] std::unique_ptr<outbound::BreakerStore> breakers() const;

  /// A worker that is woken by other processes, and whose life others see, while this object lives.
  class Listening {
   public:
    Listening(SharedState& shared, jobs::Waker& worker, std::string_view kind, bool beats);
    ~Listening();
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;

   private:
    SharedState& shared_;
    jobs::Waker& worker_;
  };
  /// Tells the workers of other processes that a commit enqueued work of `kind`. Does not wait.
  void publish(std::string_view kind);
  /// Work of others is announced here: workers need not look for it often.
  [[nodiscard]] bool announces() const;

  /// Ends all connections; what is asked afterwards finds Redis lost.
  void close() noexcept;

 private:
  struct Sleeper {
    jobs::Waker* worker;
    std::string kind;
    bool beats;
  };
  void wake(std::string_view kind);
  void beat();

  const config::Settings& settings_;
  const Clock& clock_;
  const std::string process_;  // names this process among the workers
  std::mutex mutex_;
  std::vector<Sleeper> sleepers_;  // guarded by mutex_
  std::unique_ptr<redis::Client> client_;
  std::unique_ptr<redis::WakeUps> wakes_;
  std::unique_ptr<redis::Heartbeats> beats_;
  std::unique_ptr<exec::Periodic> beating_;
};

}  // namespace nexus::app
