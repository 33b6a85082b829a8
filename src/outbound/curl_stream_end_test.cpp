// How streams end before their body does: by time, by cancellation, with the client. Sinks run on the test's own
// thread, so most tests watch the twin from inside one.
#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace nexus::outbound {
namespace {

using nexus::testing::twin_fault;
using nexus::testing::twin_pieces;
using nexus::testing::TwinAnswer;
using nexus::testing::TwinFault;
using nexus::testing::TwinPiece;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

using CurlStreamEndTest = CurlStreamFixture;

TEST_F(CurlStreamEndTest, BoundsTheTimeToTheFirstByte) {
  const TwinAnswer head_only = twin_pieces({{.bytes = "late", .hold = true}});
  TwinAnswer slow_error = twin_fault(TwinFault::kHalfBodyThenSilence);
  slow_error.status = 500;
  for (const TwinAnswer& answer : {twin_fault(TwinFault::kNeverAnswers), head_only, slow_error}) {
    twin.script({answer});
    Request request = get();
    request.timeout_ms = 200;
    request.idle_timeout_ms = 60'000;
    const auto started = SteadyClock::now();
    EXPECT_EQ(outcome_of(request), "timeout");
    EXPECT_EQ(got, "");
    EXPECT_GE(SteadyClock::now() - started, milliseconds(190));
    EXPECT_LT(SteadyClock::now() - started, milliseconds(1'200));
    breaker.reset("test");
  }
  twin.wait_for_hangups(3);
}

TEST_F(CurlStreamEndTest, BoundsTheSilenceAfterAPiece) {
  for (const std::int64_t idle_ms : {100, 0}) {  // 0: as long as the first byte may take
    twin.script({twin_pieces({{.bytes = "some"}}, TwinFault::kHalfBodyThenSilence)});
    Request request = get();
    request.timeout_ms = idle_ms > 0 ? 60'000 : 200;
    request.idle_timeout_ms = idle_ms;
    const auto started = SteadyClock::now();
    EXPECT_EQ(outcome_of(request), "timeout");
    EXPECT_EQ(got, "some");
    EXPECT_LT(SteadyClock::now() - started, milliseconds(1'200));
  }
}

TEST_F(CurlStreamEndTest, LetsAStreamTakeLongerThanItsFirstByteMay) {
  const TwinPiece later{.bytes = "x", .delay = milliseconds(80)};
  twin.script({twin_pieces({{.bytes = "x"}, later, later, later, later, later})});
  Request request = get();
  request.timeout_ms = 300;
  request.idle_timeout_ms = 10'000;
  EXPECT_EQ(outcome_of(request), "200 ");
  EXPECT_EQ(got, "xxxxxx");
}

TEST_F(CurlStreamEndTest, EndsByItsDeadlineHoweverLivelyItIs) {
  TwinAnswer drip = twin_fault(TwinFault::kSlowDrip);
  drip.body.assign(10'000, 'd');
  drip.drip = milliseconds(1);
  twin.script({drip});
  Request request = get();
  request.deadline_ms = 500;
  const auto started = SteadyClock::now();
  EXPECT_EQ(outcome_of(request), "timeout");
  EXPECT_FALSE(got.empty());
  EXPECT_LT(SteadyClock::now() - started, milliseconds(1'500));
  twin.wait_for_hangups(1);
}

TEST_F(CurlStreamEndTest, HangsUpAtTheDeadlineOfABusySinkAndDoesNotBlameTheService) {
  options.max_response_bytes = std::size_t{1} << 40;
  twin.always(twin_fault(TwinFault::kEndlessBody));
  Request request = get();
  request.deadline_ms = 300;
  for (std::size_t i = 1; i <= 3; ++i) {
    const PieceSink busy = [&](std::string_view) {
      twin.wait_for_hangups(i);  // comes while the sink is still busy
      return true;
    };
    EXPECT_EQ(outcome_of(request, busy), "timeout");
  }
  EXPECT_EQ(breaker.state("test"), BreakerState::kClosed);
}

// --- cancellation

TEST_F(CurlStreamEndTest, CancelsInASilenceAndHangsUp) {
  twin.always(twin_pieces({{.bytes = "some"}}, TwinFault::kHalfBodyThenSilence));
  std::stop_source stop;
  Request request = get();
  request.stop = stop.get_token();
  std::latch begun(1);
  auto result = std::async(std::launch::async, [&] {
    return outcome_of(request, [&](std::string_view) {
      begun.count_down();
      return true;
    });
  });
  begun.wait();
  const auto started = SteadyClock::now();
  stop.request_stop();
  EXPECT_EQ(result.get(), "cancelled");
  EXPECT_LT(SteadyClock::now() - started, milliseconds(100));
  twin.wait_for_hangups(1);
}

TEST_F(CurlStreamEndTest, CancelsTheRemoteCallWhileTheSinkIsBusy) {
  twin.always(twin_fault(TwinFault::kEndlessBody));
  std::stop_source stop;
  Request request = get();
  request.stop = stop.get_token();
  int pieces = 0;
  const PieceSink busy = [&](std::string_view) {
    ++pieces;
    stop.request_stop();
    twin.wait_for_hangups(1);
    return true;
  };
  EXPECT_EQ(outcome_of(request, busy), "cancelled");
  EXPECT_EQ(pieces, 1) << "what waited is dropped";
}

TEST_F(CurlStreamEndTest, EndsStreamsUnderWayWhenTheClientGoes) {
  twin.always(twin_pieces({{.bytes = "some"}}, TwinFault::kHalfBodyThenSilence));
  (void)client();
  std::latch begun(8);
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 8; ++i)
    results.push_back(std::async(std::launch::async, [&, this]() -> std::string {
      try {
        (void)client().stream(get(), [&](std::string_view) {
          begun.count_down();
          return true;
        });
        return "answered";
      } catch (const Error& error) {
        return std::string(to_string(error.fault()));
      }
    }));
  begun.wait();
  std::unique_ptr<CurlClient> going = std::move(owned);
  going.reset();
  for (auto& result : results) EXPECT_EQ(result.get(), "cancelled");
}

}  // namespace
}  // namespace nexus::outbound
