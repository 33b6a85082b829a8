#pragma once

#include "http/client_ip.h"
#include "http/http_metrics.h"
#include "http/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

// Internal to the server: what connections share. Included by connection*.cpp and server.cpp only.
namespace nexus::http {

using Executor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, Executor>;
using SteadyTimer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                      boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

/// Completion token of every await here: errors are values, and the object has a name (co_await rules).
inline constexpr auto kAwait = boost::asio::as_tuple(boost::asio::use_awaitable);

/// What all connections of a server share. Outlives them.
struct ServerContext {
  ServerContext(ServerOptions server_options, const Router& server_router, Dispatcher& server_dispatcher,
                Lanes server_lanes, const Clock& server_clock, observe::Metrics& registry)
      : options(std::move(server_options)),
        router(server_router),
        dispatcher(server_dispatcher),
        lanes(server_lanes),
        clock(server_clock),
        metrics(registry),
        proxies(options.trusted_proxies) {}

  const ServerOptions options;
  const Router& router;
  Dispatcher& dispatcher;
  const Lanes lanes;
  const Clock& clock;
  HttpMetrics metrics;
  const ProxyTrust proxies;
  std::string address;  ///< host:port as bound; set before the first connection
  /// Spool files and file bodies. A thread of its own: a lane could keep an upload waiting behind long jobs.
  boost::asio::thread_pool disk{1};
  std::atomic<bool> draining{false};  ///< every answer closes its connection

  /// Open connections; the condition is signalled when the last one ends.
  std::atomic<std::size_t> open{0};
  std::mutex mutex;
  std::condition_variable none_open;
};

class Connection;

/// One thread with its own io_context; its connections never leave it, so nothing of theirs is locked.
class IoThread {
 public:
  explicit IoThread(ServerContext& shared);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  /// Ends the loop and joins. Only after the last connection has gone.
  void stop();

  /// On this thread: takes the socket and serves it.
  void adopt(Socket socket);
  /// From any thread: closes connections that wait for a request, or all of them.
  void close_idle();
  void close_all();

  // For connections, on this thread.
  void add(Connection& connection);
  void remove(Connection& connection) noexcept;
  /// `Date` value of this second (RFC 9110 §5.6.7).
  [[nodiscard]] std::string_view date();

  ServerContext& shared;
  boost::asio::io_context context{1};

 private:
  void tick();

  boost::asio::executor_work_guard<Executor> work_;
  SteadyTimer ticker_;
  bool ticking_ = false;
  std::vector<Connection*> connections_;
  std::string date_;
  std::int64_t date_second_ = -1;
  std::thread thread_;
};

}  // namespace nexus::http
