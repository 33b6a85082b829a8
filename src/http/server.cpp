#include "http/server.h"

#include "exec/lane.h"
#include "http/connection_io.h"
#include "http/router.h"
#include "http/stream.h"
#include "observe/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>

#include <stdexcept>
#include <system_error>

namespace nexus::http {
namespace {

using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::string_view kFull =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

void check_lanes(const Router& router, const Lanes& lanes) {
  for (const auto& row : router.endpoints()) {
    const bool present = row.spec.lane == LaneKind::kInline || (row.spec.lane == LaneKind::kDb && lanes.db) ||
                         (row.spec.lane == LaneKind::kOutbound && lanes.outbound) ||
                         (row.spec.lane == LaneKind::kBulk && lanes.bulk);
    if (!present) throw std::logic_error("route " + std::string(row.spec.path) + " names a lane that is missing");
  }
}

boost::asio::ip::address parse_host(const std::string& host) {
  boost::system::error_code error;
  auto address = boost::asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, error);
  if (error) throw std::system_error(std::make_error_code(std::errc::invalid_argument), "listen address " + host);
  return address;
}

}  // namespace

Exchange::Exchange() = default;
Exchange::~Exchange() = default;

class Server::Impl {
 public:
  Impl(ServerOptions options, const Router& router, Dispatcher& dispatcher, Lanes lanes, const Clock& clock,
       observe::Metrics& metrics)
      : shared(std::move(options), router, dispatcher, lanes, clock, metrics) {
    check_lanes(router, lanes);
  }

  ~Impl() {
    shutdown(std::chrono::milliseconds(0));
    {
      std::unique_lock lock(shared.mutex);
      shared.none_open.wait(lock, [this] { return shared.open.load() == 0; });
    }
    for (auto& thread : threads_) thread->stop();
    shared.disk.join();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void start() {
    if (!threads_.empty()) throw std::logic_error("the server has been started before");
    const std::size_t count = std::max<std::size_t>(1, shared.options.io_threads);
    for (std::size_t i = 0; i < count; ++i) threads_.push_back(std::make_unique<IoThread>(shared));
    open_listener();
    boost::asio::co_spawn(threads_.front()->context, accept_loop(), boost::asio::detached);
    for (auto& thread : threads_) thread->start();
  }

  void stop_accepting() {
    if (!acceptor_ || stopping_.exchange(true)) return;
    boost::asio::post(threads_.front()->context, [this] {
      boost::system::error_code ignored;
      acceptor_->close(ignored);
      pause_->cancel();
    });
  }

  bool shutdown(std::chrono::milliseconds grace) {
    stop_accepting();
    shared.draining = true;
    for (auto& thread : threads_) thread->close_idle();
    std::unique_lock lock(shared.mutex);
    const auto none_open = [this] { return shared.open.load() == 0; };
    if (shared.none_open.wait_for(lock, grace, none_open)) return true;
    for (auto& thread : threads_) thread->close_all();
    return false;
  }

  ServerContext shared;
  std::uint16_t port = 0;

 private:
  void open_listener();
  boost::asio::awaitable<void> accept_loop();
  void hand_over(Socket socket, IoThread& thread);

  std::vector<std::unique_ptr<IoThread>> threads_;
  std::optional<Acceptor> acceptor_;  // on the first I/O thread
  std::optional<SteadyTimer> pause_;  // likewise
  std::atomic<bool> stopping_{false};
};

void Server::Impl::open_listener() {
  const boost::asio::ip::tcp::endpoint wanted(parse_host(shared.options.host), shared.options.port);
  acceptor_.emplace(threads_.front()->context);
  pause_.emplace(threads_.front()->context);
  const std::string where = shared.options.host + ":" + std::to_string(shared.options.port);
  const auto check = [&](const boost::system::error_code& error) {
    if (error) throw std::system_error(error.value(), std::generic_category(), "listen on " + where);
  };
  boost::system::error_code error;
  acceptor_->open(wanted.protocol(), error);
  check(error);
  acceptor_->set_option(boost::asio::socket_base::reuse_address(true), error);
  check(error);
  acceptor_->bind(wanted, error);
  check(error);
  acceptor_->listen(boost::asio::socket_base::max_listen_connections, error);
  check(error);
  const auto bound = acceptor_->local_endpoint(error);
  check(error);
  port = bound.port();
  const std::string ip = bound.address().to_string();
  shared.address = (bound.address().is_v6() ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

/// One listener for all threads, which take turns: a second server on the port fails to bind, as it should, and the
/// connections spread evenly.
boost::asio::awaitable<void> Server::Impl::accept_loop() {
  std::size_t next = 0;
  while (!stopping_) {
    IoThread& thread = *threads_[next++ % threads_.size()];
    Socket socket(thread.context);
    const auto [error] = co_await acceptor_->async_accept(socket, kAwait);
    if (!error) {
      hand_over(std::move(socket), thread);
      continue;
    }
    if (stopping_) break;
    // Out of descriptors or memory: give others time to close. An aborted handshake is nobody's fault.
    if (error == boost::asio::error::connection_aborted) continue;
    observe::log_warn("accept failed", {{"reason", error.message()}});
    pause_->expires_after(kAcceptPause);
    const auto [woken] = co_await pause_->async_wait(kAwait);
    static_cast<void>(woken);
  }
}

void Server::Impl::hand_over(Socket socket, IoThread& thread) {
  if (shared.open.load() >= shared.options.max_connections) {
    shared.metrics.refused_full.add();  // first: who reads the answer may look at the count
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(kFull.data(), kFull.size()), ignored);
    return;
  }
  shared.open.fetch_add(1);
  shared.metrics.accepted.add();
  shared.metrics.connections.add(1);
  boost::asio::post(thread.context,
                    [&thread, socket = std::move(socket)]() mutable { thread.adopt(std::move(socket)); });
}

Server::Server(ServerOptions options, const Router& router, Dispatcher& dispatcher, Lanes lanes, const Clock& clock,
               observe::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(options), router, dispatcher, lanes, clock, metrics)) {}
Server::~Server() = default;

void Server::start() {
  impl_->start();
}
void Server::stop_accepting() {
  impl_->stop_accepting();
}
bool Server::shutdown(std::chrono::milliseconds grace) {
  return impl_->shutdown(grace);
}
std::string Server::address() const {
  return impl_->shared.address;
}
std::uint16_t Server::port() const {
  return impl_->port;
}
std::size_t Server::open_connections() const {
  return impl_->shared.open.load();
}

}  // namespace nexus::http
