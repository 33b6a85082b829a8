#include "http/server_fixture.h"

#include <future>
#include <string>

namespace nexus::http {
namespace {

using testing::RawConnection;

/// What the server counts about itself.
class ServerMetrics : public ServerTest {
 protected:
  [[nodiscard]] double gauge(std::string_view name) { return metrics.gauge(name).value(); }
  [[nodiscard]] std::uint64_t counter(std::string_view name, const observe::Labels& labels = {}) {
    return metrics.counter(name, labels).value();
  }
  [[nodiscard]] std::uint64_t timeouts(const char* phase) {
    return counter("nexusrag_http_timeouts_total", {{"phase", phase}});
  }
};

TEST_F(ServerMetrics, CountConnectionsAndBytesInBothDirections) {
  dispatcher.handlers["echo"] = [](Exchange& exchange) {
    exchange.reply = Reply::raw(exchange.request.body, "text/plain");
  };
  start();
  const std::string bytes =
      "POST /v1/open HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 300\r\n\r\n" +
      std::string(300, 'x');
  {
    RawConnection connection = raw();
    connection.send(bytes);
    EXPECT_EQ(connection.read_response().body.size(), 300U);
    const auto finished = dispatcher.wait_finished(1);
    EXPECT_EQ(gauge("nexusrag_http_connections"), 1);
    EXPECT_EQ(gauge("nexusrag_http_requests_in_flight"), 0);
    EXPECT_EQ(counter("nexusrag_http_received_bytes_total"), bytes.size());
    EXPECT_EQ(counter("nexusrag_http_sent_bytes_total"), finished[0].bytes_out);
    EXPECT_GT(finished[0].bytes_out, 300U);
    const observe::Histogram& bodies = metrics.histogram("nexusrag_http_request_bytes");
    EXPECT_EQ(bodies.sum(), 300);
    EXPECT_EQ(bodies.count_in_bucket(1), 1U);  // 256 < 300 <= 1024
  }
  server.reset();  // every connection has ended by then
  EXPECT_EQ(counter("nexusrag_http_connections_total"), 1U);
  EXPECT_EQ(gauge("nexusrag_http_connections"), 0);
}

TEST_F(ServerMetrics, ShowRequestsWhileTheyAreServed) {
  std::promise<void> inside;
  Gate gate;
  dispatcher.handlers["work"] = [&](Exchange&) {
    inside.set_value();
    gate.wait();
  };
  start();
  RawConnection connection = raw();
  connection.send("GET /v1/work HTTP/1.1\r\nHost: a\r\n\r\n");
  inside.get_future().wait();
  EXPECT_EQ(gauge("nexusrag_http_requests_in_flight"), 1);
  gate.open();
  EXPECT_EQ(connection.read_response().status, 200);
  static_cast<void>(dispatcher.wait_finished(1));
  EXPECT_EQ(gauge("nexusrag_http_requests_in_flight"), 0);
}

TEST_F(ServerMetrics, ShowStreamsWhileTheyAreWritten) {
  double seen = 0;
  stream_with([&](EventSink& sink) -> boost::asio::awaitable<void> {
    seen = gauge("nexusrag_sse_streams");
    sink.write("data: 1\n\n");
    co_await sink.drain();
  });
  start();
  RawConnection connection = raw();
  connection.send("POST /v1/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(connection.read_response().status, 200);
  const auto finished = dispatcher.wait_finished(1);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(gauge("nexusrag_sse_streams"), 0);
  EXPECT_EQ(counter("nexusrag_http_sent_bytes_total"), finished[0].bytes_out) << "streams count as they go";
}

TEST_F(ServerMetrics, NameTheTimeLimitThatClosedAConnection) {
  options.header_timeout = options.body_timeout = options.idle_timeout = std::chrono::milliseconds(60);
  dispatcher.handlers["ping"] = [](Exchange&) {};
  start();
  RawConnection silent = raw();
  EXPECT_TRUE(silent.at_end());
  EXPECT_EQ(timeouts("header"), 1U) << "the first request never began";
  RawConnection body = raw();
  body.send("POST /v1/open HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
  EXPECT_EQ(body.read_response().status, 408);
  EXPECT_EQ(timeouts("body"), 1U);
  RawConnection idle = raw();
  idle.send("GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(idle.read_response().status, 200);
  EXPECT_TRUE(idle.at_end());
  EXPECT_EQ(timeouts("idle"), 1U);
  EXPECT_EQ(timeouts("write"), 0U);
}

TEST_F(ServerMetrics, CountConnectionsThatFoundNoPlace) {
  options.max_connections = 0;
  start();
  RawConnection connection = raw();
  EXPECT_EQ(connection.read_response().status, 503);
  EXPECT_EQ(counter("nexusrag_http_connections_refused_total", {{"reason", "full"}}), 1U);
  EXPECT_EQ(counter("nexusrag_http_connections_total"), 0U);
}

}  // namespace
}  // namespace nexus::http
