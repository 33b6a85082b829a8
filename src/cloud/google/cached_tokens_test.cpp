#include "cloud/google/cached_tokens.h"

#include "cloud/google/google_fixture.h"
#include "outbound/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace nexus::cloud::google {
namespace {

/// Opens once; those who come earlier wait.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

struct CachedTokensTest : ::testing::Test {
  ManualClock clock;
  std::atomic<int> fetches{0};
  std::int64_t lifetime_s = 3600;
  bool outage = false;
  std::function<void(const std::stop_token&)> during_fetch = [](const std::stop_token&) {};
  CachedTokens tokens{{}, [this](const std::stop_token& stop) { return fetch(stop); }, clock};

  AccessToken fetch(const std::stop_token& stop) {
    const int number = ++fetches;
    during_fetch(stop);
    if (outage) throw CredentialsError("outage " + std::to_string(number));
    return {.text = "token-" + std::to_string(number),
            .end_us = clock.steady_us() + lifetime_s * Timestamp::kSecond,
            .lifetime_us = lifetime_s * Timestamp::kSecond,
            .quota_project = "project-" + std::to_string(number)};
  }
  std::string outcome() {
    try {
      return tokens.token({});
    } catch (const CredentialsError& error) {
      return error.what();
    }
  }
  /// Returns when all of them are about to ask.
  std::vector<std::future<std::string>> call_from_threads(int count) {
    std::latch ready(count);
    std::vector<std::future<std::string>> callers;
    for (int i = 0; i < count; ++i)
      callers.push_back(std::async(std::launch::async, [this, &ready] {
        ready.count_down();
        return outcome();
      }));
    ready.wait();
    return callers;
  }
};

TEST_F(CachedTokensTest, FetchesNothingBeforeTheFirstCallAndOnceForManyCalls) {
  EXPECT_EQ(fetches, 0);
  EXPECT_EQ(tokens.quota_project(), "");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome(), "token-1");
  EXPECT_EQ(fetches, 1);
  EXPECT_EQ(tokens.quota_project(), "project-1");
}

TEST_F(CachedTokensTest, RefreshesFourMinutesBeforeTheEnd) {
  EXPECT_EQ(outcome(), "token-1");
  clock.advance_s(3600 - 241);
  EXPECT_EQ(outcome(), "token-1");
  clock.advance_s(1);
  EXPECT_EQ(outcome(), "token-2");
}

TEST_F(CachedTokensTest, RefreshesAShortLivedTokenAtHalfOfItsLife) {
  lifetime_s = 100;
  EXPECT_EQ(outcome(), "token-1");
  clock.advance_s(49);
  EXPECT_EQ(outcome(), "token-1");
  clock.advance_s(1);
  EXPECT_EQ(outcome(), "token-2");
}

TEST_F(CachedTokensTest, UsesTheOldTokenToItsEndWhileRefreshesFail) {
  EXPECT_EQ(outcome(), "token-1");
  outage = true;
  clock.advance_s(3600 - 200);
  EXPECT_EQ(outcome(), "token-1");
  EXPECT_EQ(fetches, 2) << "it was tried";
  clock.advance_s(199);
  EXPECT_EQ(outcome(), "token-1") << "one second is left";
  clock.advance_s(1);
  EXPECT_EQ(outcome(), "outage 3") << "the end; the failure of a second ago is remembered";
  outage = false;
  clock.advance_s(5);
  EXPECT_EQ(outcome(), "token-4");
}

TEST_F(CachedTokensTest, RepeatsAFailureFromMemoryForAFewSeconds) {
  outage = true;
  EXPECT_EQ(outcome(), "outage 1");
  clock.advance_s(4);
  EXPECT_EQ(outcome(), "outage 1");
  EXPECT_EQ(fetches, 1);
  clock.advance_s(1);
  EXPECT_EQ(outcome(), "outage 2");
}

TEST_F(CachedTokensTest, AForgottenTokenIsReplacedAtTheNextCall) {
  EXPECT_EQ(outcome(), "token-1");
  tokens.forget("token-1");
  EXPECT_EQ(tokens.quota_project(), "project-1") << "who holds the old token still asks";
  EXPECT_EQ(outcome(), "token-2");
  tokens.forget("token-1");
  EXPECT_EQ(outcome(), "token-2") << "a late word about an older token changes nothing";
}

TEST_F(CachedTokensTest, ThirtyTwoThreadsShareOneFetch) {
  Gate gate;
  during_fetch = [&](const std::stop_token&) { gate.pass(); };
  auto callers = call_from_threads(32);
  gate.open();
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "token-1");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CachedTokensTest, ThirtyTwoThreadsShareOneFailure) {
  Gate gate;
  outage = true;
  during_fetch = [&](const std::stop_token&) { gate.pass(); };
  auto callers = call_from_threads(32);
  gate.open();
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "outage 1");
  EXPECT_EQ(fetches, 1);
}

TEST_F(CachedTokensTest, OthersGoOnWithTheOldTokenDuringARefresh) {
  EXPECT_EQ(outcome(), "token-1");
  Gate started;
  Gate gate;
  during_fetch = [&](const std::stop_token&) {
    started.open();
    gate.pass();
  };
  clock.advance_s(3600 - 100);
  auto refreshing = std::async(std::launch::async, [this] { return outcome(); });
  started.pass();
  EXPECT_EQ(outcome(), "token-1");
  gate.open();
  EXPECT_EQ(refreshing.get(), "token-2");
}

TEST_F(CachedTokensTest, InTheLastMinuteCallersWaitForTheRefresh) {
  EXPECT_EQ(outcome(), "token-1");
  Gate gate;
  during_fetch = [&](const std::stop_token&) { gate.pass(); };
  clock.advance_s(3600 - 59);
  auto callers = call_from_threads(4);
  gate.open();
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "token-2");
}

TEST_F(CachedTokensTest, AWaiterLeavesWhenItIsStopped) {
  Gate started;
  Gate gate;
  during_fetch = [&](const std::stop_token&) {
    started.open();
    gate.pass();
  };
  auto fetching = std::async(std::launch::async, [this] { return outcome(); });
  started.pass();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return tokens.token(stop.get_token()); });
  stop.request_stop();
  EXPECT_THROW((void)waiting.get(), outbound::Error);
  gate.open();
  EXPECT_EQ(fetching.get(), "token-1");
}

TEST_F(CachedTokensTest, ACancelledFetchIsNoFailureAndTheNextWaiterTakesOver) {
  std::stop_source stop;
  Gate started;
  during_fetch = [&](const std::stop_token& token) {
    started.open();
    if (!token.stop_possible()) return;
    Gate cancelled;
    const std::stop_callback wake(token, [&] { cancelled.open(); });
    cancelled.pass();
    throw outbound::Error(outbound::Fault::kCancelled, "cancelled");
  };
  auto cancelled = std::async(std::launch::async, [&] { return tokens.token(stop.get_token()); });
  started.pass();
  auto waiting = std::async(std::launch::async, [this] { return outcome(); });
  stop.request_stop();
  EXPECT_THROW((void)cancelled.get(), outbound::Error);
  EXPECT_EQ(waiting.get(), "token-2");
}

}  // namespace
}  // namespace nexus::cloud::google
