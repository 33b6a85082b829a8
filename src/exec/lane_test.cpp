#include "exec/lane.h"

#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nexus::exec {
namespace {

TEST(Lane, RunsEveryTaskOnceOnItsOwnThreads) {
  observe::Metrics metrics;
  std::atomic<int> ran{0};
  std::atomic<int> named{0};
  {
    Lane lane("db", 3, 1000, metrics);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_TRUE(lane.try_post([&] {
        ++ran;
        if (Lane::current() == "db") ++named;
      }));
    }
  }
  EXPECT_EQ(ran, 1000);
  EXPECT_EQ(named, 1000);
  EXPECT_EQ(Lane::current(), "");
}

TEST(Lane, RefusesWhenFullAndCountsIt) {
  observe::Metrics metrics;
  Lane lane("bulk", 1, 2, metrics);
  std::latch started(1);
  std::latch release(1);
  ASSERT_TRUE(lane.try_post([&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  EXPECT_TRUE(lane.try_post([] {}));
  EXPECT_TRUE(lane.try_post([] {}));
  EXPECT_EQ(lane.depth(), 2u);
  EXPECT_FALSE(lane.try_post([] {}));
  EXPECT_EQ(metrics.counter("nexusrag_lane_refused_total", {{"lane", "bulk"}}).value(), 1u);
  EXPECT_EQ(metrics.gauge("nexusrag_lane_depth", {{"lane", "bulk"}}).value(), 2.0);
  release.count_down();
  lane.drain();
  EXPECT_EQ(lane.depth(), 0u);
}

TEST(Lane, DrainRunsWhatIsQueuedAndRefusesTheRest) {
  observe::Metrics metrics;
  Lane lane("db", 2, 100, metrics);
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) {
    if (!lane.try_post([&] { ++ran; })) break;
  }
  lane.drain();
  EXPECT_EQ(ran, 100);
  EXPECT_FALSE(lane.try_post([&] { ++ran; }));
  EXPECT_EQ(ran, 100);
}

TEST(Lane, KeepsRunningAfterATaskThrew) {
  observe::Metrics metrics;
  std::atomic<int> ran{0};
  Lane lane("db", 1, 10, metrics);
  ASSERT_TRUE(lane.try_post([] { throw std::runtime_error("broken promise"); }));
  ASSERT_TRUE(lane.try_post([&] { ++ran; }));
  lane.drain();
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(metrics.counter("nexusrag_lane_task_failures_total", {{"lane", "db"}}).value(), 1u);
  EXPECT_EQ(metrics.gauge("nexusrag_lane_busy", {{"lane", "db"}}).value(), 0.0);
}

TEST(Lane, NeverLosesATaskWhenManyPost) {
  observe::Metrics metrics;
  constexpr int kPosters = 8;
  constexpr int kEach = 2000;
  std::atomic<int> ran{0};
  std::atomic<int> refused{0};
  Lane lane("db", 4, 64, metrics);
  std::vector<std::thread> posters;
  for (int p = 0; p < kPosters; ++p) {
    posters.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        if (!lane.try_post([&] { ++ran; })) ++refused;
      }
    });
  }
  for (auto& poster : posters) poster.join();
  lane.drain();
  EXPECT_EQ(ran + refused, kPosters * kEach);
}

TEST(Lane, LetsTwoTasksMeetOnTwoThreads) {
  observe::Metrics metrics;
  Lane lane("db", 2, 10, metrics);
  for (int round = 0; round < 200; ++round) {
    const auto meet = std::make_shared<std::latch>(3);
    ASSERT_TRUE(lane.try_post([meet] { meet->arrive_and_wait(); }));
    ASSERT_TRUE(lane.try_post([meet] { meet->arrive_and_wait(); }));
    meet->arrive_and_wait();  // would hang if the second wake-up had been saved
  }
}

}  // namespace
}  // namespace nexus::exec
