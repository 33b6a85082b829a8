#include "modules/quotas/quota_ledger.h"

#include "modules/quotas/quotas_fixture.h"

#include <gtest/gtest.h>

#include <map>

namespace nexus::quotas {
namespace {

using http::RouteClass;

struct LedgerDesk : Surroundings {
  explicit LedgerDesk(const Limits& limits = {}) {
    set_limits(*database, limits);
    books = ledger(*database);
  }
  bool charge(RouteClass route_class = RouteClass::kRead, Charge* charged = nullptr) {
    return quotas::charge(*books, clock, route_class, charged);
  }
  void refund(Charge charge) {
    const Asking asking(clock);
    books->refund(asking.call, charge);
  }
  [[nodiscard]] std::map<std::string, std::string> headers() {
    const Asking asking(clock);
    http::Pairs pairs;
    books->append_headers(asking.call, pairs);
    return {pairs.begin(), pairs.end()};
  }
  [[nodiscard]] ApiError refusal() {
    const Asking asking(clock);
    try {
      (void)books->charge(asking.call);
    } catch (const ApiError& e) {
      return e;
    }
    throw std::logic_error("the request was not refused");
  }
  [[nodiscard]] std::int64_t day() { return stored(*database, Period::kDay, clock.now()).requests; }
  [[nodiscard]] std::int64_t month() { return stored(*database, Period::kMonth, clock.now()).requests; }

  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  std::unique_ptr<QuotaLedger> books;
};

TEST(QuotaLedger, ARunCostsThreeUnitsAndAnyOtherRequestOneInDayAndMonth) {
  LedgerDesk d;
  for (const RouteClass each : {RouteClass::kRun, RouteClass::kRead, RouteClass::kMutation, RouteClass::kOps})
    EXPECT_TRUE(d.charge(each));
  EXPECT_TRUE(d.charge(RouteClass::kNone));
  d.books->flush();
  EXPECT_EQ(d.day(), 6);
  EXPECT_EQ(d.month(), 6);
}

TEST(QuotaLedger, AnUnlimitedTenantNeedsTheDatabaseOnce) {
  LedgerDesk d;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(d.charge(RouteClass::kRun));
  EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "3000");
  EXPECT_EQ(d.trips(), 1U);
}

TEST(QuotaLedger, ALimitedTenantNeedsTheDatabaseRarely) {
  LedgerDesk d({.daily_requests = 100'000});
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(d.charge(RouteClass::kRun));
  EXPECT_EQ(d.trips("load"), 1U);
  EXPECT_EQ(d.trips("ask"), 1U);
  d.books->flush();  // renews the lease
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(d.charge(RouteClass::kRun));
  EXPECT_EQ(d.trips("ask"), 1U);
}

TEST(QuotaLedger, EveryUnitOfTheCapIsGrantedAndNoneMore) {
  for (const std::int64_t cap : {0, 1, 2, 7, 8, 9, 100, 5000}) {
    LedgerDesk d({.daily_requests = cap});
    std::int64_t granted = 0;
    while (d.charge()) ++granted;
    EXPECT_EQ(granted, cap);
    d.books->flush();
    EXPECT_EQ(d.day(), cap);
    EXPECT_FALSE(d.charge());
  }
}

TEST(QuotaLedger, ARefusalOfTheDayCarriesDetailsAndEveryHeader) {
  LedgerDesk d({.daily_requests = 2, .monthly_requests = 50});
  EXPECT_TRUE(d.charge());
  EXPECT_TRUE(d.charge());
  const ApiError e = d.refusal();
  EXPECT_EQ(e.kind(), errors::kQuotaExceeded);
  EXPECT_EQ(e.message(), "Daily request quota exceeded");
  EXPECT_EQ(json::write(e.details()), R"({"period":"day","limit":2,"used":2,"remaining":0})");
  const ApiError::Headers expected{{"X-Quota-Day-Limit", "2"},          {"X-Quota-Day-Used", "2"},
                                   {"X-Quota-Day-Remaining", "0"},      {"X-Quota-Month-Limit", "50"},
                                   {"X-Quota-Month-Used", "2"},         {"X-Quota-Month-Remaining", "48"},
                                   {"X-Quota-SoftCap-Reached", "true"}, {"X-Quota-HardCap-Mode", "enforce"}};
  EXPECT_EQ(e.headers(), expected);
  EXPECT_EQ(d.metrics.counter("nexusrag_quota_exceeded_total").value(), 1U);
}

TEST(QuotaLedger, TheMonthIsNamedWhenBothPeriodsAreExceeded) {
  LedgerDesk d({.daily_requests = 1, .monthly_requests = 1});
  EXPECT_TRUE(d.charge());
  const ApiError e = d.refusal();
  EXPECT_EQ(e.message(), "Monthly request quota exceeded");
  EXPECT_EQ(json::write(e.details()), R"({"period":"month","limit":1,"used":1,"remaining":0})");
}

TEST(QuotaLedger, ARequestThatDoesNotFitTakesNothingAndASmallerOneMayFit) {
  LedgerDesk d({.daily_requests = 4});
  EXPECT_TRUE(d.charge(RouteClass::kRun));
  EXPECT_FALSE(d.charge(RouteClass::kRun));
  EXPECT_TRUE(d.charge(RouteClass::kRead));
  EXPECT_FALSE(d.charge(RouteClass::kRead));
}

TEST(QuotaLedger, HeadersOfAnUnlimitedTenantSayUnlimited) {
  LedgerDesk d;
  EXPECT_TRUE(d.charge());
  const std::map<std::string, std::string> expected{{"X-Quota-Day-Limit", "unlimited"},
                                                    {"X-Quota-Day-Used", "1"},
                                                    {"X-Quota-Day-Remaining", "unlimited"},
                                                    {"X-Quota-Month-Limit", "unlimited"},
                                                    {"X-Quota-Month-Used", "1"},
                                                    {"X-Quota-Month-Remaining", "unlimited"},
                                                    {"X-Quota-SoftCap-Reached", "false"},
                                                    {"X-Quota-HardCap-Mode", "enforce"}};
  EXPECT_EQ(d.headers(), expected);
}

TEST(QuotaLedger, ObservingGrantsAboveTheLimitAndRemainingStaysAtZero) {
  LedgerDesk d({.daily_requests = 1, .hard_cap_enabled = false});
  EXPECT_TRUE(d.charge());
  EXPECT_TRUE(d.charge());
  const auto headers = d.headers();
  EXPECT_EQ(headers.at("X-Quota-Day-Used"), "2");
  EXPECT_EQ(headers.at("X-Quota-Day-Remaining"), "0");
  EXPECT_EQ(headers.at("X-Quota-HardCap-Mode"), "observe");
  EXPECT_EQ(d.trips("ask"), 0U);
}

TEST(QuotaLedger, ARefundMakesRoomAtOnceBeforeAndAfterAFlush) {
  LedgerDesk d({.daily_requests = 3});
  Charge charged;
  EXPECT_TRUE(d.charge(RouteClass::kRun, &charged));
  EXPECT_FALSE(d.charge());
  d.refund(charged);
  EXPECT_TRUE(d.charge(RouteClass::kRun, &charged));
  d.books->flush();
  EXPECT_FALSE(d.charge());
  d.refund(charged);
  EXPECT_TRUE(d.charge(RouteClass::kRun));
  d.books->flush();
  EXPECT_EQ(d.day(), 3);
}

TEST(QuotaLedger, ARefundedChargeIsRefundedOnce) {
  LedgerDesk d({.daily_requests = 3});
  const Asking asking(d.clock);
  Charge charged = d.books->charge(asking.call);
  d.books->refund(asking.call, charged);
  d.books->refund(asking.call, charged);
  d.books->flush();
  EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "0");
}

constexpr std::int64_t kToMidnightS = 14 * 3600;  // the clock starts at 10:00

TEST(QuotaLedger, MidnightUtcStartsADayAndTheMonthGoesOn) {
  LedgerDesk d({.daily_requests = 2, .monthly_requests = 3});
  EXPECT_TRUE(d.charge());
  EXPECT_TRUE(d.charge());
  EXPECT_FALSE(d.charge());
  d.clock.advance_s(kToMidnightS);
  EXPECT_TRUE(d.charge());
  EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "1");
  EXPECT_EQ(d.headers().at("X-Quota-Month-Used"), "3");
  EXPECT_EQ(d.refusal().message(), "Monthly request quota exceeded");
  d.books->flush();
  EXPECT_EQ(d.day(), 1);
  EXPECT_EQ(d.month(), 3);
}

TEST(QuotaLedger, ANewMonthStartsBothPeriods) {
  LedgerDesk d({.monthly_requests = 1});
  EXPECT_TRUE(d.charge());
  EXPECT_FALSE(d.charge());
  d.clock.advance_s(12 * 86'400);  // 17 February to 1 March
  EXPECT_TRUE(d.charge());
  d.books->flush();
  EXPECT_EQ(d.month(), 1);
}

TEST(QuotaLedger, ARequestUnderWayAtMidnightBelongsToTheDayItCameIn) {
  LedgerDesk d({.daily_requests = 2});
  const Asking late(d.clock);
  const Asking later(d.clock);
  EXPECT_TRUE(d.charge());
  d.clock.advance_s(kToMidnightS);
  EXPECT_TRUE(d.charge());
  Charge charged = d.books->charge(late.call);
  EXPECT_THROW((void)d.books->charge(later.call), ApiError) << "its day is full";
  d.books->flush();
  EXPECT_EQ(stored(*d.database, Period::kDay, testing::FakeClock::kStart).requests, 2);
  EXPECT_EQ(d.day(), 1);
  d.books->refund(late.call, charged);
  d.books->flush();
  EXPECT_EQ(stored(*d.database, Period::kDay, testing::FakeClock::kStart).requests, 1);
  EXPECT_EQ(d.month(), 2);
  (void)d.books->charge(later.call);
}

TEST(QuotaLedger, AClockThatWasAheadForDaysAndIsSetBackIsCountedByTheRightDay) {
  LedgerDesk d({.daily_requests = 2});
  constexpr std::int64_t kDayS = 86'400;
  for (int ahead = 0; ahead < 2; ++ahead) {
    d.clock.advance_s(2 * kDayS);
    EXPECT_TRUE(d.charge());
    d.books->flush();
  }
  d.clock.advance_s(-4 * kDayS);
  EXPECT_TRUE(d.charge());
  EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "1");
  EXPECT_TRUE(d.charge());
  EXPECT_FALSE(d.charge());
}

TEST(QuotaLedger, AFailedFlushKeepsWhatItCouldNotWrite) {
  LedgerDesk d;
  EXPECT_TRUE(d.charge());
  {
    const BrokenCounters broken(*d.database);
    EXPECT_THROW(d.books->flush(), db::Error);
    EXPECT_TRUE(d.charge());
    EXPECT_THROW(d.books->flush(), db::Error);
    EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "2");
  }
  d.books->flush();
  EXPECT_EQ(d.day(), 2);
  d.books->flush();
  EXPECT_EQ(d.day(), 2);
}

TEST(QuotaLedger, NearACapAChargeFailsWithTheDatabaseAndTakesNothing) {
  LedgerDesk d({.daily_requests = 1});
  {
    const BrokenCounters broken(*d.database);
    EXPECT_THROW(d.charge(), db::Error);
  }
  EXPECT_TRUE(d.charge());
  EXPECT_FALSE(d.charge());
}

TEST(QuotaLedger, NothingPendingMeansNoTransaction) {
  LedgerDesk d;
  Charge charged;
  EXPECT_TRUE(d.charge(RouteClass::kRead, &charged));
  d.refund(charged);
  d.books->flush();
  d.books->flush();
  EXPECT_EQ(d.trips("flush"), 0U);
}

TEST(QuotaLedger, OneTransactionFlushesAllTenants) {
  LedgerDesk d;
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(quotas::charge(*d.books, d.clock, RouteClass::kRun, nullptr, "tenant-" + std::to_string(i)));
  d.books->flush();
  EXPECT_EQ(d.trips("flush"), 1U);
  EXPECT_EQ(stored(*d.database, Period::kMonth, d.clock.now(), "tenant-77").requests, 3);
}

TEST(QuotaLedger, TokensAreCountedAndTheirQuotaRefusesLikeThatOfRequests) {
  LedgerDesk d({.daily_tokens = 100});
  EXPECT_TRUE(d.charge());
  d.books->flush();
  EXPECT_EQ(stored(*d.database, Period::kDay, d.clock.now()).tokens, std::nullopt);
  d.books->add(tenant(), 99, d.clock.now());
  EXPECT_TRUE(d.charge());
  d.books->flush();
  d.books->add(tenant(), 6, d.clock.now());
  const ApiError e = d.refusal();
  EXPECT_EQ(e.message(), "Daily token quota exceeded");
  EXPECT_EQ(json::write(e.details()), R"({"period":"day","limit":100,"used":100,"remaining":0,"metric":"tokens"})");
  d.books->flush();
  EXPECT_EQ(stored(*d.database, Period::kDay, d.clock.now()).tokens, 105);
  EXPECT_EQ(stored(*d.database, Period::kMonth, d.clock.now()).tokens, 105);
  d.clock.advance_s(kToMidnightS);
  EXPECT_TRUE(d.charge());
}

TEST(QuotaLedger, TheMonthlyTokenQuotaIsNamedFirst) {
  LedgerDesk d({.daily_tokens = 1, .monthly_tokens = 1});
  d.books->add(tenant(), 5, d.clock.now());
  EXPECT_EQ(d.refusal().message(), "Monthly token quota exceeded");
}

TEST(QuotaLedger, ObservingLetsTokensPass) {
  LedgerDesk d({.daily_tokens = 1, .hard_cap_enabled = false});
  d.books->add(tenant(), 5, d.clock.now());
  EXPECT_TRUE(d.charge());
}

TEST(QuotaLedger, ATenantWithoutARowHasTheLimitsOfItsPlanAsTheyAreNow) {
  LedgerDesk d;
  d.plans.limits.daily_requests = 1;
  const auto ask = [&] { return quotas::charge(*d.books, d.clock, RouteClass::kRead, nullptr, "other"); };
  EXPECT_TRUE(ask());
  EXPECT_FALSE(ask());
  d.plans.limits.daily_requests = 2;
  EXPECT_TRUE(ask());
  EXPECT_FALSE(ask());
  d.plans.limits.daily_requests.reset();
  EXPECT_TRUE(ask());
  EXPECT_TRUE(d.charge()) << "t1 has a row";
}

TEST(QuotaLedger, ChangedLimitsHoldForTheNextRequest) {
  LedgerDesk d({.daily_requests = 1000});
  EXPECT_TRUE(d.charge());
  set_limits(*d.database, {.daily_requests = 2}, "t1", d.books.get());
  EXPECT_TRUE(d.charge());
  EXPECT_FALSE(d.charge());
  set_limits(*d.database, {}, "t1", d.books.get());
  EXPECT_TRUE(d.charge());
}

TEST(QuotaLedger, StatusShowsLimitsUseAndModeWithoutTakingAnything) {
  LedgerDesk d({.daily_requests = 500});
  for (int i = 0; i < 42; ++i) EXPECT_TRUE(d.charge());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(schema::write(d.books->status(tenant())),
              R"({"day":{"limit":500,"used":42,"remaining":458},"month":{"limit":null,"used":42,"remaining":null},)"
              R"("soft_cap_reached":false,"hard_cap_mode":"enforce"})");
}

TEST(QuotaLedger, CountedAddsWhatIsNotFlushed) {
  LedgerDesk d;
  const Periods now = periods_of(d.clock.now());
  EXPECT_EQ(d.books->counted(tenant(), Period::kDay, now.day), (Counted{0, std::nullopt}));
  EXPECT_TRUE(d.charge());
  d.books->flush();
  EXPECT_TRUE(d.charge());
  d.books->add(tenant(), 7, d.clock.now());
  EXPECT_EQ(d.books->counted(tenant(), Period::kDay, now.day), (Counted{2, 7}));
  EXPECT_EQ(d.books->counted(tenant(), Period::kMonth, now.month), (Counted{2, 7}));
  EXPECT_EQ(d.books->counted(tenant(), Period::kDay, now.day - Timestamp::kDay), (Counted{0, std::nullopt}));
}

TEST(QuotaLedger, IdleTenantsLeaveMemoryWithNothingLost) {
  LedgerDesk d({.daily_requests = 1000});
  EXPECT_TRUE(d.charge());
  d.books->flush();
  d.clock.advance_s(2);
  d.books->flush();  // gives the lease up
  EXPECT_EQ(d.books->size(), 1U);
  d.clock.advance_s(601);
  d.books->flush();
  EXPECT_EQ(d.books->size(), 0U);
  EXPECT_TRUE(d.charge());
  EXPECT_EQ(d.headers().at("X-Quota-Day-Used"), "2");
}

TEST(QuotaLedger, TheNumberOfTenantsInMemoryIsBounded) {
  Surroundings s;
  const auto database = testing::scratch_database(s.clock, s.metrics);
  LedgerOptions options;
  options.most_tenants = 64 * 4;
  const auto books = s.ledger(*database, options);
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(quotas::charge(*books, s.clock, RouteClass::kRead, nullptr, "tenant-" + std::to_string(i)));
    books->flush();
    s.clock.advance_us(1);
  }
  EXPECT_LE(books->size(), options.most_tenants);
}

struct CountingPassenger final : Passenger {
  bool board() override { return boards; }
  void write(db::Tx& /*tx*/) override { ++written; }
  void landed(bool committed) noexcept override { ++(committed ? flown : failed); }
  bool boards = true;
  int written = 0;
  int flown = 0;
  int failed = 0;
};

TEST(QuotaLedger, PassengersTravelWithAFlushAndWaitForTheNextWhenItFails) {
  LedgerDesk d;
  CountingPassenger passenger;
  d.books = d.ledger(*d.database, {}, {&passenger});
  d.books->flush();
  EXPECT_EQ(passenger.flown, 1) << "also when no tenant has anything";
  EXPECT_TRUE(d.charge());
  {
    const BrokenCounters broken(*d.database);
    EXPECT_THROW(d.books->flush(), db::Error);
  }
  EXPECT_EQ(passenger.failed, 1);
  passenger.boards = false;
  d.books->flush();
  EXPECT_EQ(passenger.written, 1);
}

}  // namespace
}  // namespace nexus::quotas
