#pragma once

#include "base/secret.h"
#include "redis/command.h"
#include "redis/resp.h"
#include "redis/url.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::observe {
class Metrics;
}

namespace nexus::redis {

/// Who is trusted and who we are, for rediss:// addresses (TLS 1.2 and later; the server's name is always checked).
struct TlsOptions {
  std::string ca_file;      ///< PEM; empty: the system's authorities
  std::string cert_file;    ///< PEM chain of our own, for servers that ask for one; empty: none
  std::string key_file;     ///< PEM, of cert_file
  std::string server_name;  ///< expected in the certificate instead of the host: cluster nodes go by addresses
};

struct ClientOptions {
  std::int64_t connect_timeout_us = 250'000;  ///< look-up, connection, TLS and greeting together
  std::int64_t command_timeout_us = 50'000;   ///< of a command that names none; a redirection does not start it anew
  std::int64_t idle_ping_us = 1'000'000;      ///< a connection that is quiet this long is asked whether it lives
  std::int64_t backoff_first_us = 50'000;     ///< between attempts to connect; doubled, with jitter
  std::int64_t backoff_most_us = 1'000'000;
  std::size_t max_pending = 8'192;             ///< commands waiting for an answer; more are refused
  std::size_t max_command_bytes = 256 * 1024;  ///< longer ones are refused
  RespLimits reply;
  TlsOptions tls;
  std::string client_name = "nexusrag";  ///< as CLIENT LIST shows it
  std::string sentinel_user;             ///< sentinels have accounts of their own
  Secret sentinel_password;
};

/// Why there is no answer.
enum class Fault : std::uint8_t {
  kNone,
  kUnavailable,  ///< no connection, or the server cannot serve now: it loads, is a replica, its cluster is down
  kTimeout,      ///< no answer in time; the command may have been executed
  kBusy,         ///< too many commands wait already, or this one is too long
  kClosed,       ///< the client is closed
};
/// "none", "unavailable", "timeout", "busy", "closed".
[[nodiscard]] std::string_view to_string(Fault fault);

struct Reply {
  Fault fault = Fault::kNone;
  Value value;  ///< when there is no fault; it may be an error of the server

  /// An answer that is no error.
  [[nodiscard]] bool ok() const { return fault == Fault::kNone && !value.is_error(); }
};

/// One Redis, Sentinel service or Redis Cluster. All connections (one a node) live on one thread of the client's own,
/// and commands of all callers share them, pipelined. Connections are made, kept and made again in the background; a
/// command never waits for a server that is known to be away. Thread-safe. Nothing here throws because Redis is away.
///
/// A command that was sent is never sent again, except where the server says that it was not executed (MOVED, ASK,
/// TRYAGAIN, NOSCRIPT).
class Client {
 public:
  using Callback = std::function<void(Reply)>;

  /// Starts its thread and begins to connect. Throws std::runtime_error when the TLS files cannot be read.
  Client(Url url, ClientOptions options, observe::Metrics& metrics);
  /// Closes.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Blocks until the answer or `timeout_us` (0: the option), never longer.
  [[nodiscard]] Reply call(const Command& command, std::int64_t timeout_us = 0);
  /// Does not block. `done` is called exactly once, on the client's thread or, when the command is refused at once, on
  /// the caller's; it must neither block nor throw.
  void send(Command command, Callback done, std::int64_t timeout_us = 0);

  struct Subscription {
    std::string channel;
    std::function<void(std::string_view message)> message;
    /// The channel is heard, for the first time or again: what was published meanwhile was missed.
    std::function<void()> heard;
    std::function<void()> lost;  ///< the channel is not heard any more
  };
  /// Listens on a connection of its own until the client closes. The functions are called on the client's thread; they
  /// must neither block nor throw.
  void subscribe(Subscription subscription);

  /// There is a connection to (a master of) it right now.
  [[nodiscard]] bool up() const;
  /// Waits until it is up; false when the time is over. For starts and tests.
  [[nodiscard]] bool wait_until_up(std::int64_t timeout_us) const;
  /// Ends all commands and connections; later commands are refused. Not from a callback.
  void close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::redis
