#include "http/server_fixture.h"
#include "http/sse.h"
#include "http/stream.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <future>
#include <thread>

namespace nexus::http {
namespace {

using boost::asio::awaitable;
using testing::RawConnection;
using testing::SseStream;

class ServerStreams : public ServerTest {};

std::string frame(std::uint64_t id, std::string_view data) {
  std::string text;
  append_frame(text, "message", id, data);
  return text;
}

awaitable<void> write_three(EventSink& sink) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    sink.write(frame(id, "{}"));
    co_await sink.drain();
  }
}

awaitable<void> pause(EventSink& sink, std::chrono::milliseconds time) {
  const auto executor = sink.executor();
  boost::asio::steady_timer timer(executor, time);
  co_await timer.async_wait(boost::asio::use_awaitable);
}

/// Writes one event, then looks at the stop token now and then, as a stream that waits for a model does.
awaitable<void> wait_for_stop(EventSink& sink) {
  sink.write(frame(1, "{}"));
  while (!sink.stopped().stop_requested()) {
    constexpr std::chrono::milliseconds kStep{2};
    co_await pause(sink, kStep);
  }
  co_await sink.drain();
}

TEST_F(ServerStreams, SendTheHeadersOfTheContract) {
  stream_with(write_three, {{"X-SLA-Status", "healthy"}});
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}", {{"X-Request-Id", "r1"}});
  const auto& head = stream.head();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(*head.header("content-type"), "text/event-stream");
  EXPECT_EQ(*head.header("cache-control"), "no-cache");
  EXPECT_EQ(*head.header("connection"), "keep-alive");
  EXPECT_EQ(*head.header("x-accel-buffering"), "no");
  EXPECT_EQ(*head.header("x-sla-status"), "healthy");
  EXPECT_EQ(*head.header("x-request-id"), "r1");
  EXPECT_EQ(*head.header("transfer-encoding"), "chunked");
  const auto frames = stream.rest();
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[2].id, "3");
  const auto finished = dispatcher.wait_finished(1);
  EXPECT_FALSE(finished[0].client_gone);
  EXPECT_GT(finished[0].bytes_out, 100U);
}

TEST_F(ServerStreams, LeaveTheConnectionToTheNextRequest) {
  stream_with(write_three);
  start();
  RawConnection connection = raw();
  const std::string request = "POST /v1/stream HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}";
  connection.send(request + request + "GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(connection.read_response().body, frame(1, "{}") + frame(2, "{}") + frame(3, "{}"));
  EXPECT_EQ(connection.read_response().body, "pong");
}

TEST_F(ServerStreams, EndWithTheConnectionForHttp10) {
  stream_with(write_three);
  start();
  RawConnection connection = raw();
  connection.send("POST /v1/stream HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
  const auto response = connection.read_response();
  EXPECT_EQ(response.header("transfer-encoding"), nullptr);
  EXPECT_EQ(*response.header("connection"), "close");
  EXPECT_EQ(response.body, frame(1, "{}") + frame(2, "{}") + frame(3, "{}"));
}

TEST_F(ServerStreams, SendEventsWhenTheTurnEndsNotWhenTheStreamDoes) {
  std::atomic<bool> go_on{false};
  stream_with([&](EventSink& sink) -> awaitable<void> {
    sink.write(frame(1, "{}"));
    constexpr std::chrono::milliseconds kStep{2};
    while (!go_on) co_await pause(sink, kStep);
    sink.write(frame(2, "{}"));
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  go_on = true;
  EXPECT_EQ(stream.next()->id, "2");
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_F(ServerStreams, SendTheHeadBeforeTheFirstEvent) {
  std::atomic<bool> go_on{false};
  stream_with([&](EventSink& sink) -> awaitable<void> {
    constexpr std::chrono::milliseconds kStep{2};
    while (!go_on) co_await pause(sink, kStep);
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.head().status, 200);
  go_on = true;
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_F(ServerStreams, HoldBackTheProducerOfASlowReader) {
  constexpr std::uint64_t kEvents = 400;
  std::atomic<std::uint64_t> written{0};
  stream_with([&](EventSink& sink) -> awaitable<void> {
    const std::string text(64 * 1024, 'x');
    for (std::uint64_t id = 1; id <= kEvents; ++id) {
      sink.write(frame(id, text));
      written = id;
      co_await sink.drain();
    }
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  // 26 MB cannot all be under way: the producer waits although nobody has told it to.
  EXPECT_EQ(stream.next()->id, "1");
  EXPECT_EQ(client().get("/v1/ping").status, 200);
  EXPECT_LT(written.load(), kEvents);
  EXPECT_EQ(stream.rest().size(), kEvents - 1);
}

TEST_F(ServerStreams, SignalAClientThatClosed) {
  stream_with(wait_for_stop);
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  const auto left = clock.steady_us();
  stream.close();
  const auto finished = dispatcher.wait_finished(1);
  RecordProperty("disconnect_us", std::to_string(clock.steady_us() - left));
  EXPECT_TRUE(finished[0].client_gone);
}

TEST_F(ServerStreams, SignalAClientThatResetTheConnection) {
  stream_with(wait_for_stop);
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  stream.connection().reset();
  EXPECT_TRUE(dispatcher.wait_finished(1)[0].client_gone);
}

TEST_F(ServerStreams, UnwindAProducerThatWaitsForAReaderWhoLeft) {
  std::promise<void> unwound;
  stream_with([&](EventSink& sink) -> awaitable<void> {
    const std::string text(1024 * 1024, 'x');
    try {
      for (std::uint64_t id = 1;; ++id) {
        sink.write(frame(id, text));
        co_await sink.drain();
      }
    } catch (const ClientGone&) {
      unwound.set_value();
      throw;
    }
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.head().status, 200);
  stream.close();
  EXPECT_EQ(unwound.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_TRUE(dispatcher.wait_finished(1)[0].client_gone);
}

TEST_F(ServerStreams, GiveUpOnAReaderThatNeverReads) {
  options.write_timeout = std::chrono::milliseconds(100);
  stream_with([](EventSink& sink) -> awaitable<void> {
    const std::string text(1024 * 1024, 'x');
    for (;;) {
      sink.write(text);
      co_await sink.drain();
    }
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_TRUE(dispatcher.wait_finished(1)[0].client_gone);
}

TEST_F(ServerStreams, BreakOffWhenTheyFail) {
  stream_with([](EventSink& sink) -> awaitable<void> {
    sink.write(frame(1, "{}"));
    co_await sink.drain();
    throw std::runtime_error("defect");
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  EXPECT_THROW(static_cast<void>(stream.next()), std::runtime_error);
  EXPECT_FALSE(dispatcher.wait_finished(1)[0].client_gone);
  EXPECT_EQ(client().get("/v1/ping").status, 200);
}

TEST_F(ServerStreams, KeepRequestsThatArriveMeanwhile) {
  std::atomic<bool> go_on{false};
  stream_with([&](EventSink& sink) -> awaitable<void> {
    sink.write(frame(1, "{}"));
    constexpr std::chrono::milliseconds kStep{2};
    while (!go_on) co_await pause(sink, kStep);
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  std::string requests;
  for (int i = 0; i < 3; ++i) requests += "GET /v1/ping HTTP/1.1\r\nHost: a\r\n\r\n";
  stream.connection().send(requests);
  go_on = true;
  EXPECT_EQ(stream.next(), std::nullopt);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(stream.connection().read_response().body, "pong");
}

TEST_F(ServerStreams, StopAtTheEndOfTheGrace) {
  stream_with(wait_for_stop);
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->id, "1");
  EXPECT_FALSE(server->shutdown(std::chrono::milliseconds(20)));
  EXPECT_THROW(static_cast<void>(stream.next()), std::runtime_error);
  EXPECT_TRUE(server->shutdown(std::chrono::seconds(20)));
}

TEST_F(ServerStreams, AwaitCallbacksFromOtherThreads) {
  stream_with([&](EventSink& sink) -> awaitable<void> {
    const auto home = std::this_thread::get_id();
    std::atomic<bool> elsewhere{false};
    std::function<void(Completion)> on_lane = [&](Completion completion) {
      const bool taken = lane->try_post([&elsewhere, home, completion = std::move(completion)] {
        elsewhere = std::this_thread::get_id() != home;
        completion(nullptr);
      });
      EXPECT_TRUE(taken);
    };
    co_await await_callback(on_lane);
    EXPECT_TRUE(elsewhere);
    EXPECT_EQ(std::this_thread::get_id(), home);
    std::string caught;
    std::function<void(Completion)> failing = [](const Completion& completion) {
      completion(std::make_exception_ptr(std::runtime_error("no commit")));
    };
    try {
      co_await await_callback(failing);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    EXPECT_EQ(caught, "no commit");
    std::function<void(Completion)> dropping = [](const Completion&) {};
    bool dropped = false;
    try {
      co_await await_callback(dropping);
    } catch (const std::logic_error&) {
      dropped = true;
    }
    EXPECT_TRUE(dropped);
    sink.write(frame(1, "done"));
  });
  start();
  SseStream stream = client().open_stream("/v1/stream", "{}");
  EXPECT_EQ(stream.next()->data, "done");
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST_F(ServerStreams, RunSideBySide) {
  stream_with(write_three);
  options.io_threads = 2;
  start();
  std::vector<std::thread> threads;
  std::atomic<std::size_t> events{0};
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 30; ++i) events += client().open_stream("/v1/stream", "{}").rest().size();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(events, 6U * 30 * 3);
}

}  // namespace
}  // namespace nexus::http
