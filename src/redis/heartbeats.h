#pragma once

#include "base/time.h"
#include "redis/client.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::redis {

struct HeartbeatOptions {
  /// Holds the time of the latest beat of anybody, as ISO text: what monitoring scripts of the original read. Beside
  /// it stands "<key>s", a sorted set of workers by the time of their latest beat.
  std::string key = "nexusrag:worker:heartbeat";
  std::int64_t forget_us = 600 * Timestamp::kSecond;  ///< a worker that is silent this long is gone
};

/// Which workers live. Ages are told by the server's clock, so that clocks of workers and readers need not agree.
/// Thread-safe.
class Heartbeats {
 public:
  struct Worker {
    std::string kind;
    std::string id;
    std::int64_t age_us = 0;
  };

  /// Both outlive this.
  Heartbeats(Client& client, const Clock& clock, HeartbeatOptions options = {});

  /// Does not wait; a beat that Redis does not take is lost, and the next one makes it good. `id` without spaces.
  void beat(std::string_view kind, std::string_view id);
  /// A worker that ends in peace is not missed.
  void leave(std::string_view kind, std::string_view id);
  /// Those that are not forgotten, the liveliest first; empty optional when Redis does not answer.
  [[nodiscard]] std::optional<std::vector<Worker>> workers();
  /// Time since the latest beat of a worker of this kind; empty when there is none or Redis does not answer.
  [[nodiscard]] std::optional<std::int64_t> age_us(std::string_view kind);

 private:
  Client& client_;
  const Clock& clock_;
  const HeartbeatOptions options_;
  const std::string set_;
  const Script beat_;
  const Script read_;
};

}  // namespace nexus::redis
