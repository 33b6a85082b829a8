#pragma once

#include "exec/backoff.h"
#include "redis/connection.h"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::redis {

/// What a node is for.
struct NodeOptions {
  /// Where it is now; asked before each attempt. Empty: nobody knows yet.
  std::function<std::optional<Endpoint>()> where;
  std::vector<Greeting> greetings;
  std::string_view role;  ///< for the log: "server", "sentinel", "listener"
};

/// A place in the layout that always has a connection, or is about to make one: reconnects with growing pauses and
/// jitter. On the loop's thread only. Owned through a shared pointer; close() before the last one goes.
class Node : public std::enable_shared_from_this<Node> {
 public:
  struct Events {
    std::function<void()> ready;
    std::function<void()> lost;  ///< after each failed attempt, too
    std::function<void(OpPtr, Value)> reply;
    std::function<void(Value)> push;
  };

  Node(Loop& loop, NodeOptions options, Events events);

  void start();
  /// Hands the command to the connection. While the very first attempt, or that of renew(), is under way the command
  /// waits for it; when the server is known to be away or to hang, it ends with kUnavailable at once.
  void send(OpPtr op);
  void listen(const std::string& channel);
  void sweep(std::int64_t now_us);
  /// Drops the connection and makes a new one, without a pause: the server is the wrong one, or has moved.
  void renew(std::string_view reason);
  /// Ends every command with `fault`; no event follows.
  void close(Fault fault);

  [[nodiscard]] bool ready() const { return connection_ && connection_->ready(); }
  [[nodiscard]] std::optional<Endpoint> endpoint() const;

 private:
  void attempt();
  void on_ready();
  void on_ended(std::string_view reason);
  void retry_after(std::int64_t pause_us);
  static void fail(OpPtr op, Fault fault);
  void fail_all(Fault fault);

  Loop& loop_;
  const NodeOptions options_;
  Events events_;
  std::shared_ptr<Connection> connection_;
  std::deque<OpPtr> waiting_;  // for the first attempt
  boost::asio::steady_timer pause_;
  exec::Backoff backoff_;
  int failures_ = 0;  // since the last good connection
  bool closed_ = false;
};

/// What every connection to a data node says first.
[[nodiscard]] std::vector<Greeting> data_greetings(const Url& url, const ClientOptions& options, bool must_be_master);
[[nodiscard]] std::vector<Greeting> sentinel_greetings(const ClientOptions& options);

}  // namespace nexus::redis
