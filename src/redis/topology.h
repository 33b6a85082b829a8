#pragma once

#include "redis/node.h"
#include "redis/slots.h"
#include "redis/url.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::redis {

/// Which node gets a command, and how that is found out. On the loop's thread only.
class Topology {
 public:
  struct Events {
    std::function<void(Node& from, OpPtr, Value)> reply;
    std::function<void()> changed;  ///< up() may have changed
    std::function<void()> moved;    ///< the master is another one now
  };

  virtual ~Topology() = default;
  virtual void start() = 0;
  /// Null when nobody is known who could execute it.
  [[nodiscard]] virtual Node* route(const Op& op) = 0;
  /// A server said MOVED or ASK: the node that was named, null when the name is of no use.
  [[nodiscard]] virtual Node* redirect(std::uint16_t slot, const Endpoint& to, bool for_good) = 0;
  /// This node cannot serve now, though it answers: it became a replica, or its cluster is down.
  virtual void doubt(Node& node, std::string_view reason) = 0;
  virtual void sweep(std::int64_t now_us) = 0;
  virtual void close(Fault fault) = 0;
  [[nodiscard]] virtual bool up() const = 0;
  /// Where to listen for messages.
  [[nodiscard]] virtual std::optional<Endpoint> listen_at() const = 0;
};

/// For kSingle and kCluster. A single server that answers MOVED is part of a cluster, and is one from then on.
[[nodiscard]] std::unique_ptr<Topology> make_cluster(Loop& loop, const Url& url, Topology::Events events);
/// For kSentinel.
[[nodiscard]] std::unique_ptr<Topology> make_sentinel(Loop& loop, const Url& url, Topology::Events events);

}  // namespace nexus::redis
