#include "exec/backoff.h"
#include "exec/bulkhead.h"
#include "exec/channel.h"
#include "exec/deadline.h"
#include "exec/periodic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace nexus::exec {
namespace {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {us}; }
  [[nodiscard]] std::int64_t steady_us() const override { return us; }
  std::atomic<std::int64_t> us{1000};
};

TEST(Deadline, ExpiresAtItsMomentAndNestsToTheEarlier) {
  ManualClock clock;
  const Deadline far = Deadline::after(clock, 500);
  const Deadline near = Deadline::after(clock, 100);
  EXPECT_EQ(far.earlier(near), near);
  EXPECT_EQ(Deadline::none().earlier(near), near);
  EXPECT_EQ(near.remaining_us(clock), 100);
  clock.us = 1100;
  EXPECT_TRUE(near.expired(clock));
  EXPECT_FALSE(far.expired(clock));
  EXPECT_FALSE(Deadline::none().expired(clock));
  EXPECT_EQ(Deadline::none().remaining_us(clock), std::nullopt);
  EXPECT_TRUE(Deadline::after(clock, std::numeric_limits<std::int64_t>::max()).is_none());
}

TEST(Backoff, GrowsToItsCapAndStartsOver) {
  Backoff backoff({.first_us = 100, .most_us = 350, .factor = 2, .jitter = 0}, [] { return 0.0; });
  EXPECT_EQ(backoff.next_us(), 100);
  EXPECT_EQ(backoff.next_us(), 200);
  EXPECT_EQ(backoff.next_us(), 350);
  EXPECT_EQ(backoff.next_us(), 350);
  EXPECT_EQ(backoff.attempts(), 4);
  backoff.reset();
  EXPECT_EQ(backoff.next_us(), 100);
}

TEST(Backoff, DrawsItsJitterWithinTheShare) {
  double dice = 0;
  Backoff backoff({.first_us = 1000, .most_us = 1000, .factor = 1, .jitter = 0.5}, [&] { return dice; });
  EXPECT_EQ(backoff.next_us(), 500);
  dice = 0.5;
  EXPECT_EQ(backoff.next_us(), 750);
}

TEST(Bulkhead, GivesPlacesBackAndHoldsATenantToItsShare) {
  Bulkhead bulkhead(3, 2);
  std::optional<Bulkhead::Slot> a1 = bulkhead.try_acquire("a");
  std::optional<Bulkhead::Slot> a2 = bulkhead.try_acquire("a");
  EXPECT_TRUE(a1 && a2);
  EXPECT_FALSE(bulkhead.try_acquire("a"));
  std::optional<Bulkhead::Slot> b = bulkhead.try_acquire("b");
  EXPECT_TRUE(b);
  EXPECT_FALSE(bulkhead.try_acquire("c"));
  EXPECT_EQ(bulkhead.used(), 3u);
  a1.reset();
  EXPECT_TRUE(bulkhead.try_acquire("a"));  // returned at once
  std::optional<Bulkhead::Slot> moved = std::move(a2);
  a2.reset();
  EXPECT_EQ(bulkhead.used(), 2u);
  moved.reset();
  b.reset();
  EXPECT_EQ(bulkhead.used(), 0u);
}

TEST(Channel, DeliversInOrderAndHoldsTheProducerBack) {
  constexpr int kCount = 20'000;
  Channel<int> channel(4);
  std::mutex mutex;
  std::condition_variable awake;
  bool ready = false;
  channel.set_ready([&] {
    const std::lock_guard lock(mutex);
    ready = true;
    awake.notify_one();
  });
  std::jthread producer([&] {
    for (int i = 0; i < kCount; ++i) EXPECT_TRUE(channel.push(i));
    channel.finish();
  });
  int expected = 0;
  while (!channel.finished()) {
    {
      std::unique_lock lock(mutex);
      awake.wait(lock, [&] { return ready; });
      ready = false;
    }
    while (const std::optional<int> got = channel.try_pop()) EXPECT_EQ(*got, expected++);
  }
  EXPECT_EQ(expected, kCount);
  EXPECT_EQ(channel.failure(), nullptr);
}

TEST(Channel, ReleasesAWaitingProducerWhenTheConsumerCancels) {
  Channel<int> channel(1);
  std::latch full(1);
  bool second = true;
  std::thread producer([&] {
    EXPECT_TRUE(channel.push(1));
    full.count_down();
    second = channel.push(2);
  });
  full.wait();
  channel.cancel();
  producer.join();
  EXPECT_FALSE(channel.push(3));
  EXPECT_TRUE(channel.cancelled());
}

TEST(Channel, ReleasesAWaitingProducerWhenStopped) {
  Channel<int> channel(1);
  std::stop_source stop;
  ASSERT_TRUE(channel.push(1, stop.get_token()));
  std::latch waiting(1);
  std::thread producer([&] {
    waiting.count_down();
    EXPECT_FALSE(channel.push(2, stop.get_token()));
  });
  waiting.wait();
  stop.request_stop();
  producer.join();
  EXPECT_EQ(channel.try_pop(), 1);
}

TEST(Channel, CarriesTheProducersFailureBehindItsElements) {
  Channel<std::string> channel(2);
  int calls = 0;
  ASSERT_TRUE(channel.push("a"));
  channel.finish(std::make_exception_ptr(std::runtime_error("upstream went away")));
  channel.set_ready([&] { ++calls; });
  EXPECT_EQ(calls, 1);  // there was something to look at already
  EXPECT_FALSE(channel.finished());
  EXPECT_EQ(channel.try_pop(), "a");
  EXPECT_TRUE(channel.finished());
  EXPECT_THROW(std::rethrow_exception(channel.failure()), std::runtime_error);
}

TEST(Schedule, RunsWhatIsDueOldestFirstAndCountsFromTheEnd) {
  Schedule schedule([] { return 0.5; });
  schedule.add({"slow", 100, 0.1, nullptr}, 0);
  schedule.add({"fast", 40, 0.1, nullptr}, 0);
  EXPECT_EQ(schedule.next_us(), 40);
  EXPECT_EQ(schedule.take_due(39), nullptr);
  const PeriodicTask* task = schedule.take_due(120);
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->name, "fast");
  const PeriodicTask* other = schedule.take_due(120);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->name, "slow");
  EXPECT_EQ(schedule.take_due(120), nullptr);
  schedule.put_back(*task, 200);
  EXPECT_EQ(schedule.next_us(), 240);
}

TEST(Schedule, RemembersATriggerThatComesWhileTheTaskRuns) {
  Schedule schedule([] { return 0.5; });
  schedule.add({"t", 1000, 0, nullptr}, 0);
  EXPECT_FALSE(schedule.trigger("unknown", 0));
  EXPECT_TRUE(schedule.trigger("t", 10));
  const PeriodicTask* task = schedule.take_due(10);
  ASSERT_NE(task, nullptr);
  EXPECT_TRUE(schedule.trigger("t", 11));
  schedule.put_back(*task, 20);
  EXPECT_EQ(schedule.take_due(20), task);
}

TEST(Periodic, RunsTriggeredTasksSurvivesTheirFailuresAndStops) {
  const SystemClock clock;
  std::latch three(3);
  std::atomic<int> runs{0};
  Periodic periodic(clock, [] { return 0.5; });
  constexpr std::int64_t kHour = 3'600'000'000;
  periodic.add({"often", 1, 0, [&](const std::stop_token&) {
                  if (++runs <= 3) three.count_down();
                  throw std::runtime_error("this time not");
                }});
  std::latch triggered(1);
  std::latch stopped(1);
  periodic.add({"rare", kHour, 0, [&](const std::stop_token& stop) {
                  triggered.count_down();
                  std::stop_callback told(stop, [&] { stopped.count_down(); });
                  stopped.wait();
                }});
  periodic.start();
  three.wait();
  EXPECT_TRUE(periodic.trigger("rare"));
  triggered.wait();
  periodic.stop();
  const int after = runs;
  EXPECT_GE(after, 3);
}

}  // namespace
}  // namespace nexus::exec
