// Ledgers against a model that counts on its fingers.
#include "modules/quotas/quota_answers.h"
#include "modules/quotas/quota_ledger.h"
#include "modules/quotas/quotas_fixture.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <map>
#include <optional>
#include <vector>

namespace nexus::quotas {
namespace {

using http::RouteClass;

struct Model {
  Limits limits;
  std::map<Timestamp, std::int64_t> days;
  std::map<Timestamp, std::int64_t> months;

  [[nodiscard]] bool fits(const Periods& now, std::int64_t units) const {
    if (!limits.hard_cap_enabled) return true;
    const auto within = [&](const std::optional<std::int64_t>& cap, const auto& counts, Timestamp start) {
      const auto at = counts.find(start);
      return !cap || (at == counts.end() ? 0 : at->second) + units <= *cap;
    };
    return within(limits.daily_requests, days, now.day) && within(limits.monthly_requests, months, now.month);
  }
  void add(const Periods& now, std::int64_t units) {
    days[now.day] += units;
    months[now.month] += units;
  }
};

struct Charged {
  Charge charge;
  std::size_t ledger;
};

std::optional<std::int64_t> some_limit() {
  return *rc::gen::element<std::optional<std::int64_t>>(std::nullopt, 0, 1, 5, 20, 60, 200);
}

Limits some_limits() {
  Limits limits{.daily_requests = some_limit(), .monthly_requests = some_limit()};
  limits.hard_cap_enabled = *rc::gen::inRange(0, 5) > 0;
  return limits;
}

/// Random requests, refunds, days, flushes that fail and changes of limits, on some ledgers of one database. `exact`:
/// there is one ledger, which must agree with the model on every request; more may refuse what others hold leased.
void play(std::size_t count, bool exact) {
  Surroundings s;
  const auto database = testing::scratch_database(s.clock, s.metrics);
  Model model{.limits = some_limits(), .days = {}, .months = {}};
  set_limits(*database, model.limits);
  LedgerOptions options;
  options.leases.most_units = *rc::gen::element<std::int64_t>(0, 1, 8, 1024);
  std::vector<std::unique_ptr<QuotaLedger>> ledgers;
  for (std::size_t i = 0; i < count; ++i) ledgers.push_back(s.ledger(*database, options));
  std::vector<Charged> charges;
  std::optional<BrokenCounters> broken;

  // As the program does every few milliseconds. Use that is granted while nothing is enforced is under no lease, and a
  // lease ends after half a minute: a ledger that does not flush by then has not kept its side.
  const auto flush_all = [&] {
    if (exact) return;
    for (const auto& each : ledgers) each->flush();
  };

  for (int step = 0; step < 120; ++step) {
    const auto which = *rc::gen::inRange<std::size_t>(0, count);
    QuotaLedger& ledger = *ledgers[which];
    const Periods now = periods_of(s.clock.now());
    switch (*rc::gen::inRange(0, 16)) {
      case 0: {
        if (broken) break;
        flush_all();
        model.limits = some_limits();
        set_limits(*database, model.limits, "t1", &ledger);
        for (const auto& other : ledgers)  // one database object: its version does not move for its own commits
          database->write([&](db::Tx& tx) { other->changed(tx, "t1"); });
        break;
      }
      case 1:
        if (broken && !exact) break;
        flush_all();
        s.clock.advance_s(*rc::gen::element(1, 40, 3600, 86'400, 6 * 86'400));
        break;
      case 2:
        if (broken) {
          broken.reset();
        } else {
          broken.emplace(*database);
        }
        break;
      case 3:
      case 4:
        try {
          ledger.flush();
        } catch (const db::Error&) {
          RC_ASSERT(broken.has_value());
        }
        break;
      case 5:
      case 6: {
        if (charges.empty()) break;
        const auto index = *rc::gen::inRange<std::size_t>(0, charges.size());
        Charged given = charges[index];
        charges.erase(charges.begin() + static_cast<std::ptrdiff_t>(index));
        model.add(periods_of(given.charge.at), -given.charge.units);
        const Asking asking(s.clock);
        ledgers[given.ledger]->refund(asking.call, given.charge);
        break;
      }
      default: {
        const RouteClass route_class = *rc::gen::element(RouteClass::kRead, RouteClass::kRun);
        Charge charged;
        try {
          const bool granted = charge(ledger, s.clock, route_class, &charged);
          if (exact || granted) RC_ASSERT(granted == model.fits(now, cost_of(route_class)));
          if (!granted) break;
        } catch (const db::Error&) {
          RC_ASSERT(broken.has_value());
          break;
        }
        model.add(now, charged.units);
        charges.push_back({charged, which});
      }
    }
  }
  broken.reset();
  for (const auto& ledger : ledgers) ledger->stop();
  for (const auto& [day, units] : model.days) RC_ASSERT(stored(*database, Period::kDay, day).requests == units);
  for (const auto& [month, units] : model.months) RC_ASSERT(stored(*database, Period::kMonth, month).requests == units);
  // With no leases out, the next request is answered as the model says by whoever is asked.
  const Periods now = periods_of(s.clock.now());
  s.clock.advance_us(60'000);
  if (periods_of(s.clock.now()) == now) RC_ASSERT(charge(*ledgers.back(), s.clock) == model.fits(now, 1));
}

TEST(QuotaProperty, OneLedgerAgreesWithTheModelOnEveryRequest) {
  EXPECT_TRUE(rc::check([] { play(1, true); }));
}

TEST(QuotaProperty, SeveralLedgersNeverGrantWhatTheModelRefusesAndLoseNothing) {
  EXPECT_TRUE(rc::check([] { play(*rc::gen::inRange<std::size_t>(2, 4), false); }));
}

}  // namespace
}  // namespace nexus::quotas
