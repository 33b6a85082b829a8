// What CurlClient adds to a transfer: attempts, the breaker, the choice of the address.
#include "outbound/client_fixture.h"
#include "outbound/curl_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::outbound {
namespace {

using nexus::testing::HttpTwin;
using nexus::testing::twin_fault;
using nexus::testing::twin_status;
using nexus::testing::TwinAnswer;
using nexus::testing::TwinFault;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

using CurlClientRulesTest = CurlClientFixture;

// --- retries

TEST_F(CurlClientRulesTest, RepeatsIdempotentCalls) {
  twin.script({twin_fault(TwinFault::kResetBeforeHead), twin_fault(TwinFault::kHalfBody)});
  Request request = get();
  request.idempotent = true;
  request.attempts = 3;
  const Response response = client().send(request);
  EXPECT_EQ(response.attempts, 3);
  EXPECT_EQ(twin.requests().size(), 3u);
  EXPECT_EQ(retries(), 2u);
}

TEST_F(CurlClientRulesTest, NeverRepeatsAnAnswerOrACallThatMayHaveBeenCarriedOut) {
  twin.script({twin_status(503, "no"), twin_fault(TwinFault::kResetBeforeHead)});
  Request request = post();
  request.attempts = 5;
  EXPECT_EQ(outcome(request), "503 no");
  EXPECT_EQ(outcome(request), "network");
  EXPECT_EQ(twin.requests().size(), 2u);
  EXPECT_EQ(retries(), 0u);
}

TEST_F(CurlClientRulesTest, RepeatsAnyCallThatNeverConnected) {
  Request request = post();
  request.attempts = 0;  // the default, 2
  {
    const HttpTwin gone;
    request.url = gone.url();
  }
  EXPECT_EQ(outcome(request), "network");
  EXPECT_EQ(retries(), 1u);
}

TEST_F(CurlClientRulesTest, KeepsLibcurlFromRepeatingByItself) {
  for (const std::string& body : {std::string("{}"), std::string()}) {
    const std::size_t before = twin.requests().size();
    twin.script({twin_status(200), twin_fault(TwinFault::kResetBeforeHead)});
    EXPECT_EQ(outcome(post()), "200 {}");  // leaves a connection to use again
    EXPECT_EQ(outcome(post(body)), "network");
    EXPECT_EQ(twin.requests().size(), before + 2);
  }
}

TEST_F(CurlClientRulesTest, EndsByItsDeadlineWhateverTheAttemptsMayTake) {
  twin.always(twin_fault(TwinFault::kNeverAnswers));
  Request request = get();
  request.idempotent = true;
  request.attempts = 20;
  request.timeout_ms = 100;
  request.deadline_ms = 250;
  const auto started = SteadyClock::now();
  EXPECT_EQ(outcome(request), "timeout");
  EXPECT_LT(SteadyClock::now() - started, milliseconds(1'250));
  EXPECT_LE(twin.requests().size(), 3u);
}

// --- the breaker

TEST_F(CurlClientRulesTest, OpensTheBreakerOnServerErrorsAndLeavesTheServiceAlone) {
  twin.always(twin_status(500));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(post()), "500 {}");
  EXPECT_EQ(outcome(post()), "breaker_open");
  EXPECT_EQ(twin.requests().size(), 3u);
  EXPECT_EQ(calls("server_error"), 3u);
  EXPECT_EQ(calls("breaker_open"), 1u);
}

TEST_F(CurlClientRulesTest, CountsNeitherClientErrorsNorItsOwnRefusals) {
  twin.always(twin_status(404));
  Request user = post();
  user.origin = UrlOrigin::kUser;
  Request bad = post();
  bad.url = "ftp://example.com/";
  std::stop_source stop;
  stop.request_stop();
  Request stopped = post();
  stopped.stop = stop.get_token();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(outcome(post()), "404 {}");
    EXPECT_EQ(outcome(user), "refused_address");
    EXPECT_EQ(outcome(bad), "bad_url");
    EXPECT_EQ(outcome(stopped), "cancelled");
  }
  EXPECT_EQ(breaker.state("test"), BreakerState::kClosed);
}

// --- addresses

struct Names {
  std::mutex mutex;
  std::vector<std::vector<IpAddress>> answers;  // the last one stays
  int asked = 0;

  Resolve resolve() {
    return [this](const std::string&) {
      const std::lock_guard lock(mutex);
      const std::size_t at = std::min(static_cast<std::size_t>(asked++), answers.size() - 1);
      return answers[at];
    };
  }
};

IpAddress ip(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST_F(CurlClientRulesTest, RefusesAUsersUrlToThisMachine) {
  Names names{.answers = {{ip("127.0.0.1")}}};
  hooks.resolve = names.resolve();
  Request request = post();
  request.origin = UrlOrigin::kUser;
  EXPECT_EQ(outcome(request), "refused_address");
  request.url = "http://innocent.example:" + std::to_string(twin.port()) + "/";
  EXPECT_EQ(outcome(request), "refused_address");
  EXPECT_EQ(twin.connections(), 0u);
}

TEST_F(CurlClientRulesTest, ConnectsToTheCheckedAddressAndKeepsTheHost) {
  Names names{.answers = {{ip("127.0.0.1")}}};
  hooks.resolve = names.resolve();
  options.allow_private = "127.0.0.1";
  Request request = post();
  request.origin = UrlOrigin::kUser;
  request.url = "http://Hooks.Example.:" + std::to_string(twin.port()) + "/";
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(*twin.requests()[0].header("host"), "hooks.example:" + std::to_string(twin.port()));
  EXPECT_EQ(twin.connections(), 1u);
  EXPECT_EQ(names.asked, 1) << "one look-up serves for a while";
}

TEST_F(CurlClientRulesTest, IsNotFooledByANameThatChangesItsAddress) {
  Names names{
      .answers = {{ip("127.0.0.1")}, {ip("169.254.169.254")}, {ip("127.0.0.9")}, {ip("10.0.0.1"), ip("127.0.0.1")}}};
  hooks.resolve = names.resolve();
  options.allow_private = "127.0.0.0/8";
  options.resolver.ttl_us = 0;
  options.transfer.connect_timeout_ms = 200;
  Request request = post();
  request.origin = UrlOrigin::kUser;
  request.url = "http://rebind.example:" + std::to_string(twin.port()) + "/";
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(outcome(request), "refused_address");
  EXPECT_EQ(outcome(request), "network") << "the connection kept under the same name goes elsewhere";
  EXPECT_EQ(outcome(request), "refused_address");
  EXPECT_EQ(names.asked, 4);
  EXPECT_EQ(twin.requests().size(), 1u);
}

TEST_F(CurlClientRulesTest, TriesTheNextAddressOfAName) {
  Names names{.answers = {{ip("127.0.0.9"), ip("127.0.0.1")}, {ip("127.0.0.1"), ip("127.0.0.9")}}};
  hooks.resolve = names.resolve();
  options.resolver.ttl_us = 0;
  Request request = post();
  request.url = "http://two.example:" + std::to_string(twin.port()) + "/";
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(twin.connections(), 1u) << "the order of the addresses is no reason for a new connection";
}

TEST_F(CurlClientRulesTest, EndsInTimeWhenNamesHang) {
  std::latch go(1);
  std::latch gone(1);
  hooks.resolve = [&](const std::string&) {
    go.wait();
    gone.count_down();
    return std::vector<IpAddress>{};
  };
  Request request = post();
  request.url = "http://slow.example/";
  request.timeout_ms = 50;
  EXPECT_EQ(outcome(request), "timeout");
  owned.reset();
  go.count_down();
  gone.wait();
}

TEST_F(CurlClientRulesTest, DoesNotFollowRedirects) {
  TwinAnswer moved = twin_status(302, "");
  moved.headers = {{"Location", twin.url("/elsewhere")}};
  twin.always(moved);
  EXPECT_EQ(outcome(get()), "302 ");
  EXPECT_EQ(twin.requests().size(), 1u);
}

TEST_F(CurlClientRulesTest, AsksTheProxyForTheOperatorsUrls) {
  options.transfer.proxy = twin.url("");
  hooks.resolve = [](const std::string&) -> std::vector<IpAddress> { throw std::logic_error("the proxy resolves"); };
  Request request = get();
  request.url = "http://models.example/v1";
  EXPECT_EQ(outcome(request), "200 {}");
  EXPECT_EQ(twin.requests()[0].target, "http://models.example/v1");
}

TEST_F(CurlClientRulesTest, TunnelsUsersUrlsThroughTheProxyToTheCheckedAddress) {
  options.transfer.proxy = twin.url("");
  Names names{.answers = {{ip("8.8.8.8"), ip("1.1.1.1")}}};
  hooks.resolve = names.resolve();
  twin.always(twin_status(403));
  Request request = get();
  request.origin = UrlOrigin::kUser;
  request.url = "http://hooks.example/v1";
  EXPECT_EQ(outcome(request), "network");
  EXPECT_EQ(twin.requests()[0].method, "CONNECT");
  EXPECT_EQ(twin.requests()[0].target, "8.8.8.8:80");
}

}  // namespace
}  // namespace nexus::outbound
