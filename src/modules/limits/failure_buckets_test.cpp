#include "modules/limits/failure_buckets.h"

#include "modules/limits/caller.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <thread>
#include <vector>

namespace nexus::limits {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::size_t kRoom = 10'000;
const Rate kRate(1, 3);

TEST(FailureBucketsTest, KnowsNothingOfWhoHasNotFailed) {
  FailureBuckets failures(kRate, kRoom);
  EXPECT_TRUE(failures.state(Scope::kAddress, "203.0.113.7", 0).clean);
  EXPECT_EQ(failures.size(), 0);
  failures.failed(Scope::kAddress, "203.0.113.8", 0);
  EXPECT_TRUE(failures.state(Scope::kAddress, "203.0.113.7", 0).clean);
  EXPECT_EQ(failures.size(), 1);
}

TEST(FailureBucketsTest, MakesWaitWhoFailedTooOftenAndForgives) {
  FailureBuckets failures(kRate, kRoom);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(failures.state(Scope::kAddress, "a", 0).wait_ms, 0);
    failures.failed(Scope::kAddress, "a", 0);
  }
  EXPECT_EQ(failures.state(Scope::kAddress, "a", 0).wait_ms, 1'000);
  EXPECT_EQ(failures.state(Scope::kAddress, "a", kSecond / 2).wait_ms, 500);
  EXPECT_EQ(failures.state(Scope::kAddress, "a", kSecond).wait_ms, 0);
  EXPECT_FALSE(failures.state(Scope::kAddress, "a", kSecond).clean);
  EXPECT_TRUE(failures.state(Scope::kAddress, "a", 3 * kSecond).clean);
}

TEST(FailureBucketsTest, FailuresInFlightMakeNoDebt) {
  FailureBuckets failures(kRate, kRoom);
  for (int i = 0; i < 100; ++i) failures.failed(Scope::kAddress, "a", 0);
  EXPECT_EQ(failures.state(Scope::kAddress, "a", 0).wait_ms, 1'000);
}

TEST(FailureBucketsTest, AnAddressAndAKeyOfTheSameTextAreApart) {
  FailureBuckets failures(kRate, kRoom);
  for (int i = 0; i < 3; ++i) failures.failed(Scope::kCredential, "a", 0);
  EXPECT_TRUE(failures.state(Scope::kAddress, "a", 0).clean);
  EXPECT_EQ(failures.state(Scope::kCredential, "a", 0).wait_ms, 1'000);
}

TEST(FailureBucketsTest, StaysWithinItsBoundAndRemembersTheWorstUnderAFlood) {
  constexpr std::size_t kMost = 1'600;
  FailureBuckets failures(Rate(1, 30), kMost);
  for (int i = 0; i < 30; ++i) failures.failed(Scope::kAddress, "attacker", 0);
  for (int i = 0; i < 50'000; ++i) failures.failed(Scope::kAddress, std::to_string(i), 0);
  EXPECT_LE(failures.size(), kMost);
  EXPECT_EQ(failures.state(Scope::kAddress, "attacker", 0).wait_ms, 1'000);
}

TEST(FailureBucketsTest, CountsItsSizeThroughEvictionsOfSeveralThreads) {
  FailureBuckets failures(kRate, 64);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&failures, t] {
        for (int i = 0; i < 2'000; ++i) {
          failures.failed(Scope::kAddress, std::to_string(t * 2'000 + i), i * kSecond);
          (void)failures.state(Scope::kAddress, std::to_string(i), i * kSecond);
        }
      });
  }
  EXPECT_LE(failures.size(), 64);
  EXPECT_GT(failures.size(), 0);
}

// ---- whom a failure is counted against ----

TEST(CallerTest, IsAnIpv4AddressOrTheNetworkOfAnIpv6Address) {
  EXPECT_EQ(network_of("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network_of("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network_of("127.0.0.1"), "127.0.0.1");
  EXPECT_EQ(network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(network_of("2001:db8:1:2:ffff::1"), network_of("2001:db8:1:2::"));
  EXPECT_NE(network_of("2001:db8:1:3::1"), network_of("2001:db8:1:2::1"));
  EXPECT_EQ(network_of("::1"), "::");
  EXPECT_EQ(network_of("unix"), "unix");
}

constexpr std::string_view kId = "0123456789abcdef0123456789abcdef";

std::string claim(std::string credential, const std::string& header = "Authorization") {
  http::Request request;
  request.headers = {{header, std::move(credential)}};
  return std::string(claimed_key_id(request, "authorization").value_or("-"));
}

TEST(CallerTest, ReadsTheKeyIdThatACredentialClaims) {
  const std::string id(kId);
  EXPECT_EQ(claim("Bearer nrgk_" + id + "_secret"), id);
  EXPECT_EQ(claim("  bEARER \t nrgk_" + id + "_"), id);
  EXPECT_EQ(claim("Bearer nrgk_" + id), id);
}

TEST(CallerTest, ReadsNoKeyIdOutOfAnythingElse) {
  const std::string id(kId);
  std::string capitals = id;
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& text :
       {std::string(), std::string("Bearer"), std::string("Bearer "), "Basic nrgk_" + id, "Bearer nrgss_" + id + "_x",
        "Bearer nrgk_" + id.substr(1), "Bearer nrgk_" + capitals, "nrgk_" + id})
    EXPECT_EQ(claim(text), "-") << text;
  EXPECT_EQ(claim("Bearer nrgk_" + id, "X-Other"), "-");
}

}  // namespace
}  // namespace nexus::limits
