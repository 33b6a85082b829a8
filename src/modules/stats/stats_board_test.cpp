#include "modules/stats/stats_board.h"

#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

namespace nexus::stats {
namespace {

TEST(StatsBoard, CollectsOnceForMany) {
  testing::FakeClock clock;
  int collected = 0;
  StatsBoard board(clock, [&](Timestamp) { return Aggregates{.queries_total = ++collected}; });
  EXPECT_EQ(board.current()->numbers.queries_total, 1);
  clock.advance_us(StatsBoard::kLeastLifeUs - 1);
  EXPECT_EQ(board.current()->numbers.queries_total, 1);
  clock.advance_us(1);
  EXPECT_EQ(board.current()->numbers.queries_total, 2);
  EXPECT_EQ(board.current()->generated_at, clock.now());
}

TEST(StatsBoard, ASlowCollectionIsRepeatedLessOften) {
  testing::FakeClock clock;
  int collected = 0;
  std::int64_t cost_us = Timestamp::kSecond;
  StatsBoard board(clock, [&](Timestamp) {
    ++collected;
    clock.advance_us(cost_us);
    return Aggregates{};
  });
  (void)board.current();
  clock.advance_s(49);
  (void)board.current();
  EXPECT_EQ(collected, 1);
  clock.advance_s(1);
  cost_us = 60 * Timestamp::kSecond;
  (void)board.current();
  EXPECT_EQ(collected, 2);
  clock.advance_us(StatsBoard::kMostLifeUs);
  (void)board.current();
  EXPECT_EQ(collected, 3);
}

TEST(StatsBoard, AFailureIsDegradedKeptForAWhileAndLeft) {
  testing::FakeClock clock;
  int collected = 0;
  bool broken = false;
  StatsBoard board(clock, [&](Timestamp) {
    ++collected;
    if (broken) throw std::runtime_error("no such table");
    return Aggregates{.queries_total = 5, .last_active_at = clock.now(), .uptime_pct_30d = 99.5};
  });
  (void)board.current();
  broken = true;
  clock.advance_us(StatsBoard::kLeastLifeUs);
  const auto report = board.current();
  EXPECT_TRUE(report->degraded);
  EXPECT_EQ(report->numbers.queries_total, 0);
  EXPECT_EQ(report->numbers.last_active_at, std::nullopt);
  EXPECT_EQ(report->numbers.uptime_pct_30d, 99.5);
  (void)board.current();
  EXPECT_EQ(collected, 2) << "a broken database is not asked by every caller";
  broken = false;
  clock.advance_us(StatsBoard::kLeastLifeUs);
  EXPECT_FALSE(board.current()->degraded);
}

TEST(StatsBoard, WhileOneCollectsTheOthersGetTheReportBefore) {
  testing::FakeClock clock;
  std::promise<void> entered;
  std::promise<void> go;
  int collected = 0;
  StatsBoard board(clock, [&](Timestamp) {
    if (++collected == 2) {
      entered.set_value();
      go.get_future().wait();
    }
    return Aggregates{.queries_total = collected};
  });
  (void)board.current();
  clock.advance_us(StatsBoard::kLeastLifeUs);
  auto slow = std::async(std::launch::async, [&] { return board.current()->numbers.queries_total; });
  entered.get_future().wait();
  EXPECT_EQ(board.current()->numbers.queries_total, 1);
  go.set_value();
  EXPECT_EQ(slow.get(), 2);
  EXPECT_EQ(board.current()->numbers.queries_total, 2);
}

TEST(StatsBoard, TheFirstCallersShareOneCollection) {
  testing::FakeClock clock;
  std::atomic<int> collected{0};
  std::promise<void> entered;
  std::promise<void> go;
  StatsBoard board(clock, [&](Timestamp) {
    if (collected.fetch_add(1) == 0) entered.set_value();
    go.get_future().wait();
    return Aggregates{.queries_total = 1};
  });
  std::vector<std::future<std::int64_t>> answers;
  answers.push_back(std::async(std::launch::async, [&] { return board.current()->numbers.queries_total; }));
  entered.get_future().wait();
  for (int i = 0; i < 4; ++i)
    answers.push_back(std::async(std::launch::async, [&] { return board.current()->numbers.queries_total; }));
  go.set_value();
  for (auto& answer : answers) EXPECT_EQ(answer.get(), 1);
  EXPECT_EQ(collected.load(), 1);
}

}  // namespace
}  // namespace nexus::stats
