#pragma once

// For the tests of this room: a server on a free port with a dispatcher whose rows are functions of the test.

#include "base/time.h"
#include "exec/lane.h"
#include "http/router.h"
#include "http/server.h"
#include "http/stream.h"
#include "observe/metrics.h"
#include "support/test_client.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nexus::http {

/// A stream whose coroutine is a function of the test.
class FunctionStream final : public EventStream {
 public:
  using Run = std::function<boost::asio::awaitable<void>(EventSink&)>;
  explicit FunctionStream(Run run, Pairs headers = {}) : run_(std::move(run)), headers_(std::move(headers)) {}
  [[nodiscard]] const Pairs& headers() const override { return headers_; }
  boost::asio::awaitable<void> run(EventSink& sink) override { return run_(sink); }

 private:
  Run run_;
  Pairs headers_;
};

/// What finished() was told about an exchange.
struct Finished {
  std::string path;
  std::string request_id;
  int status = 0;
  bool answered = false;
  bool client_gone = false;
  std::uint64_t bytes_out = 0;
  std::int64_t first_byte_us = 0;
  std::int64_t total_us = 0;
};

/// Refuses rows with a role to callers without Authorization; runs `handlers[operation]`; records what finished.
class FakeDispatcher final : public Dispatcher {
 public:
  std::map<std::string, std::function<void(Exchange&)>, std::less<>> handlers;
  std::function<void(Exchange&)> on_admit;

  void admit(Exchange& exchange) noexcept override;
  void execute(Exchange& exchange) noexcept override;
  void refuse(Exchange& exchange, const ApiError& error) noexcept override;
  void finished(Exchange& exchange) noexcept override;

  /// Waits until `count` exchanges have finished; returns them in order.
  [[nodiscard]] std::vector<Finished> wait_finished(std::size_t count);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Finished> finished_;
};

/// Lets a handler wait until the test opens it.
class Gate {
 public:
  void open();
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest();
  ~ServerTest() override;

  void start();
  [[nodiscard]] std::uint16_t port() const { return server->port(); }
  [[nodiscard]] testing::TestClient client() const { return testing::TestClient(server->port()); }
  [[nodiscard]] testing::RawConnection raw() const { return testing::RawConnection(server->port()); }
  void stream_with(FunctionStream::Run run, Pairs headers = {});
  [[nodiscard]] std::size_t spooled() const;

  std::filesystem::path directory;
  ServerOptions options;
  FakeDispatcher dispatcher;
  observe::Metrics metrics;
  SystemClock clock;
  std::size_t lane_threads = 2;
  std::size_t lane_capacity = 64;
  std::unique_ptr<exec::Lane> lane;
  std::unique_ptr<Router> router;
  std::unique_ptr<Server> server;
};

}  // namespace nexus::http
