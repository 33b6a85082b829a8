#include "modules/audit/audit_api.h"

#include "base/errors.h"
#include "json/json.h"
#include "modules/auth/operators.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

namespace nexus::audit {
namespace {

using testing::TestCall;

struct Desk {
  Desk() {
    for (int i = 0; i < 10; ++i) {
      t.clock.advance_s(1);
      t.database->write([&](db::Tx& tx) {
        Event event;
        event.tenant_id = i == 9 ? "t2" : "t1";
        event.actor_type = "api_key";
        event.event_type = i % 2 == 0 ? "run.invoked" : "rbac.forbidden";
        event.success = i % 2 == 0;
        event.resource_type = "run";
        event.resource_id = "r" + std::to_string(i);
        if (i == 0) event.metadata = {{"corpus_id", "c1"}};
        log.record(tx, event);
      });
    }
  }
  static AuditOptions options() {
    AuditOptions made;
    made.background = false;
    return made;
  }
  [[nodiscard]] std::vector<std::string> ids(const AuditEventPage& page) const {
    std::vector<std::string> found;
    for (const AuditEvent& event : page.items) found.push_back(event.resource_id.value());
    return found;
  }
  [[nodiscard]] std::string refusal(const ListEvents& in) {
    try {
      (void)api.list_events(t.call, in);
    } catch (const ApiError& e) {
      return std::string(e.kind().code) + ": " + e.message();
    }
    return {};
  }

  TestCall t;
  AuditLog log{*t.database, t.clock, options(), t.metrics};
  auth::Operators operators{{"*"}};
  AuditApi api{*t.database, log, operators, Secret("cursor-key-cursor-key-cursor-key"), t.clock};
};

using Ids = std::vector<std::string>;

TEST(AuditApi, ListsTheTenantsEventsNewestFirst) {
  Desk d;
  const AuditEventPage page = d.api.list_events(d.t.call, {});
  EXPECT_EQ(d.ids(page), (Ids{"r8", "r7", "r6", "r5", "r4", "r3", "r2", "r1", "r0"}));
  EXPECT_EQ(page.next_offset, std::nullopt);
  EXPECT_EQ(page.next_cursor, std::nullopt);
}

TEST(AuditApi, PagesByOffset) {
  Desk d;
  const AuditEventPage page = d.api.list_events(d.t.call, {.offset = 6, .limit = 2});
  EXPECT_EQ(d.ids(page), (Ids{"r2", "r1"}));
  EXPECT_EQ(page.next_offset, 8);
  EXPECT_EQ(d.api.list_events(d.t.call, {.offset = 7, .limit = 2}).next_offset, std::nullopt);
}

TEST(AuditApi, PagesByCursorWhileEventsArrive) {
  Desk d;
  const AuditEventPage first = d.api.list_events(d.t.call, {.limit = 4});
  d.t.database->write([&](db::Tx& tx) {
    Event event;
    event.tenant_id = "t1";
    event.actor_type = "system";
    event.event_type = "x";
    event.resource_id = "late";
    d.log.record(tx, event);
  });
  const AuditEventPage second = d.api.list_events(d.t.call, {.limit = 4, .cursor = first.next_cursor});
  EXPECT_EQ(d.ids(second), (Ids{"r4", "r3", "r2", "r1"}));
  const AuditEventPage third = d.api.list_events(d.t.call, {.limit = 4, .cursor = second.next_cursor});
  EXPECT_EQ(d.ids(third), (Ids{"r0"}));
  EXPECT_EQ(third.next_cursor, std::nullopt);
}

TEST(AuditApi, RefusesCursorsThatWereEditedOrMoved) {
  Desk d;
  const std::string cursor = d.api.list_events(d.t.call, {.limit = 4}).next_cursor.value();
  for (std::size_t i = 0; i < cursor.size(); i += 7) {
    std::string edited = cursor;
    edited[i] = edited[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(d.refusal({.limit = 4, .cursor = edited}), "INVALID_CURSOR: Invalid cursor") << i;
  }
  EXPECT_EQ(d.refusal({.cursor = ""}), "INVALID_CURSOR: Invalid cursor");
  EXPECT_EQ(d.refusal({.cursor = std::string(100'000, 'A')}), "INVALID_CURSOR: Invalid cursor");
  EXPECT_EQ(d.refusal({.outcome = "failure", .cursor = cursor}), "INVALID_CURSOR: Invalid cursor");
  http::Call other = d.t.call_as(Role::kAdmin, "t2");
  EXPECT_THROW((void)d.api.list_events(other, {.limit = 4, .cursor = cursor}), ApiError);
  EXPECT_EQ(d.refusal({.limit = 2, .cursor = cursor}), "");  // the size of the page is free
}

TEST(AuditApi, Filters) {
  Desk d;
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call, {.event_type = "rbac.forbidden"})), (Ids{"r7", "r5", "r3", "r1"}));
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call, {.outcome = "success", .limit = 2})), (Ids{"r8", "r6"}));
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call, {.resource_type = "run", .resource_id = "r4"})), (Ids{"r4"}));
  const Timestamp start = testing::FakeClock::kStart;
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call,
                                    {.from = start + 2 * Timestamp::kSecond, .to = start + 4 * Timestamp::kSecond})),
            (Ids{"r3", "r2", "r1"}));
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call, {.event_type = "none"})), Ids{});
}

TEST(AuditApi, RefusesAnotherTenant) {
  Desk d;
  EXPECT_EQ(d.refusal({.tenant_id = "t2"}), "AUTH_FORBIDDEN: Tenant scope does not match admin key");
  EXPECT_EQ(d.refusal({.tenant_id = "t1"}), "");
  EXPECT_THROW((void)d.api.verify_chain(d.t.call, {.tenant_id = "t2"}), ApiError);
}

/// The desk with what belongs to no tenant: a refused stranger, and the system itself.
struct PlatformDesk : Desk {
  PlatformDesk() {
    for (const char* type : {"auth.access.failure", "system.error"}) {
      t.clock.advance_s(1);
      t.database->write([&](db::Tx& tx) {
        Event event;
        event.actor_type = "anonymous";
        event.event_type = type;
        event.success = false;
        event.resource_id = type;
        log.record(tx, event);
      });
    }
  }
};

TEST(AuditApi, ShowsPlatformOperatorsTheEventsWithoutATenant) {
  PlatformDesk d;
  const AuditEventPage first = d.api.list_events(d.t.call, {.scope = "platform", .limit = 1});
  EXPECT_EQ(d.ids(first), (Ids{"system.error"}));
  EXPECT_EQ(first.items[0].tenant_id, std::nullopt);
  const AuditEventPage second =
      d.api.list_events(d.t.call, {.scope = "platform", .limit = 1, .cursor = first.next_cursor});
  EXPECT_EQ(d.ids(second), (Ids{"auth.access.failure"}));
  EXPECT_EQ(second.next_cursor, std::nullopt);
  EXPECT_EQ(d.ids(d.api.list_events(d.t.call, {.scope = "platform", .event_type = "system.error"})),
            (Ids{"system.error"}));
  EXPECT_EQ(d.api.get_event(d.t.call, {.event_id = first.items[0].id, .scope = "platform"}).event_type, "system.error");
  EXPECT_TRUE(d.api.verify_chain(d.t.call, {.scope = "platform"}).valid);
  EXPECT_EQ(d.api.verify_chain(d.t.call, {.scope = "platform"}).events_checked, 2);
}

TEST(AuditApi, AViewOfThePlatformShowsNoTenantAndTheOtherWayRound) {
  PlatformDesk d;
  const std::int64_t platform = d.api.list_events(d.t.call, {.scope = "platform"}).items[0].id;
  const AuditEventPage own = d.api.list_events(d.t.call, {.limit = 1});
  EXPECT_THROW((void)d.api.get_event(d.t.call, {.event_id = platform}), ApiError);
  EXPECT_THROW((void)d.api.get_event(d.t.call, {.event_id = own.items[0].id, .scope = "platform"}), ApiError);
  EXPECT_EQ(d.refusal({.scope = "platform", .limit = 1, .cursor = own.next_cursor}), "INVALID_CURSOR: Invalid cursor");
}

TEST(AuditApi, KeepsThePlatformFromEverybodyElse) {
  PlatformDesk d;
  const auth::Operators named({"ops"});
  const AuditApi api(*d.t.database, d.log, named, Secret("cursor-key-cursor-key-cursor-key"), d.t.clock);
  EXPECT_THROW((void)api.list_events(d.t.call, {.scope = "platform"}), ApiError);
  EXPECT_THROW((void)api.get_event(d.t.call, {.event_id = 1, .scope = "platform"}), ApiError);
  EXPECT_THROW((void)api.verify_chain(d.t.call, {.scope = "platform"}), ApiError);
  http::Call ops = d.t.call_as(Role::kAdmin, "ops");
  EXPECT_EQ(api.list_events(ops, {.scope = "platform"}).items.size(), 2U);
  EXPECT_EQ(api.list_events(ops, {.tenant_id = "t2"}).items.size(), 1U) << "operators may look at any tenant";
  EXPECT_THROW((void)api.list_events(ops, {.scope = "platform", .tenant_id = "t2"}), ApiError);
}

TEST(AuditApi, EveryCombinationOfFiltersFindsWhatAFullLookFinds) {
  Desk d;
  const AuditEventPage all = d.api.list_events(d.t.call, {});
  const auto fits = [](const std::optional<std::string>& wanted, const std::optional<std::string>& value) {
    return !wanted || wanted == value;
  };
  for (int bits = 0; bits < 32; ++bits) {
    ListEvents in;
    if ((bits & 1) != 0) in.event_type = "rbac.forbidden";
    if ((bits & 2) != 0) in.outcome = "failure";
    if ((bits & 4) != 0) in.resource_type = "run";
    if ((bits & 8) != 0) in.resource_id = "r3";
    if ((bits & 16) != 0) in.to = testing::FakeClock::kStart + 5 * Timestamp::kSecond;
    Ids expected;
    for (const AuditEvent& event : all.items)
      if (fits(in.event_type, event.event_type) && fits(in.outcome, event.outcome) &&
          fits(in.resource_type, event.resource_type) && fits(in.resource_id, event.resource_id) &&
          (!in.to || event.occurred_at <= *in.to))
        expected.push_back(event.resource_id.value());
    EXPECT_EQ(d.ids(d.api.list_events(d.t.call, in)), expected) << bits;
  }
}

TEST(AuditApi, ShowsOneEventInTheContractsShape) {
  Desk d;
  const AuditEventPage page = d.api.list_events(d.t.call, {});
  const std::string text = schema::write(d.api.get_event(d.t.call, {.event_id = page.items.back().id}));
  EXPECT_EQ(text,
            R"({"id":1,"occurred_at":"2026-02-17T10:00:01+00:00","tenant_id":"t1","actor_type":"api_key",)"
            R"("actor_id":null,"actor_role":null,"event_type":"run.invoked","outcome":"success","resource_type":"run",)"
            R"("resource_id":"r0","request_id":null,"ip_address":null,"user_agent":null,)"
            R"("metadata_json":{"corpus_id":"c1"},"error_code":null,"created_at":"2026-02-17T10:00:01+00:00"})");
}

TEST(AuditApi, DoesNotShowWhatIsNotTheTenants) {
  Desk d;
  for (const std::int64_t id : {std::int64_t{10}, std::int64_t{999}}) {
    try {
      (void)d.api.get_event(d.t.call, {.event_id = id});
      FAIL();
    } catch (const ApiError& e) {
      EXPECT_EQ(e.kind(), errors::kNotFound);
      EXPECT_EQ(e.message(), "Audit event not found");
    }
  }
}

TEST(AuditApi, VerifiesTheTenantsChainAndRecordsIt) {
  Desk d;
  ChainReport report = d.api.verify_chain(d.t.call, {});
  EXPECT_TRUE(report.valid);
  EXPECT_EQ(report.events_checked, 9);
  EXPECT_EQ(report.head_hash.size(), 64U);
  EXPECT_EQ(report.problem.has_value(), false);
  d.log.flush();
  EXPECT_EQ(d.api.list_events(d.t.call, {.event_type = "audit.verified"}).items.size(), 1U);
  d.t.database->run_script("UPDATE audit_events SET actor_type = 'x' WHERE id = 3");
  report = d.api.verify_chain(d.t.call, {});
  EXPECT_FALSE(report.valid);
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(report.problem->damage, "altered");
  EXPECT_EQ(report.problem->event_id, 3);
  d.log.flush();
  EXPECT_EQ(d.api.list_events(d.t.call, {.event_type = "audit.verified", .outcome = "failure"}).items.size(), 1U);
}

TEST(AuditApi, RowsAskForAnAdminAndTheEntitlement) {
  Desk d;
  const auto rows = d.api.endpoints();
  ASSERT_EQ(rows.size(), 3U);
  for (const http::Endpoint& row : rows) {
    EXPECT_EQ(row.spec.role, Role::kAdmin);
    EXPECT_EQ(row.spec.feature, "feature.audit_access");
    EXPECT_EQ(row.spec.route_class, http::RouteClass::kOps);
  }
}

TEST(AuditApi, ReportsBadParametersAsTheOriginalDoes) {
  Desk d;
  const auto rows = d.api.endpoints();
  d.t.request.query = {{"limit", "0"}};
  try {
    std::get<http::PlainHandler>(rows[0].run)(d.t.call, {});
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.kind(), errors::kRequestValidationError);
    EXPECT_EQ(json::write(e.details().at("errors")),
              R"([{"type":"greater_than_equal","loc":["query","limit"],)"
              R"("msg":"Input should be greater than or equal to 1","input":"0","ctx":{"ge":1}}])");
  }
  http::Call call = d.t.call_as(Role::kAdmin, "t1");
  call.path_params = {{"event_id", "abc"}};
  EXPECT_THROW(std::get<http::PlainHandler>(rows[1].run)(call, {}), ApiError);
}

}  // namespace
}  // namespace nexus::audit
