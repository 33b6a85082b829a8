#include "modules/limits/bucket.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

namespace nexus::limits {
namespace {

constexpr std::int64_t kMs = 1'000;
constexpr std::int64_t kSecond = 1'000'000;

TEST(RateTest, RefusesWhatWouldLockSomebodyOut) {
  for (const double per_second : {0.0, -1.0, 0.0009, 1e6 + 1, std::nan(""), std::numeric_limits<double>::infinity()})
    EXPECT_THROW(Rate(per_second, 5), std::invalid_argument) << per_second;
  for (const std::int64_t burst : {0, -1, 1'000'001}) EXPECT_THROW(Rate(1, burst), std::invalid_argument) << burst;
}

TEST(RateTest, KnowsHowLongAnEmptyBucketFills) {
  EXPECT_EQ(Rate(1, 5).window_s(), 5);
  EXPECT_EQ(Rate(3, 10).window_s(), 4);
  EXPECT_EQ(Rate(1e6, 1).window_s(), 1);
  EXPECT_EQ(Rate(0.001, 1'000'000).window_s(), 1'000'000'000);
}

TEST(BucketTest, FillsByTheMicrosecondUpToItsBurst) {
  const Rate rate(2, 10);
  Bucket bucket{.level = 0, .at_us = 0};
  bucket.refill(rate, 500 * kMs);
  EXPECT_EQ(bucket.level, kToken);
  bucket.refill(rate, 500 * kMs + 1);
  EXPECT_EQ(bucket.level, kToken + 2'000'000);
  bucket.refill(rate, 60 * kSecond);
  EXPECT_EQ(bucket.level, 10 * kToken);
}

TEST(BucketTest, SurvivesYearsOfRest) {
  const Rate rate(1e6, 1'000'000);
  Bucket bucket{.level = 0, .at_us = 0};
  bucket.refill(rate, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(bucket.level, rate.capacity());
}

TEST(BucketTest, TellsHowLongToWaitInWholeMilliseconds) {
  const Rate rate(3, 10);
  EXPECT_EQ((Bucket{.level = 3 * kToken}.wait_ms(rate, 3 * kToken)), 0);
  EXPECT_EQ((Bucket{.level = 0}.wait_ms(rate, kToken)), 334);
  EXPECT_EQ((Bucket{.level = 3 * kToken - 1}.wait_ms(rate, 3 * kToken)), 1);
  EXPECT_EQ((Bucket{.level = 0}.wait_ms(Rate(0.001, 3), 3 * kToken)), 3'000'000);
}

TEST(BucketTest, AClockThatGoesBackFillsNothingTwice) {
  const Rate rate(1, 5);
  Bucket bucket = Bucket::full(rate, 10 * kSecond);
  bucket.level -= 5 * kToken;
  bucket.refill(rate, 4 * kSecond);
  EXPECT_EQ(bucket.level, 0);
  bucket.refill(rate, 11 * kSecond);
  EXPECT_EQ(bucket.level, kToken);  // not 7, the distance from the older reading
}

TEST(BucketTest, TakesALowerRateAtOnce) {
  Bucket bucket = Bucket::full(Rate(1, 100), 0);
  bucket.refill(Rate(1, 5), 0);
  EXPECT_EQ(bucket.level, 5 * kToken);
}

TEST(BucketProperty, AgreesWithCountingByHand) {
  rc::check("level = min(burst, level + elapsed · rate), however it is sliced", [] {
    const std::int64_t milli_rate = *rc::gen::inRange<std::int64_t>(1, 1'000'000);  // thousandths of a token per second
    const std::int64_t burst = *rc::gen::inRange<std::int64_t>(1, 50);
    const Rate rate(static_cast<double>(milli_rate) / 1000.0, burst);
    Bucket bucket = Bucket::full(rate, 0);
    // By hand in billionths of a token, which a microsecond brings milli_rate of.
    std::int64_t level = std::int64_t{burst} * 1'000'000'000;
    std::int64_t now_us = 0;
    const auto steps =
        *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(-1'000, 2'000'000));
    for (const std::int64_t step : steps) {
      const std::int64_t reading = now_us + step;
      if (step > 0) {
        now_us = reading;
        level = std::min(level + std::int64_t{step} * milli_rate, std::int64_t{burst} * 1'000'000'000);
      }
      bucket.refill(rate, reading);
      RC_ASSERT(bucket.level == level * 1'000);
      if (bucket.level >= kToken) {
        bucket.level -= kToken;
        level -= 1'000'000'000;
      }
    }
  });
}

TEST(BucketProperty, WaitingAsLongAsToldIsEnoughAndNoMillisecondTooLong) {
  rc::check([] {
    const double per_second = static_cast<double>(*rc::gen::inRange(1, 1'000'000)) / 1000.0;
    const std::int64_t burst = *rc::gen::inRange<std::int64_t>(3, 50);
    const Rate rate(per_second, burst);
    const std::int64_t units = *rc::gen::inRange<std::int64_t>(1, 4) * kToken;
    RC_PRE(units <= rate.capacity());
    Bucket bucket{.level = *rc::gen::inRange<std::int64_t>(0, rate.capacity()), .at_us = 17};
    const std::int64_t wait = bucket.wait_ms(rate, units);
    Bucket impatient = bucket;
    // Asking again and again in between changes nothing.
    for (std::int64_t i = 1; i <= 7; ++i) bucket.refill(rate, 17 + wait * kMs * i / 7);
    RC_ASSERT(bucket.level >= units);
    if (wait == 0) return;
    impatient.refill(rate, 17 + (wait - 1) * kMs);
    RC_ASSERT(impatient.level < units);
  });
}

}  // namespace
}  // namespace nexus::limits
