#include "outbound/curl_client.h"

#include "exec/lane.h"
#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace nexus::outbound {
namespace {

using nexus::testing::HttpTwin;
using nexus::testing::twin_bad_json;
using nexus::testing::twin_fault;
using nexus::testing::twin_status;
using nexus::testing::TwinAnswer;
using nexus::testing::TwinFault;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

using CurlClientTest = CurlClientFixture;

TEST_F(CurlClientTest, SendsTheRequestAsItIsAndReadsTheAnswer) {
  TwinAnswer answer = twin_status(201, "made");
  answer.headers = {{"X-Thing", " Value "}, {"Set-Cookie", "a=1"}};
  twin.script({answer, twin_status(200)});
  Request request = post("{\"a\":1}");
  request.url = twin.url("/a/../b?q=%20x");
  request.headers = {{"Content-Type", "application/json"}, {"X-Empty", ""}, {"X-Billing-Event", "e"}};
  const Response response = client().send(request);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "made");
  EXPECT_EQ(response.attempts, 1);
  EXPECT_NE(std::find(response.headers.begin(), response.headers.end(),
                      std::pair<std::string, std::string>("x-thing", "Value")),
            response.headers.end());
  EXPECT_EQ(outcome(post()), "200 {}");
  const auto seen = twin.wait_for_requests(2);
  EXPECT_EQ(seen[0].method, "POST");
  EXPECT_EQ(seen[0].target, "/a/../b?q=%20x");
  EXPECT_EQ(seen[0].body, "{\"a\":1}");
  ASSERT_NE(seen[0].header("x-empty"), nullptr);
  EXPECT_EQ(*seen[0].header("x-billing-event"), "e");
  EXPECT_EQ(seen[0].header("expect"), nullptr);
  EXPECT_EQ(seen[1].header("cookie"), nullptr) << "no cookies are kept";
  EXPECT_EQ(seen[1].header("content-type"), nullptr) << "none is invented";
}

TEST_F(CurlClientTest, SpeaksEveryMethod) {
  for (const std::string method : {"GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "POST"}) {
    Request request = get();
    request.method = method;
    EXPECT_EQ(outcome(request), method == "HEAD" ? "200 " : "200 {}");
    twin.always(twin_status(200, method == "GET" ? "" : "{}"));  // the twin would send a body to HEAD
  }
  const auto seen = twin.wait_for_requests(7);
  EXPECT_EQ(seen[1].method, "HEAD");
  EXPECT_EQ(seen[5].method, "PATCH");
  Request with_body = get();
  with_body.method = "DELETE";
  with_body.body = "x";
  EXPECT_EQ(outcome(with_body), "200 {}");
  EXPECT_EQ(twin.requests().back().body, "x");
}

TEST_F(CurlClientTest, CarriesLargeBodiesBothWays) {
  const std::string large(3 * 1024 * 1024, 'b');
  twin.always(twin_status(200, large));
  EXPECT_EQ(outcome(post(large)), "200 " + large);
  EXPECT_EQ(twin.requests().front().body, large);
}

TEST_F(CurlClientTest, UsesAConnectionAgain) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(outcome(post()), "200 {}");
  EXPECT_EQ(twin.connections(), 1u);
}

TEST_F(CurlClientTest, EndsEveryFaultInTimeAndWithItsName) {
  options.max_response_bytes = 256 * 1024;
  TwinAnswer late = twin_status(200);
  late.delay = milliseconds(60'000);
  TwinAnswer headers = twin_status(200);
  headers.headers.assign(100, {"X-Many", std::string(1024, 'h')});
  TwinAnswer announced = twin_status(200, std::string(300 * 1024, 'x'));
  const std::pair<TwinAnswer, std::string_view> cases[] = {
      {twin_fault(TwinFault::kNeverAnswers), "timeout"},
      {twin_fault(TwinFault::kResetBeforeHead), "network"},
      {twin_fault(TwinFault::kResetAfterHead), "network"},
      {twin_fault(TwinFault::kHalfBody), "network"},
      {twin_fault(TwinFault::kHalfBodyThenSilence), "timeout"},
      {twin_fault(TwinFault::kEndlessBody), "too_large"},
      {twin_fault(TwinFault::kSlowDrip), "timeout"},
      {twin_fault(TwinFault::kGarbage), "network"},
      {late, "timeout"},
      {headers, "too_large"},
      {announced, "too_large"},
      {twin_bad_json(), "200 {\"answer\": [1, 2"},
  };
  for (const auto& [answer, expected] : cases) {
    twin.script({answer});
    Request request = post();
    request.timeout_ms = 300;
    request.integration = "faults";
    breaker.reset("faults");
    const auto started = SteadyClock::now();
    EXPECT_EQ(outcome(request), expected) << static_cast<int>(answer.fault);
    EXPECT_LT(SteadyClock::now() - started, milliseconds(1'300)) << static_cast<int>(answer.fault);
  }
}

TEST_F(CurlClientTest, DropsAConnectionThatSaysMoreThanItAnnounced) {
  twin.script({twin_fault(TwinFault::kMoreThanSaid)});
  EXPECT_EQ(outcome(get()), R"(200 {"answer":"long enough to be cut in two")");
  EXPECT_EQ(outcome(get()), "200 {}") << "the left-over byte must not be read as the next answer";
}

TEST_F(CurlClientTest, ReportsARefusedConnection) {
  Request request = post();
  {
    const HttpTwin gone;
    request.url = gone.url();
  }
  EXPECT_EQ(outcome(request), "network");
}

TEST_F(CurlClientTest, CancelsWithin100MsAndHangsUp) {
  twin.always(twin_fault(TwinFault::kNeverAnswers));
  std::stop_source stop;
  Request request = post();
  request.stop = stop.get_token();
  auto result = std::async(std::launch::async, [&] { return outcome(request); });
  (void)twin.wait_for_requests(1);
  const auto started = SteadyClock::now();
  stop.request_stop();
  EXPECT_EQ(result.get(), "cancelled");
  EXPECT_LT(SteadyClock::now() - started, milliseconds(100));
  twin.wait_for_hangups(1);
  EXPECT_EQ(outcome(request), "cancelled");
  EXPECT_EQ(twin.requests().size(), 1u);
}

TEST_F(CurlClientTest, CancelsInAPauseBetweenAttempts) {
  options.retry.backoff_ms = 60'000;
  options.retry.most_pause_ms = 600'000;
  twin.always(twin_fault(TwinFault::kResetBeforeHead));
  std::stop_source stop;
  Request request = get();
  request.idempotent = true;
  request.attempts = 2;
  request.stop = stop.get_token();
  auto result = std::async(std::launch::async, [&] { return outcome(request); });
  (void)twin.wait_for_requests(1);
  stop.request_stop();
  EXPECT_EQ(result.get(), "cancelled");
}

TEST_F(CurlClientTest, EndsCallsUnderWayWhenItGoes) {
  twin.always(twin_fault(TwinFault::kNeverAnswers));
  std::vector<std::future<std::string>> results;
  (void)client();
  for (int i = 0; i < 8; ++i) results.push_back(std::async(std::launch::async, [&] { return outcome(post()); }));
  (void)twin.wait_for_requests(8);
  std::unique_ptr<CurlClient> going = std::move(owned);
  going->close();
  going.reset();
  for (auto& result : results) EXPECT_EQ(result.get(), "cancelled");
}

TEST_F(CurlClientTest, RefusesCallsAfterClose) {
  client().close();
  EXPECT_EQ(outcome(post()), "cancelled");
  EXPECT_TRUE(twin.requests().empty());
}

TEST_F(CurlClientTest, RunsManyCallsAtOnce) {
  TwinAnswer held = twin_status(200);
  held.hold = true;
  twin.always(held);
  (void)client();
  std::vector<std::future<std::string>> results;
  for (int i = 0; i < 64; ++i) results.push_back(std::async(std::launch::async, [&] { return outcome(post()); }));
  (void)twin.wait_for_requests(64);
  twin.release();
  for (auto& result : results) EXPECT_EQ(result.get(), "200 {}");
  EXPECT_EQ(calls("ok"), 64u);
}

TEST_F(CurlClientTest, BoundsWhatRunsAndWhatWaits) {
  options.loop = {.max_running = 1, .max_waiting = 1};
  TwinAnswer held = twin_status(200);
  held.hold = true;
  twin.always(held);
  (void)client();
  auto first = std::async(std::launch::async, [&] { return outcome(post()); });
  (void)twin.wait_for_requests(1);
  std::mutex mutex;
  std::vector<std::string> seen;
  std::latch one_back(1);
  const auto ask = [&] {
    const std::string got = outcome(post());
    const std::lock_guard lock(mutex);
    seen.push_back(got);
    if (seen.size() == 1) one_back.count_down();
  };
  std::thread a(ask);
  std::thread b(ask);
  one_back.wait();  // one waits for its turn, the other was refused
  twin.release();
  a.join();
  b.join();
  EXPECT_EQ(first.get(), "200 {}");
  EXPECT_EQ(seen, (std::vector<std::string>{"busy", "200 {}"}));
}

TEST_F(CurlClientTest, CountsTheWaitForATurnIntoTheTimeout) {
  options.loop = {.max_running = 1, .max_waiting = 8};
  TwinAnswer held = twin_status(200);
  held.hold = true;
  twin.always(held);
  (void)client();
  auto first = std::async(std::launch::async, [&] { return outcome(post()); });
  (void)twin.wait_for_requests(1);
  Request second = post();
  second.timeout_ms = 50;
  EXPECT_EQ(outcome(second), "timeout");
  twin.release();
  EXPECT_EQ(first.get(), "200 {}");
  EXPECT_EQ(twin.requests().size(), 1u);
}

TEST_F(CurlClientTest, RefusesHeadersThatWouldChangeTheMessage) {
  for (const auto& [name, value] : Headers{{"X", "a\r\nY: b"},
                                           {"X\r\nY", "b"},
                                           {"Host", "x"},
                                           {"content-length", "1"},
                                           {"Transfer-Encoding", "chunked"},
                                           {"X", std::string("a\0b", 3)},
                                           {"", "x"}}) {
    Request request = post();
    request.headers = {{name, value}};
    EXPECT_THROW((void)client().send(request), std::invalid_argument) << name;
  }
  Request request = post();
  request.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_THROW((void)client().send(request), std::invalid_argument);
  EXPECT_EQ(twin.connections(), 0u);
}

TEST_F(CurlClientTest, RefusesToHoldAThreadOfTheDbLane) {
  exec::Lane lane("db", 1, 1, metrics);
  bool refused = false;
  ASSERT_TRUE(lane.try_post([&] {
    try {
      (void)client().send(post());
    } catch (const std::logic_error&) {
      refused = true;
    }
  }));
  lane.drain();
  EXPECT_TRUE(refused);
}

TEST_F(CurlClientTest, AddsTheTraceContextToEachAttemptAndReportsTheCall) {
  std::atomic<int> span{0};
  std::vector<CallReport> reports;
  hooks.add_headers = [&](const Request&, Headers& headers) {
    headers.emplace_back("traceparent", "00-" + std::to_string(++span));
  };
  hooks.on_finished = [&](const CallReport& report) { reports.push_back(report); };
  twin.script({twin_fault(TwinFault::kResetBeforeHead)});
  Request request = get();
  request.idempotent = true;
  request.attempts = 2;
  EXPECT_EQ(outcome(request), "200 {}");
  const auto seen = twin.requests();
  EXPECT_EQ(*seen[0].header("traceparent"), "00-1");
  EXPECT_EQ(*seen[1].header("traceparent"), "00-2");
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].attempts, 2);
  EXPECT_EQ(reports[0].host, "127.0.0.1");
  EXPECT_EQ(reports[0].status, 200);
  EXPECT_GT(reports[0].duration_us, 0);
}

TEST_F(CurlClientTest, NamesTheHostButNotTheRestInItsErrors) {
  twin.always(twin_fault(TwinFault::kResetBeforeHead));
  Request request = post();
  request.url = twin.url("/secret-path?token=abc");
  try {
    (void)client().send(request);
    FAIL();
  } catch (const Error& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("127.0.0.1"), std::string::npos);
    EXPECT_EQ(what.find("secret"), std::string::npos);
    EXPECT_EQ(what.find("abc"), std::string::npos);
  }
}

}  // namespace
}  // namespace nexus::outbound
