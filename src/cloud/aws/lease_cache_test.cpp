#include "cloud/aws/lease_cache.h"

#include "cloud/aws/hand_clock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <semaphore>
#include <thread>
#include <vector>

namespace nexus::cloud::aws {
namespace {

struct LeaseCacheTest : ::testing::Test {
  HandClock clock;
  std::atomic<int> fetched = 0;
  std::function<Lease(int number)> answer = [this](int number) { return lease(number, 3600); };
  LeaseCache cache{[this](const std::stop_token&) { return answer(++fetched); }, clock};

  [[nodiscard]] Lease lease(int number, std::int64_t seconds) const {
    return {{"key" + std::to_string(number), Secret("secret"), {}}, clock.now() + seconds * Timestamp::kSecond};
  }
  std::string get() {
    try {
      return cache.get({}).access_key_id;
    } catch (const CredentialsError& error) {
      return error.what();
    }
  }
};

TEST_F(LeaseCacheTest, RenewsTenMinutesBeforeTheEnd) {
  EXPECT_EQ(get(), "key1");
  clock.advance_s(2999);
  EXPECT_EQ(get(), "key1");
  clock.advance_s(1);
  EXPECT_EQ(get(), "key2");
  EXPECT_EQ(fetched, 2);
}

TEST_F(LeaseCacheTest, RenewsAShortLeaseAtHalfItsTime) {
  answer = [this](int number) { return lease(number, 300); };
  EXPECT_EQ(get(), "key1");
  clock.advance_s(149);
  EXPECT_EQ(get(), "key1");
  clock.advance_s(1);
  EXPECT_EQ(get(), "key2");
}

TEST_F(LeaseCacheTest, KeysWithoutAnEndStay) {
  answer = [](int number) { return Lease{{"key" + std::to_string(number), Secret("s"), {}}}; };
  EXPECT_EQ(get(), "key1");
  clock.advance_s(1'000'000);
  EXPECT_EQ(get(), "key1");
}

TEST_F(LeaseCacheTest, TheOldOnesServeWhileTheyAreGoodWhenTheRenewalFails) {
  EXPECT_EQ(get(), "key1");
  answer = [](int) -> Lease { throw CredentialsError("away"); };
  clock.advance_s(3539);
  EXPECT_EQ(get(), "key1");
  clock.advance_s(1);
  EXPECT_EQ(get(), "away") << "a minute is left, which is too little";
}

TEST_F(LeaseCacheTest, AFailureIsRememberedForSomeSeconds) {
  answer = [](int) -> Lease { throw CredentialsError("away"); };
  EXPECT_EQ(get(), "away");
  clock.advance_us(4'999'999);
  EXPECT_EQ(get(), "away");
  EXPECT_EQ(fetched, 1);
  answer = [this](int number) { return lease(number, 3600); };
  clock.advance_us(1);
  EXPECT_EQ(get(), "key2");
}

TEST_F(LeaseCacheTest, WhatEndsTooSoonIsAFailure) {
  answer = [this](int number) { return lease(number, 60); };
  EXPECT_NE(get().find("end too soon"), std::string::npos);
  answer = [this](int number) { return lease(number, -3600); };
  clock.advance_s(6);
  EXPECT_NE(get().find("end too soon"), std::string::npos);
}

TEST_F(LeaseCacheTest, OtherExceptionsPassAndAreNotRemembered) {
  answer = [](int) -> Lease { throw std::logic_error("on a db lane"); };
  EXPECT_THROW((void)cache.get({}), std::logic_error);
  answer = [this](int number) { return lease(number, 3600); };
  EXPECT_EQ(get(), "key2");
}

TEST_F(LeaseCacheTest, ThreadsThatHaveNothingWaitForOneFetch) {
  std::binary_semaphore begun(0);
  std::binary_semaphore go(0);
  answer = [&](int number) {
    begun.release();
    go.acquire();
    return lease(number, 3600);
  };
  std::vector<std::future<std::string>> callers;
  for (int i = 0; i < 8; ++i) callers.push_back(std::async(std::launch::async, [this] { return get(); }));
  begun.acquire();
  go.release();
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "key1");
  EXPECT_EQ(fetched, 1);
}

TEST_F(LeaseCacheTest, TheOthersGoOnWithTheOldOnesDuringARenewal) {
  EXPECT_EQ(get(), "key1");
  clock.advance_s(3100);
  std::binary_semaphore begun(0);
  std::binary_semaphore go(0);
  answer = [&](int number) {
    begun.release();
    go.acquire();
    return lease(number, 3600);
  };
  auto renewing = std::async(std::launch::async, [this] { return get(); });
  begun.acquire();
  EXPECT_EQ(get(), "key1");
  go.release();
  EXPECT_EQ(renewing.get(), "key2");
  EXPECT_EQ(get(), "key2");
}

TEST_F(LeaseCacheTest, AWaiterCanBeStoppedAndAStoppedFetchIsNoFailureForTheNext) {
  std::binary_semaphore begun(0);
  std::binary_semaphore go(0);
  answer = [&](int) -> Lease {
    begun.release();
    go.acquire();
    throw outbound::Error(outbound::Fault::kCancelled, "stopped");
  };
  auto fetching = std::async(std::launch::async, [this] { return cache.get({}); });
  begun.acquire();
  std::stop_source stop;
  auto waiting = std::async(std::launch::async, [&] { return cache.get(stop.get_token()); });
  stop.request_stop();
  EXPECT_THROW((void)waiting.get(), outbound::Error);
  go.release();
  EXPECT_THROW((void)fetching.get(), outbound::Error);
  answer = [this](int number) { return lease(number, 3600); };
  EXPECT_EQ(get(), "key2");
}

}  // namespace
}  // namespace nexus::cloud::aws
