#include "modules/audit/audit_log.h"
#include "modules/jobs/ports.h"
#include "modules/maintenance/maintenance.h"
#include "support/call_fixture.h"
#include "support/sql_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// Tasks over the rooms whose rows they remove, put together as the application does.
namespace nexus::maintenance {
namespace {

using testing::TenantScopeFactory;

constexpr std::string_view kSeed = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr std::int64_t kDays = 30;

audit::AuditOptions signing() {
  audit::AuditOptions options;
  options.signer = std::make_shared<audit::Ed25519CheckpointSigner>(Secret(std::string(kSeed)));
  options.background = false;
  return options;
}

struct House {
  std::int64_t prune_audit(const Order& order) {
    const std::vector<std::string> chains = order.tenant ? std::vector{order.tenant->id()} : log.chains();
    std::int64_t removed = 0;
    for (const std::string& chain : chains) {
      if (order.stop.stop_requested()) break;
      removed += log.prune(chain, order.now - kDays * Timestamp::kDay, order.stop).events;
    }
    return removed;
  }
  std::int64_t prune_jobs(const Order& order) {
    return in_batches(*t.database, jobs::JobsRepository::kPruneBatch, order.stop, [&](db::Tx& tx) {
      return jobs::JobsRepository().prune(tx, order.now - kDays * Timestamp::kDay);
    });
  }
  void events(const std::string& tenant, int count) {
    t.database->write([&](db::Tx& tx) {
      for (int i = 0; i < count; ++i)
        log.record(tx, {.occurred_at = t.clock.now(),
                        .tenant_id = tenant,
                        .actor_type = "system",
                        .event_type = "auth.access.success"});
    });
  }
  void age() { t.clock.advance_us((kDays + 1) * Timestamp::kDay); }
  FinishedRun run(std::string_view task, const std::optional<TenantScope>& tenant) {
    return maintenance.run(task, tenant, {.actor_type = "system", .actor_id = "test"});
  }

  testing::TestCall t;
  audit::AuditLog log{*t.database, t.clock, signing(), t.metrics};
  Maintenance maintenance{*t.database,
                          log,
                          t.clock,
                          t.metrics,
                          {{"prune_audit", [this](const Order& order) { return prune_audit(order); }},
                           {"prune_jobs", [this](const Order& order) { return prune_jobs(order); }}},
                          86'400};
};

TEST(PruneAudit, OfOneTenantKeepsItsCheckpointAndTheOthersEvents) {
  House h;
  h.events("t1", 5);
  h.events("t2", 5);
  h.log.checkpoint(h.log.chains());
  h.age();
  EXPECT_EQ(h.run("prune_audit", TenantScopeFactory::make("t1")).removed, 5);
  const audit::VerifyReport mine = h.log.verify("t1");
  EXPECT_TRUE(mine.valid()) << mine.problem->message;
  EXPECT_EQ(mine.events_pruned, 5);
  EXPECT_EQ(mine.checkpoint_seq, 5);
  EXPECT_EQ(h.log.verify("t2").events_pruned, 0);
}

TEST(PruneAudit, OfAllTenantsReachesEveryChain) {
  House h;
  h.events("t1", 5);
  h.events("t2", 5);
  h.log.checkpoint(h.log.chains());
  h.events("t2", 1);  // behind no checkpoint yet: stays
  h.age();
  EXPECT_EQ(h.run("prune_audit", std::nullopt).removed, 10);
  for (const char* chain : {"t1", "t2", ""}) EXPECT_TRUE(h.log.verify(chain).valid()) << chain;
  EXPECT_EQ(h.run("prune_audit", std::nullopt).removed, 0);
}

TEST(PruneAudit, GoesOnAfterAStop) {
  House h;
  h.events("t1", 5);
  h.log.checkpoint(h.log.chains());
  h.age();
  std::stop_source stopping;
  stopping.request_stop();
  EXPECT_EQ(h.log.prune("t1", h.t.clock.now(), stopping.get_token()).events, 0);
  EXPECT_TRUE(h.log.verify("t1").valid());
  EXPECT_EQ(h.log.prune("t1", h.t.clock.now()).events, 5);
  EXPECT_TRUE(h.log.verify("t1").valid());
}

TEST(PruneJobs, RemovesABacklogInManyTransactions) {
  House h;
  const std::string then = testing::sql_time({0});
  h.t.database->run_script(fmt::format(R"(
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
    INSERT INTO jobs (id, tenant_id, kind, payload_json, state, run_at, created_at, updated_at)
    SELECT 'j' || i, 't1', 'k', '{{}}', CASE WHEN i % 2 = 0 THEN 'done' ELSE 'dead' END, {0}, {0}, {0} FROM n)",
                                       then));
  h.t.database->run_script(fmt::format(R"(
    INSERT INTO jobs (id, tenant_id, kind, payload_json, state, run_at, created_at, updated_at)
    VALUES ('waiting', 't1', 'k', '{{}}', 'queued', {0}, {0}, {0}))",
                                       then));
  EXPECT_EQ(h.run("prune_jobs", std::nullopt).removed, 2500);
  EXPECT_EQ(h.run("prune_jobs", std::nullopt).removed, 0);
}

}  // namespace
}  // namespace nexus::maintenance
