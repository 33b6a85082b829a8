#include "modules/audit/adoption_repository.h"

#include "db/migrator.h"
#include "db/postgres/test_database.h"
#include "db/postgres_reference_fixture.h"
#include "modules/audit/audit_log.h"
#include "support/call_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace nexus::audit {
namespace {

using testing::TestCall;

AuditOptions quiet_options() {
  AuditOptions options;
  options.background = false;
  return options;
}

/// Events as another product stores them: without links, JSON in a form of its own.
struct Adopted : ::testing::Test {
  void store(const std::string& tenant, const std::string& metadata) {
    static constexpr db::Statement kInsert("test.insert", R"(
      INSERT INTO audit_events (occurred_at, tenant_id, actor_type, event_type, outcome, metadata_json, created_at)
      VALUES ($1, $2, 'api_key', 'auth.access.success', 'success', $3, $1))");
    t.database->write([&](db::Tx& tx) {
      tx.exec(kInsert, t.clock.now(), tenant.empty() ? std::nullopt : std::optional(tenant),
              metadata.empty() ? std::nullopt : std::optional(db::Json{metadata}));
    });
  }
  std::int64_t link() {
    return t.database->write([](db::Tx& tx) { return link_adopted(tx); });
  }

  TestCall t;
  AuditLog log{*t.database, t.clock, quiet_options(), t.metrics};
};

TEST_F(Adopted, EventsGetTheirPlaceInTheChainOfTheirTenant) {
  store("t1", R"({ "path": "/v1/run", "count": 1.0, "b": {"z": 1, "a": [2]} })");
  store("", R"({"n": 12345678901})");
  store("t2", "");
  store("t1", "[1, 2]");
  EXPECT_FALSE(log.verify("t1").valid()) << "until then they look inserted";
  EXPECT_EQ(link(), 4);
  for (const char* chain : {"t1", "t2", ""}) {
    const VerifyReport report = log.verify(chain);
    EXPECT_TRUE(report.valid()) << chain << ": " << (report.problem ? report.problem->message : "");
  }
  EXPECT_EQ(log.verify("t1").head.seq, 2);
  EXPECT_EQ(log.verify("").events_checked, 1);
}

TEST_F(Adopted, ChainsGoOnBehindThem) {
  for (int i = 0; i < 1'201; ++i) store("t1", R"({"path":"/v1/run"})");
  EXPECT_EQ(link(), 1'201) << "more than one page";
  Event event;
  event.tenant_id = "t1";
  event.actor_type = "api_key";
  event.event_type = "auth.access.success";
  t.database->write([&](db::Tx& tx) { log.record(tx, event); });
  EXPECT_EQ(log.verify("t1").head.seq, 1'202);
  EXPECT_TRUE(log.verify("t1").valid());
  t.database->run_script("UPDATE audit_events SET outcome = 'failure' WHERE id = 700");
  const VerifyReport altered = log.verify("t1");
  ASSERT_FALSE(altered.valid());
  EXPECT_EQ(altered.problem->event_id, 700);
}

TEST_F(Adopted, OnlyTheStepThatCreatesTheChainsLinks) {
  store("t1", "");
  const auto after = [&](std::string_view name) {
    return t.database->write([&](db::Tx& tx) { return link_after(tx, {.number = 1, .name = name}); });
  };
  EXPECT_EQ(after("quotas"), 0);
  EXPECT_EQ(after("core"), 1);
  EXPECT_EQ(after("core"), 0) << "all are linked";
}

TEST(AdoptedReference, EveryEventOfTheOriginalIsLinkedAndVerifies) {
  NEXUS_SKIP_WITHOUT_POSTGRES();
  if (!std::filesystem::exists(testing::reference_file("database.sql.gz"))) GTEST_SKIP() << "the reference is not here";
  const db::TestPostgres server;
  db::TestServer sql(server.url());
  sql.run(db::original_dump());
  const SystemClock clock;
  observe::Metrics metrics;
  const auto database = db::open_postgres({.url = server.url(), .pool_size = 2}, clock, metrics);
  std::int64_t linked = 0;
  db::Migrator(*database, clock, db::embedded_migrations("postgres"), [&](db::Tx& tx, const db::Migration& step) {
    if (const std::int64_t n = link_after(tx, step); n > 0) linked = n;
  }).apply();
  EXPECT_EQ(linked, 363);
  const AuditLog log(*database, clock, quiet_options(), metrics);
  std::int64_t checked = 0;
  for (const std::string& chain : log.chains()) {
    const VerifyReport report = log.verify(chain);
    EXPECT_TRUE(report.valid()) << chain << ": " << (report.problem ? report.problem->message : "");
    checked += report.events_checked;
  }
  EXPECT_EQ(checked, 363);
}

}  // namespace
}  // namespace nexus::audit
