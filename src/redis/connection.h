#pragma once

#include "redis/loop.h"
#include "redis/resp.h"
#include "redis/url.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::redis {

/// What is said before a connection may be used: each command must be answered without an error, or, if `optional`,
/// with anything; `master`: the answer to ROLE must not be that of a replica.
struct Greeting {
  Command command;
  std::string_view name;  ///< for the log
  bool optional = false;
  bool master = false;
};

/// One connection: look-up, TCP, TLS, greeting, then pipelined commands. Lives once; whoever wants another makes one.
/// On the loop's thread only; kept alive by its operations until they have ended.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// Called from the loop, not from within the functions below.
  struct Events {
    std::function<void()> ready;
    std::function<void(OpPtr, Value)> reply;
    std::function<void(Value)> push;                     ///< what nobody asked for
    std::function<void(std::string_view reason)> ended;  ///< once; afterwards take() what is left
  };

  Connection(Loop& loop, Endpoint endpoint, std::vector<Greeting> greetings, Events events);

  void open();
  /// When it is ready.
  void send(OpPtr op);
  /// From now on every answer is a push.
  void listen(const std::string& channel);
  /// Ends commands whose time is over with kTimeout, and the connection when its server has been silent for long.
  void sweep(std::int64_t now_us);
  /// Without an event.
  void close();
  /// Commands without an answer.
  [[nodiscard]] std::vector<OpPtr> take();

  [[nodiscard]] bool ready() const { return state_ == State::kReady; }
  /// A command ran out of time and its answer has not come yet: another would wait behind it.
  [[nodiscard]] bool stalled() const { return stalled_since_us_ != 0; }
  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Tcp = boost::asio::ip::tcp;
  using Error = boost::system::error_code;
  enum class State : std::uint8_t { kOpening, kReady, kEnded };
  struct Expected {
    enum class What : std::uint8_t { kGreeting, kOp, kIgnored } what;
    OpPtr op;                  // null when its time is over
    std::size_t greeting = 0;  // kGreeting
  };

  void connect(const std::vector<boost::asio::ip::address>& addresses);
  void secure();
  void greet();
  void read();
  void on_bytes(const Error& error, std::size_t size);
  void on_value(Value value);
  void on_greeting(const Greeting& greeting, const Value& value);
  void ping();
  void flush_soon();
  void flush();
  void end(std::string_view reason);
  /// True when the operation's result is of no interest any more.
  bool failed(const Error& error, std::string_view what);

  Loop& loop_;
  const Endpoint endpoint_;
  const std::vector<Greeting> greetings_;
  Events events_;
  State state_ = State::kOpening;
  bool listening_ = false;
  Tcp::socket socket_;
  std::optional<boost::asio::ssl::stream<Tcp::socket&>> tls_;
  boost::asio::steady_timer opening_;
  RespParser parser_;
  std::deque<Expected> expected_;
  std::array<char, 16 * 1024> in_{};
  std::string out_;      // to be written
  std::string writing_;  // being written
  bool flush_posted_ = false;
  bool write_under_way_ = false;
  std::int64_t stalled_since_us_ = 0;
  std::int64_t heard_at_us_ = 0;
  bool pinged_ = false;  // since the server was heard last
};

}  // namespace nexus::redis
