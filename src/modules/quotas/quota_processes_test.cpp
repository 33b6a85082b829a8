// Several ledgers on one database, as several processes are: none overspends, none loses a unit.
#include "db/sqlite/test_database.h"
#include "modules/quotas/quota_ledger.h"
#include "modules/quotas/quotas_fixture.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <barrier>
#include <stop_token>
#include <thread>

namespace nexus::quotas {
namespace {

using http::RouteClass;

/// Two databases on one file, each with its ledger.
struct TwoProcesses : Surroundings {
  explicit TwoProcesses(const Limits& limits, const LedgerOptions& options = {})
      : databases{testing::file_database(folder.file("q.db"), clock, metrics),
                  testing::file_database(folder.file("q.db"), clock, metrics)} {
    set_limits(*databases[0], limits);
    for (std::size_t i = 0; i < 2; ++i) ledgers[i] = ledger(*databases[i], options);
  }
  bool charge(std::size_t process, RouteClass route_class = RouteClass::kRead) {
    return quotas::charge(*ledgers[process], clock, route_class);
  }
  [[nodiscard]] std::int64_t day() { return stored(*databases[0], Period::kDay, clock.now()).requests; }
  /// Waits until the process has noticed that the other one wrote.
  template <class Change>
  void notices(std::size_t process, const Change& change) {
    const std::uint64_t before = databases[process]->data_version();
    change();
    while (databases[process]->data_version() == before) std::this_thread::yield();
  }

  db::TestFolder folder;
  std::array<std::unique_ptr<db::Database>, 2> databases;
  std::array<std::unique_ptr<QuotaLedger>, 2> ledgers;
};

TEST(QuotaProcesses, WhatOneHasUsedTheOtherCannotUseAgain) {
  TwoProcesses p({.daily_requests = 10});
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(p.charge(0));
  p.ledgers[0]->stop();
  int granted = 0;
  while (p.charge(1)) ++granted;
  EXPECT_EQ(granted, 4);
  p.ledgers[1]->flush();
  EXPECT_EQ(p.day(), 10);
}

TEST(QuotaProcesses, UnflushedUseOfOneIsNeverGrantedByTheOther) {
  TwoProcesses p({.daily_requests = 100});
  int granted = 0;
  for (int i = 0; i < 20; ++i) granted += p.charge(0) ? 1 : 0;  // nothing of it is flushed
  while (p.charge(1)) ++granted;
  while (p.charge(0)) ++granted;
  EXPECT_LE(granted, 100);
  for (const auto& ledger : p.ledgers) ledger->flush();
  p.clock.advance_s(2);
  for (const auto& ledger : p.ledgers) ledger->flush();
  while (p.charge(1)) ++granted;
  EXPECT_EQ(granted, 100) << "what was held in advance came back";
  p.ledgers[1]->flush();
  EXPECT_EQ(p.day(), 100);
}

TEST(QuotaProcesses, AnIdleLeaseIsGivenUpSoThatTheOtherCanUseIt) {
  TwoProcesses p({.daily_requests = 64});
  EXPECT_TRUE(p.charge(0));
  p.clock.advance_s(1);
  p.ledgers[0]->flush();
  int granted = 1;
  while (p.charge(1)) ++granted;
  EXPECT_EQ(granted, 64);
}

TEST(QuotaProcesses, ALeaseThatHasBecomeALargePartOfTheRestIsGivenUpWhenTheOtherHasWritten) {
  TwoProcesses p({.daily_requests = 64});
  EXPECT_TRUE(p.charge(0));  // holds an eighth
  int granted = 1;
  p.notices(0, [&] {
    while (p.charge(1)) ++granted;
  });
  EXPECT_LT(granted, 64);
  p.ledgers[0]->flush();  // looks, and sees that it holds all that is left
  p.ledgers[0]->flush();  // gives it up
  p.clock.advance_us(50'000);
  while (p.charge(1)) ++granted;
  EXPECT_EQ(granted, 64);
}

TEST(QuotaProcesses, TheDeathOfOneLosesWhatItHadNotFlushedAndItsLeaseComesBack) {
  TwoProcesses p({.daily_requests = 80});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(p.charge(0));
  p.ledgers[0]->flush();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(p.charge(0));
  p.ledgers[0].reset();  // kill -9
  int granted = 0;
  while (p.charge(1)) ++granted;
  EXPECT_LT(granted, 77) << "its lease is still held";
  p.clock.advance_s(31);
  while (p.charge(1)) ++granted;
  EXPECT_EQ(granted, 77) << "three were flushed, two are lost";
  p.ledgers[1]->flush();
  EXPECT_EQ(p.day(), 80);
}

TEST(QuotaProcesses, LimitsThatOneChangesReachTheOtherWithItsNextRefresh) {
  TwoProcesses p({.daily_requests = 1});
  EXPECT_TRUE(p.charge(1));
  EXPECT_FALSE(p.charge(1));
  p.notices(1, [&] { set_limits(*p.databases[0], {.daily_requests = 3}, "t1", p.ledgers[0].get()); });
  p.ledgers[1]->refresh();
  EXPECT_TRUE(p.charge(1));
  EXPECT_TRUE(p.charge(1));
  EXPECT_FALSE(p.charge(1));
}

TEST(QuotaProcesses, CountsOfTheOtherShowAfterASecondAndWithEachFlush) {
  TwoProcesses p(Limits{});
  EXPECT_TRUE(p.charge(0));
  EXPECT_TRUE(p.charge(1));
  p.notices(0, [&] { p.ledgers[1]->flush(); });
  EXPECT_EQ(p.ledgers[0]->status(tenant()).day.used, 2);
  EXPECT_TRUE(p.charge(1));
  p.notices(0, [&] { p.ledgers[1]->flush(); });
  EXPECT_TRUE(p.charge(0));
  p.ledgers[0]->flush();
  const Asking asking(p.clock);
  http::Pairs headers;
  p.ledgers[0]->append_headers(asking.call, headers);
  EXPECT_EQ(headers.at(1).second, "4");
}

TEST(QuotaProcesses, TokensThatTheOtherCountedBlockWithinASecond) {
  TwoProcesses p({.daily_tokens = 10});
  EXPECT_TRUE(p.charge(0));
  p.ledgers[1]->add(tenant(), 10, p.clock.now());
  p.notices(0, [&] { p.ledgers[1]->flush(); });
  p.clock.advance_us(1'000'001);
  EXPECT_FALSE(p.charge(0));
}

/// Threads that ask until they are refused, on all ledgers at once, while flushers run.
std::int64_t spend_all(const Clock& clock, std::span<const std::unique_ptr<QuotaLedger>> ledgers) {
  constexpr std::size_t kThreads = 64;
  std::atomic<std::int64_t> granted{0};
  std::barrier start(static_cast<std::ptrdiff_t>(kThreads));
  std::vector<std::jthread> flushers;
  for (const auto& ledger : ledgers)
    flushers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ledger->flush();
        std::this_thread::yield();
      }
    });
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      const bool runs = i % 3 == 0;
      QuotaLedger& ledger = *ledgers[i % ledgers.size()];
      for (int n = 1; charge(ledger, clock, runs ? RouteClass::kRun : RouteClass::kRead); ++n) {
        granted += runs ? 3 : 1;
        if (n % 16 != 0) continue;
        Charge charged;
        if (!charge(ledger, clock, RouteClass::kRun, &charged)) continue;
        const Asking asking(clock);
        ledger.refund(asking.call, charged);
      }
    });
  threads.clear();
  flushers.clear();
  return granted;
}

/// What is left is granted one by one, until the cap stops it.
std::int64_t spend_rest(testing::FakeClock& clock, std::span<const std::unique_ptr<QuotaLedger>> ledgers) {
  clock.advance_s(2);
  for (const auto& ledger : ledgers) ledger->flush();
  clock.advance_s(2);
  for (const auto& ledger : ledgers) ledger->flush();
  std::int64_t granted = 0;
  while (charge(*ledgers[0], clock)) ++granted;
  for (const auto& ledger : ledgers) ledger->flush();
  return granted;
}

TEST(QuotaProcesses, SixtyFourThreadsOfOneProcessSpendExactlyTheCap) {
  for (const std::int64_t cap : {50, 3000}) {
    Surroundings s;
    const auto database = testing::scratch_database(s.clock, s.metrics);
    set_limits(*database, {.daily_requests = cap});
    const std::array ledgers{s.ledger(*database)};
    std::int64_t granted = spend_all(s.clock, ledgers);
    EXPECT_LE(granted, cap);
    granted += spend_rest(s.clock, ledgers);
    EXPECT_EQ(granted, cap);
    EXPECT_EQ(stored(*database, Period::kDay, s.clock.now()).requests, cap);
  }
}

TEST(QuotaProcesses, SixtyFourThreadsOfTwoLedgersOnOneDatabaseSpendExactlyTheCap) {
  for (const std::int64_t cap : {50, 3000}) {
    Surroundings s;
    const auto database = testing::scratch_database(s.clock, s.metrics);
    set_limits(*database, {.monthly_requests = cap});
    const std::array ledgers{s.ledger(*database), s.ledger(*database)};
    std::int64_t granted = spend_all(s.clock, ledgers);
    EXPECT_LE(granted, cap);
    granted += spend_rest(s.clock, ledgers);
    EXPECT_EQ(granted, cap);
    EXPECT_EQ(stored(*database, Period::kMonth, s.clock.now()).requests, cap);
  }
}

TEST(QuotaProcesses, SixtyFourThreadsOfTwoProcessesSpendExactlyTheCap) {
  TwoProcesses p({.daily_requests = 2000, .monthly_requests = 2001});
  std::int64_t granted = spend_all(p.clock, p.ledgers);
  EXPECT_LE(granted, 2000);
  granted += spend_rest(p.clock, p.ledgers);
  EXPECT_EQ(granted, 2000);
  EXPECT_EQ(p.day(), 2000);
}

TEST(QuotaProcesses, SixtyFourThreadsWithoutACapLoseNoUnit) {
  Surroundings s;
  const auto database = testing::scratch_database(s.clock, s.metrics);
  const std::array ledgers{s.ledger(*database), s.ledger(*database)};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < 64; ++i)
    threads.emplace_back([&, i] {
      for (int n = 0; n < 100; ++n) {
        (void)charge(*ledgers[i % 2], s.clock, RouteClass::kRun);
        if (n % 10 == 0) ledgers[i % 2]->flush();
      }
    });
  threads.clear();
  for (const auto& ledger : ledgers) ledger->flush();
  EXPECT_EQ(stored(*database, Period::kDay, s.clock.now()).requests, 64 * 100 * 3);
}

}  // namespace
}  // namespace nexus::quotas
