// What is told of a tenant's use: audit events and the billing outbox.
#include "modules/quotas/quota_notes.h"

#include "modules/audit/redaction.h"
#include "modules/quotas/quotas_fixture.h"

#include <gtest/gtest.h>

namespace nexus::quotas {
namespace {

struct NotesDesk : Surroundings {
  explicit NotesDesk(const Limits& limits) {
    set_limits(*database, limits);
    books = ledger(*database);
  }
  void charge(int times) {
    for (int i = 0; i < times; ++i) (void)quotas::charge(*books, clock);
  }
  std::vector<audit::Event> events(std::string_view type) {
    std::vector<audit::Event> found;
    for (const audit::Event& event : audit.events())
      if (event.event_type == type) found.push_back(event);
    return found;
  }

  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  std::unique_ptr<QuotaLedger> books;
};

TEST(QuotaNotes, TheSoftCapIsReportedOncePerPeriodWithItsWebhook) {
  NotesDesk d({.daily_requests = 10, .monthly_requests = 100});
  d.charge(7);
  d.books->flush();
  EXPECT_EQ(d.audit.count("quota.soft_cap_reached"), 0U);
  d.charge(2);
  d.books->flush();
  d.charge(1);
  d.books->flush();
  const auto events = d.events("quota.soft_cap_reached");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(json::write(events[0].metadata), R"({"period":"day","used":8,"limit":10,"soft_cap_ratio":0.8})");
  EXPECT_EQ(events[0].actor_id, "key-1");
  EXPECT_EQ(events[0].resource_type, "quota");
  EXPECT_TRUE(events[0].success);
  const auto items = d.outbox.items();
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items[0].event_type, "quota.soft_cap_reached");
  EXPECT_EQ(items[0].dedupe_key, "day:2026-02-17");
  EXPECT_EQ(items[0].fields, R"({"period":"day","used":8,"limit":10,"soft_cap_ratio":0.8})");
}

TEST(QuotaNotes, ASoftCapThatAnotherProcessReportedIsNotReportedAgain) {
  NotesDesk d({.daily_requests = 10});
  d.charge(9);
  d.books->stop();
  d.books = d.ledger(*d.database);
  d.charge(1);
  d.books->flush();
  EXPECT_EQ(d.audit.count("quota.soft_cap_reached"), 1U);
}

TEST(QuotaNotes, AZeroLimitReachesNoSoftCap) {
  NotesDesk d({.daily_requests = 0, .hard_cap_enabled = false});
  d.charge(1);
  d.books->flush();
  EXPECT_EQ(d.audit.count("quota.soft_cap_reached"), 0U);
  EXPECT_EQ(d.audit.count("quota.overage_observed"), 1U);
}

TEST(QuotaNotes, BlockedRequestsAreReportedAtOnceThenCountedAndToldOnceAMinute) {
  NotesDesk d({.daily_requests = 1});
  d.charge(4);
  d.books->flush();
  d.charge(5);
  d.clock.advance_s(30);
  d.charge(5);
  d.books->flush();
  EXPECT_EQ(d.audit.count("quota.hard_cap_blocked"), 1U);
  d.clock.advance_s(30);
  d.books->flush();
  const auto events = d.events("quota.hard_cap_blocked");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(json::write(events[0].metadata),
            R"({"period":"day","day_used":1,"day_limit":1,"month_used":1,"month_limit":null,"count":3})");
  EXPECT_EQ(events[1].metadata.at("count").as_int64(), 10);
  EXPECT_FALSE(events[0].success);
  EXPECT_EQ(events[0].error_code, "QUOTA_EXCEEDED");
  const auto items = d.outbox.items();
  ASSERT_EQ(items.size(), 2U) << "the soft cap and one block";
  EXPECT_EQ(items[1].event_type, "quota.hard_cap_blocked");
  EXPECT_EQ(items[1].dedupe_key, "day:2026-02-17");
  EXPECT_EQ(items[1].fields, R"({"period":"day","day_used":1,"day_limit":1,"month_used":1,"month_limit":null})");
}

TEST(QuotaNotes, AnotherPeriodIsToldAtOnceAndTheLastFlushTellsTheRest) {
  NotesDesk d({.daily_requests = 1});
  d.charge(2);
  d.books->flush();
  d.clock.advance_s(14 * 3600 - 1);
  d.charge(3);
  d.books->flush();
  d.charge(3);
  d.clock.advance_s(1);
  d.charge(2);
  d.books->flush();
  const auto events = d.events("quota.hard_cap_blocked");
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[1].metadata.at("count").as_int64(), 3);
  EXPECT_EQ(events[2].metadata.at("count").as_int64(), 3) << "what was left of yesterday";
  EXPECT_EQ(events[3].metadata.at("count").as_int64(), 1);
  EXPECT_EQ(d.outbox.items().back().dedupe_key, "day:2026-02-18");
  d.charge(6);
  d.books->flush();
  EXPECT_EQ(d.audit.count("quota.hard_cap_blocked"), 4U);
  d.books->stop();
  EXPECT_EQ(d.events("quota.hard_cap_blocked").back().metadata.at("count").as_int64(), 6);
}

TEST(QuotaNotes, ABlockByTokensSaysSo) {
  NotesDesk d({.monthly_tokens = 5});
  d.books->add(tenant(), 5, d.clock.now());
  d.charge(1);
  d.books->flush();
  const auto events = d.events("quota.hard_cap_blocked");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(
      json::write(events[0].metadata),
      R"({"period":"month","day_used":5,"day_limit":null,"month_used":5,"month_limit":5,"metric":"tokens","count":1})");
  EXPECT_EQ(d.outbox.items().at(0).dedupe_key, "month:2026-02:tokens");
}

TEST(QuotaNotes, OverageIsReportedOncePerPeriodAndHasNoWebhook) {
  NotesDesk d({.daily_requests = 2, .soft_cap_ratio = 1, .hard_cap_enabled = false});
  d.charge(3);
  d.books->flush();
  d.charge(3);
  d.books->stop();
  d.books = d.ledger(*d.database);
  d.charge(1);
  d.books->flush();
  const auto events = d.events("quota.overage_observed");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(json::write(events[0].metadata), R"({"day_used":3,"day_limit":2,"month_used":3,"month_limit":null})");
  EXPECT_EQ(d.outbox.items().size(), 1U) << "the soft cap";
}

TEST(QuotaNotes, EveryFiftiethChargedRequestRecordsUsage) {
  NotesDesk d(Limits{});
  d.charge(149);
  d.books->flush();
  const auto events = d.events("billing.usage_recorded");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(json::write(events[1].metadata),
            R"({"day_used":100,"day_limit":null,"month_used":100,"month_limit":null,"hard_cap_enabled":true})");
}

TEST(QuotaNotes, NotesOfAFailedFlushComeWithTheNextOneInOrder) {
  NotesDesk d({.daily_requests = 5, .hard_cap_enabled = false});
  d.charge(5);
  {
    const BrokenCounters broken(*d.database);
    EXPECT_THROW(d.books->flush(), db::Error);
    EXPECT_EQ(d.audit.size(), 0U);
  }
  d.charge(1);
  d.books->flush();
  ASSERT_EQ(d.audit.size(), 2U);
  EXPECT_EQ(d.audit.events()[0].event_type, "quota.soft_cap_reached");
  EXPECT_EQ(d.audit.events()[1].event_type, "quota.overage_observed");
}

TEST(QuotaNotes, NothingThatIsToldIsHiddenByTheRulesOfTheAuditLog) {
  NotesDesk d({.daily_requests = 2, .monthly_requests = 1, .soft_cap_ratio = 0, .hard_cap_enabled = false});
  d.charge(50);
  set_limits(*d.database, {.daily_requests = 1}, "t1", d.books.get());
  d.charge(1);
  d.books->flush();
  EXPECT_EQ(d.audit.size(), 6U);
  for (const audit::Event& event : d.audit.events()) {
    std::string text;
    audit::append_metadata(text, event.event_type, event.metadata);
    EXPECT_EQ(text.find("REDACTED"), std::string::npos) << event.event_type << text;
  }
}

}  // namespace
}  // namespace nexus::quotas
