// What stream() promises. The sink runs on the test's own thread, so most tests watch the twin from inside it.
#include "exec/lane.h"
#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace nexus::outbound {
namespace {

using nexus::testing::twin_fault;
using nexus::testing::twin_pieces;
using nexus::testing::twin_status;
using nexus::testing::TwinAnswer;
using nexus::testing::TwinFault;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// What one machine may keep of a stream that nobody reads: the buffers of two sockets. Far below an endless body.
constexpr std::uint64_t kMostInTheKernel = 16u * 1024 * 1024;

using CurlStreamTest = CurlStreamFixture;

TEST_F(CurlStreamTest, HandsPiecesOverInOrderWhileTheyArriveAndOnTheCallersThread) {
  TwinAnswer answer = twin_pieces({{.bytes = "one "}, {.bytes = "two ", .hold = true}, {.bytes = "three"}});
  answer.headers = {{"X-Thing", "v"}};
  twin.script({answer});
  std::vector<std::thread::id> threads;
  std::string all;
  const Response response = client().stream(get(), [&](std::string_view piece) {
    threads.push_back(std::this_thread::get_id());
    if (all.empty()) {
      EXPECT_EQ(piece, "one ") << "what comes later is still held by the twin";
      twin.release();
    }
    all.append(piece);
    return true;
  });
  EXPECT_EQ(all, "one two three");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_FALSE(response.stopped);
  EXPECT_EQ(response.attempts, 1);
  EXPECT_NE(
      std::find(response.headers.begin(), response.headers.end(), std::pair<std::string, std::string>("x-thing", "v")),
      response.headers.end());
  for (const std::thread::id id : threads) EXPECT_EQ(id, std::this_thread::get_id());
  EXPECT_EQ(calls("ok"), 1u);
}

TEST_F(CurlStreamTest, CarriesALongBodyThroughASmallBuffer) {
  options.loop.stream_buffer_bytes = 1;
  std::string body;
  while (body.size() < 3u * 1024 * 1024) body += std::to_string(body.size()) + ",";
  twin.always(twin_status(200, body));
  std::size_t largest = 0;
  const PieceSink sizes = [&](std::string_view piece) {
    largest = std::max(largest, piece.size());
    return true;
  };
  EXPECT_EQ(outcome_of(post(), sizes), "200 ");
  EXPECT_TRUE(got == body);
  EXPECT_LE(largest, 16u * 1024) << "one piece of libcurl";
  EXPECT_EQ(outcome_of(post()), "200 ");
  EXPECT_EQ(twin.connections(), 1u) << "a stream that was read to its end leaves a connection to use again";
}

TEST_F(CurlStreamTest, CollectsTheBodyOfEveryOtherStatus) {
  TwinAnswer limited = twin_pieces({{.bytes = "slow "}, {.bytes = "down"}});
  limited.status = 429;
  twin.script({limited, twin_status(500, "ill"), twin_status(204), twin_status(301, "moved"), twin_status(200, "")});
  EXPECT_EQ(outcome_of(get()), "429 slow down");
  EXPECT_EQ(outcome_of(get()), "500 ill");
  EXPECT_EQ(outcome_of(get()), "204 ");
  EXPECT_EQ(outcome_of(get()), "301 moved");
  EXPECT_EQ(outcome_of(get()), "200 ");
  EXPECT_EQ(got, "");
  EXPECT_EQ(calls("server_error"), 1u);
  EXPECT_EQ(calls("client_error"), 1u);
}

TEST_F(CurlStreamTest, HangsUpWhenTheSinkWantsNoMore) {
  twin.always(twin_fault(TwinFault::kEndlessBody));
  EXPECT_EQ(outcome_of(get(), [&](std::string_view) { return got.size() < 100'000; }), "200 stopped");
  twin.wait_for_hangups(1);
  EXPECT_EQ(calls("ok"), 1u);
  EXPECT_EQ(twin.requests().size(), 1u);
}

TEST_F(CurlStreamTest, HangsUpOnAPeerThatIsSilentWhenTheSinkWantsNoMore) {
  twin.always(twin_pieces({{.bytes = "enough"}}, TwinFault::kHalfBodyThenSilence));
  const auto started = SteadyClock::now();
  EXPECT_EQ(outcome_of(get(), [](std::string_view) { return false; }), "200 stopped");
  EXPECT_LT(SteadyClock::now() - started, milliseconds(1'000));
  EXPECT_EQ(got, "enough");
  twin.wait_for_hangups(1);
}

TEST_F(CurlStreamTest, ThrowsWhatTheSinkThrowsAndHangsUp) {
  twin.always(twin_fault(TwinFault::kEndlessBody));
  EXPECT_THROW((void)client().stream(get(), [](std::string_view) -> bool { throw std::out_of_range("mine"); }),
               std::out_of_range);
  twin.wait_for_hangups(1);
  EXPECT_EQ(calls("cancelled"), 1u);
}

TEST_F(CurlStreamTest, TakesAnErrorOfTheSinkForNoFaultOfTheService) {
  twin.always(twin_fault(TwinFault::kEndlessBody));
  Request request = get();
  request.idempotent = true;
  request.attempts = 3;
  for (int i = 0; i < 4; ++i) {
    const auto fail = [](std::string_view) -> bool { throw Error(Fault::kNetwork, "another machine's"); };
    EXPECT_EQ(outcome_of(request, fail), "network");
  }
  EXPECT_EQ(twin.requests().size(), 4u) << "never tried again";
  EXPECT_EQ(breaker.state("test"), BreakerState::kClosed);
}

// --- back-pressure

TEST_F(CurlStreamTest, HoldsThePeerBackWhileTheSinkIsBusy) {
  options.max_response_bytes = std::size_t{1} << 40;
  options.loop.stream_buffer_bytes = 32 * 1024;
  twin.always(twin_fault(TwinFault::kEndlessBody));
  bool first = true;
  std::size_t largest = 0;
  const PieceSink slow = [&](std::string_view piece) {
    largest = std::max(largest, piece.size());
    if (std::exchange(first, false)) {
      twin.wait_for_stalls(1);
      EXPECT_LT(twin.sent_bytes(), kMostInTheKernel);
    }
    return got.size() < 2 * kMostInTheKernel;
  };
  EXPECT_EQ(outcome_of(get(), slow), "200 stopped");
  EXPECT_GE(got.size(), 2 * kMostInTheKernel) << "it went on after the pause";
  EXPECT_EQ(std::count(got.begin(), got.end(), 'x'), static_cast<std::ptrdiff_t>(got.size()));
  EXPECT_LE(largest, 32u * 1024);
}

TEST_F(CurlStreamTest, DoesNotTakeASlowSinkForASilentPeer) {
  options.max_response_bytes = std::size_t{1} << 40;
  twin.always(twin_fault(TwinFault::kEndlessBody));
  Request request = get();
  request.idle_timeout_ms = 50;
  bool first = true;
  const PieceSink slow = [&](std::string_view) {
    if (std::exchange(first, false)) twin.wait_for_stalls(3);  // 300 ms
    return got.size() < kMostInTheKernel;
  };
  EXPECT_EQ(outcome_of(request, slow), "200 stopped");
}

TEST_F(CurlStreamTest, LetsOthersWorkWhileASinkIsBusy) {
  options.max_response_bytes = std::size_t{1} << 40;
  twin.script({twin_fault(TwinFault::kEndlessBody)});
  const PieceSink asks = [&](std::string_view) {
    twin.wait_for_stalls(1);
    EXPECT_EQ(outcome(post()), "200 {}");  // from inside a sink, too
    return false;
  };
  EXPECT_EQ(outcome_of(get(), asks), "200 stopped");
}

TEST_F(CurlStreamTest, RunsSixtyFourStreamsAtOnce) {
  const std::string large(200'000, 'b');
  twin.always(twin_pieces({{.bytes = "a"}, {.bytes = large, .hold = true}, {.bytes = "c"}}));
  (void)client();
  std::latch all_begun(64);
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 64; ++i)
    results.push_back(std::async(std::launch::async, [&] {
      std::string mine;
      const Response response = client().stream(get(), [&](std::string_view piece) {
        if (mine.empty()) all_begun.count_down();
        mine.append(piece);
        return true;
      });
      return response.status == 200 ? mine : "";
    }));
  all_begun.wait();
  twin.release();
  for (auto& result : results) EXPECT_TRUE(result.get() == "a" + large + "c");
  EXPECT_EQ(calls("ok"), 64u);
}

// --- size, faults, attempts

TEST_F(CurlStreamTest, BoundsAllPiecesTogether) {
  twin.script({twin_fault(TwinFault::kEndlessBody), twin_status(200, std::string(300'000, 'x'))});
  Request request = get();
  request.max_response_bytes = 200'000;
  EXPECT_EQ(outcome_of(request), "too_large");
  EXPECT_LE(got.size(), 200'000u);
  EXPECT_GT(got.size(), 0u);
  EXPECT_EQ(outcome_of(request), "too_large");
  EXPECT_EQ(got, "") << "the announced length was enough to know";
}

TEST_F(CurlStreamTest, HandsOverWhatCameBeforeTheFailureAndNeverTriesAgainThen) {
  Request request = get();
  request.idempotent = true;
  request.attempts = 3;
  for (const TwinFault fault : {TwinFault::kResetMidBody, TwinFault::kHalfBody}) {
    twin.script({twin_pieces({{.bytes = "some "}, {.bytes = "more"}}, fault)});
    EXPECT_EQ(outcome_of(request), "network");
    EXPECT_EQ(got, "some more");
  }
  twin.script({twin_fault(TwinFault::kResetMidBody)});
  EXPECT_EQ(outcome_of(request), "network");
  EXPECT_EQ(got, R"({"answer":"long enou)");
  EXPECT_EQ(twin.requests().size(), 3u);
  EXPECT_EQ(retries(), 0u);
  EXPECT_EQ(breaker.state("test"), BreakerState::kOpen) << "three streams in a row broke off";
}

TEST_F(CurlStreamTest, TriesAgainWhileNothingWasHandedOver) {
  twin.script({twin_fault(TwinFault::kResetBeforeHead), twin_fault(TwinFault::kResetAfterHead),
               twin_pieces({{.bytes = "whole"}})});
  Request request = get();
  request.idempotent = true;
  request.attempts = 3;
  EXPECT_EQ(outcome_of(request), "200 ");
  EXPECT_EQ(got, "whole");
  EXPECT_EQ(retries(), 2u);
  twin.script({twin_fault(TwinFault::kResetBeforeHead)});
  EXPECT_EQ(outcome_of(post()), "network") << "not idempotent";
  EXPECT_EQ(twin.requests().size(), 4u);
}

TEST_F(CurlStreamTest, GivesTheTrialOfAHalfOpenBreakerBackHoweverTheStreamEnds) {
  CircuitBreaker touchy(store, {.failure_threshold = 1, .open_us = 1, .half_open_trials = 1}, metrics);
  CurlClient own(options, clock, metrics, touchy, hooks);
  const auto run = [&](const PieceSink& sink) -> std::string {
    Request request = get();
    request.integration = "touchy";
    try {
      return std::to_string(own.stream(request, sink).status);
    } catch (const Error& error) {
      return std::string(to_string(error.fault()));
    } catch (const std::runtime_error&) {
      return "thrown";
    }
  };
  const PieceSink all = [](std::string_view) { return true; };
  twin.script({twin_pieces({{.bytes = "some"}}, TwinFault::kResetMidBody)});
  EXPECT_EQ(run(all), "network");
  EXPECT_EQ(touchy.state("touchy"), BreakerState::kOpen);
  twin.always(twin_fault(TwinFault::kEndlessBody));
  EXPECT_EQ(run([](std::string_view) -> bool { throw std::runtime_error("mine"); }), "thrown");
  EXPECT_EQ(touchy.state("touchy"), BreakerState::kHalfOpen) << "says nothing about the service";
  EXPECT_EQ(run([](std::string_view) { return false; }), "200");
  EXPECT_EQ(touchy.state("touchy"), BreakerState::kClosed) << "the service had answered";
}

TEST_F(CurlStreamTest, RefusesWhatSendRefuses) {
  Request request = get();
  request.headers = {{"Host", "x"}};
  EXPECT_THROW((void)outcome_of(request), std::invalid_argument);
  EXPECT_THROW((void)client().stream(get(), {}), std::invalid_argument);
  exec::Lane lane("db", 1, 1, metrics);
  bool refused = false;
  ASSERT_TRUE(lane.try_post([&] {
    try {
      (void)outcome_of(get());
    } catch (const std::logic_error&) {
      refused = true;
    }
  }));
  lane.drain();
  EXPECT_TRUE(refused);
  client().close();
  EXPECT_EQ(outcome_of(get()), "cancelled");
  EXPECT_EQ(twin.connections(), 0u);
}

}  // namespace
}  // namespace nexus::outbound
