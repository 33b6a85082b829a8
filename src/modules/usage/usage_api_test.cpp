#include "modules/usage/usage_api.h"

#include "http/plain.h"
#include "modules/quotas/quotas_fixture.h"
#include "modules/usage/rollup_pruner.h"
#include "support/sql_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stop_token>
#include <thread>
#include <variant>

namespace nexus::usage {
namespace {

using http::RouteClass;
using quotas::Asking;
using quotas::tenant;

struct UsageDesk : quotas::Surroundings {
  void request(RouteClass route_class, int times = 1, const std::string& tenant_id = "t1") {
    const Asking asking(clock, route_class, tenant_id);
    for (int i = 0; i < times; ++i) counters.request(asking.call);
  }
  void rate_limited(RouteClass route_class) {
    const Asking asking(clock, route_class);
    counters.rate_limited(asking.call);
  }
  /// Status and payload, or code and the types of errors.
  std::string ask(std::string_view path, http::Pairs query = {}) {
    for (const http::Endpoint& row : rows) {
      if (row.spec.path != path) continue;
      http::Request request = testing::make_request();
      request.query = std::move(query);
      http::Call call(request, row);
      call.now = clock.now();
      call.authenticated({.subject_id = "user-1", .tenant_id = "t1", .role = Role::kAdmin, .credential_id = "key-1"},
                         tenant());
      try {
        const http::Reply reply = std::get<http::PlainHandler>(row.run)(call, nullptr);
        return std::to_string(reply.status) + " " + reply.body;
      } catch (const ApiError& e) {
        std::string text(e.kind().code);
        for (const auto& error : e.details().at("errors").as_array())
          text += " " + std::string(error.at("type").as_string());
        return text;
      }
    }
    throw std::logic_error("no such row");
  }
  std::string summary(http::Pairs query = {}) { return ask("/self-serve/usage/summary", std::move(query)); }
  std::string series(http::Pairs query = {}) { return ask("/self-serve/usage/timeseries", std::move(query)); }
  UsageSummary summary_of(std::int64_t window_days) {
    Asking asking(clock);
    return api.usage_summary(asking.call, {.window_days = window_days});
  }
  void document(const std::string& id, const std::string& status, const std::string& tenant_id = "t1") {
    database->run_script(
        "INSERT INTO documents (tenant_id, id, corpus_id, filename, content_type, status, created_at, "
        "updated_at) VALUES ('" +
        tenant_id + "', '" + id + "', 'c1', 'f', 'text/plain', '" + status + "', " + testing::sql_time({0}) + ", " +
        testing::sql_time({0}) + ")");
  }

  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  UsageCounters counters{*database};
  std::unique_ptr<quotas::QuotaLedger> books = ledger(*database, {}, {&counters});
  UsageApi api{*database, counters, *books, audit, clock};
  std::vector<http::Endpoint> rows = api.endpoints();
};

TEST(UsageSummaryApi, HasTheShapeOfTheContract) {
  UsageDesk d;
  quotas::set_limits(*d.database, {.daily_requests = 500});
  EXPECT_TRUE(quotas::charge(*d.books, d.clock));
  d.request(RouteClass::kRun, 2);
  d.request(RouteClass::kRead, 5);
  d.request(RouteClass::kMutation);
  d.request(RouteClass::kOps, 3);
  d.request(RouteClass::kNone);
  d.request(RouteClass::kRead, 4, "t2");
  d.clock.advance_s(5);
  d.rate_limited(RouteClass::kRun);
  d.document("a", "succeeded");
  d.document("b", "succeeded");
  d.document("c", "failed");
  d.document("d", "queued", "t2");
  EXPECT_EQ(d.summary(),
            R"(200 {"window_days":30,"requests":{"total":11,"by_route_class":{"run":2,"read":5,"mutation":1,"ops":3}},)"
            R"("quota":{"day":{"limit":500,"used":1,"remaining":499},"month":{"limit":null,"used":1,"remaining":null},)"
            R"("soft_cap_reached":false,"hard_cap_mode":"enforce"},)"
            R"("rate_limit_hits":{"count":1,"last_at":"2026-02-17T10:00:05+00:00"},)"
            R"("ingestion":{"queued":0,"processing":0,"succeeded":2,"failed":1}})");
}

TEST(UsageSummaryApi, OfATenantThatDidNothingIsZero) {
  UsageDesk d;
  EXPECT_EQ(
      d.summary({{"window_days", "1"}}),
      R"(200 {"window_days":1,"requests":{"total":0,"by_route_class":{"run":0,"read":0,"mutation":0,"ops":0}},)"
      R"("quota":{"day":{"limit":null,"used":0,"remaining":null},"month":{"limit":null,"used":0,"remaining":null},)"
      R"("soft_cap_reached":false,"hard_cap_mode":"enforce"},"rate_limit_hits":{"count":0,"last_at":null},)"
      R"("ingestion":{"queued":0,"processing":0,"succeeded":0,"failed":0}})");
}

TEST(UsageSummaryApi, CountsTheSameBeforeAndAfterAFlush) {
  UsageDesk d;
  d.request(RouteClass::kRead, 3);
  EXPECT_EQ(d.summary_of(30).requests.total, 3);
  d.books->flush();
  EXPECT_EQ(d.summary_of(30).requests.total, 3);
  d.request(RouteClass::kRead, 2);
  EXPECT_EQ(d.summary_of(30).requests.total, 5);
}

TEST(UsageSummaryApi, AFailedFlushLosesNothing) {
  UsageDesk d;
  d.request(RouteClass::kRead, 3);
  EXPECT_TRUE(quotas::charge(*d.books, d.clock));
  {
    const quotas::BrokenCounters broken(*d.database);
    EXPECT_THROW(d.books->flush(), db::Error);
  }
  d.request(RouteClass::kRead);
  EXPECT_EQ(d.summary_of(30).requests.total, 4);
  d.books->flush();
  EXPECT_EQ(d.summary_of(30).requests.total, 4);
}

TEST(UsageSummaryApi, TheWindowIsWholeDaysAndEndsToday) {
  UsageDesk d;
  d.request(RouteClass::kRead);
  d.rate_limited(RouteClass::kRead);
  d.books->flush();
  d.clock.advance_s(29 * 86'400);
  d.request(RouteClass::kRun);
  EXPECT_EQ(d.summary_of(30).requests.total, 2);
  EXPECT_EQ(d.summary_of(29).requests.total, 1);
  EXPECT_EQ(d.summary_of(29).rate_limit_hits.count, 0);
  EXPECT_EQ(d.summary_of(30).rate_limit_hits.count, 1);
}

TEST(UsageTimeseriesApi, EndsTodayAndFillsDaysWithoutRequestsWithZero) {
  UsageDesk d;
  d.request(RouteClass::kRead, 2);
  d.books->flush();
  d.clock.advance_s(2 * 86'400);
  d.request(RouteClass::kRun);
  d.request(RouteClass::kRead);
  d.rate_limited(RouteClass::kRead);
  EXPECT_EQ(d.series({{"days", "4"}}),
            R"(200 {"metric":"requests","granularity":"day","points":[{"ts":"2026-02-16","value":0},)"
            R"({"ts":"2026-02-17","value":2},{"ts":"2026-02-18","value":0},{"ts":"2026-02-19","value":2}]})");
}

TEST(UsageTimeseriesApi, OneDayIsToday) {
  UsageDesk d;
  d.request(RouteClass::kRead);
  EXPECT_EQ(d.series({{"days", "1"}}),
            R"(200 {"metric":"requests","granularity":"day","points":[{"ts":"2026-02-17","value":1}]})");
}

TEST(UsageTimeseriesApi, HasAsManyDaysAsAskedForAcrossTheTurnOfTheYear) {
  UsageDesk d;
  Asking asking(d.clock);
  const UsageTimeseries series = d.api.usage_timeseries(asking.call, {.days = 90});
  ASSERT_EQ(series.points.size(), 90U);
  EXPECT_EQ(series.points.front().ts, "2025-11-20");
  EXPECT_EQ(series.points.back().ts, "2026-02-17");
}

TEST(UsageTimeseriesApi, MidnightUtcSeparatesTheDays) {
  UsageDesk d;
  d.clock.advance_us(14LL * 3600 * Timestamp::kSecond - 1);
  d.request(RouteClass::kRead);
  d.clock.advance_us(1);
  d.request(RouteClass::kRead, 2);
  EXPECT_EQ(d.series({{"days", "2"}}),
            R"(200 {"metric":"requests","granularity":"day","points":[{"ts":"2026-02-17","value":1},)"
            R"({"ts":"2026-02-18","value":2}]})");
}

TEST(UsageApi, BoundsAreThoseOfTheContract) {
  UsageDesk d;
  EXPECT_EQ(d.summary({{"window_days", "0"}}), "REQUEST_VALIDATION_ERROR greater_than_equal");
  EXPECT_EQ(d.summary({{"window_days", "91"}}), "REQUEST_VALIDATION_ERROR less_than_equal");
  EXPECT_EQ(d.series({{"days", "91"}}), "REQUEST_VALIDATION_ERROR less_than_equal");
  EXPECT_EQ(d.series({{"days", "x"}}), "REQUEST_VALIDATION_ERROR int_parsing");
  EXPECT_EQ(d.series({{"metric", "tokens"}, {"granularity", "hour"}}),
            "REQUEST_VALIDATION_ERROR string_pattern_mismatch string_pattern_mismatch");
}

TEST(UsageApi, LookingIsAudited) {
  UsageDesk d;
  d.summary({{"window_days", "7"}});
  EXPECT_EQ(d.audit.last().event_type, "selfserve.usage.viewed");
  EXPECT_EQ(json::write(d.audit.last().metadata), R"({"window_days":7})");
  d.series();
  EXPECT_EQ(json::write(d.audit.last().metadata), R"({"metric":"requests","granularity":"day","days":30})");
}

TEST(UsageCounters, CountExactlyUnderThreadsFlushesAndReaders) {
  UsageDesk d;
  std::atomic<bool> torn{false};
  {
    std::jthread flusher([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) d.books->flush();
    });
    std::jthread reader([&](const std::stop_token& stop) {
      std::int64_t before = 0;
      while (!stop.stop_requested()) {
        const std::int64_t now = d.summary_of(1).requests.total;
        torn = torn || now < before;
        before = now;
      }
    });
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) callers.emplace_back([&] { d.request(RouteClass::kRead, 2000); });
  }
  EXPECT_FALSE(torn) << "a reader saw fewer requests than before";
  EXPECT_EQ(d.summary_of(1).requests.total, 16'000);
  d.books->flush();
  EXPECT_EQ(d.summary_of(1).requests.total, 16'000);
}

TEST(RollUpPruner, OldDaysGoAndTodayStays) {
  UsageDesk d;
  d.request(RouteClass::kRead);
  d.request(RouteClass::kRead, 1, "t2");
  d.books->flush();
  d.clock.advance_s(2 * 86'400);
  d.request(RouteClass::kRead);
  d.books->flush();
  const RollUpPruner pruner(*d.database, d.clock);
  EXPECT_EQ(pruner.prune_all(3), 0);
  EXPECT_EQ(pruner.prune(tenant(), 1), 1);
  EXPECT_EQ(pruner.prune_all(1), 1);
  EXPECT_EQ(d.summary_of(90).requests.total, 1);
}

TEST(UsageRepository, EveryStatementPrepares) {
  UsageDesk d;
  EXPECT_TRUE(d.database->check_statements(usage_statements()).empty());
}

}  // namespace
}  // namespace nexus::usage
