#include "modules/maintenance/maintenance.h"

#include "base/errors.h"
#include "json/json.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nexus::maintenance {
namespace {

using testing::TenantScopeFactory;
using testing::TestCall;

constexpr db::Statement kRunRows{"test.runs", R"(
  SELECT tenant_id, task, outcome, details_json, last_run_at, completed_at FROM retention_runs ORDER BY id)"};

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const ApiError& e) {
    return std::string(e.kind().code) + ": " + e.message();
  }
  return {};
}

audit::Event tool(std::string name = "test") {
  return {.actor_type = "system", .actor_id = std::move(name)};
}

/// Maintenance whose tasks do what a test says, and remember what they were told.
struct Crew {
  explicit Crew(std::int64_t interval_s = 86'400)
      : maintenance(*t.database, t.audit, t.clock, t.metrics,
                    {{"prune_idempotency", [this](const Order& order) { return note("prune_idempotency", order, 3); }},
                     {"prune_audit",
                      [this](const Order& order) {
                        note("prune_audit", order, 0);
                        return prune_audit(order);
                      }},
                     {"sweep_objects", [this](const Order& order) { return note("sweep_objects", order, 5); }}},
                    interval_s) {}

  std::int64_t note(std::string_view task, const Order& order, std::int64_t removed) {
    done.push_back(std::string(task) + (order.tenant ? "/" + order.tenant->id() : ""));
    return removed;
  }
  [[nodiscard]] std::vector<std::string> rows() {
    return t.database->read([](db::Snapshot& db) {
      std::vector<std::string> out;
      for (db::Cursor row = db.query(kRunRows); row.next();)
        out.push_back(row.str(1) + " " + (row.is_null(0) ? "*" : row.str(0)) + " " + row.str(2) + " " +
                      (row.is_null(3) ? "-" : json::canonical(json::parse(row.text(3)))));
      return out;
    });
  }
  std::vector<std::string> run_due() {
    done.clear();
    maintenance.run_due({});
    return done;
  }

  TestCall t;
  std::vector<std::string> done;
  std::function<std::int64_t(const Order&)> prune_audit = [](const Order&) { return 7; };
  Maintenance maintenance;
};

using Names = std::vector<std::string>;

TEST(Maintenance, RecordsARunWithItsAuditEvent) {
  Crew c;
  audit::Event by = audit::event_of(c.t.call, "");
  const FinishedRun done = c.maintenance.run("prune_audit", TenantScopeFactory::make("t1"), std::move(by));
  EXPECT_EQ(done.removed, 7);
  EXPECT_EQ(c.done, Names{"prune_audit/t1"});
  EXPECT_EQ(c.rows(), Names{R"(prune_audit t1 success {"deleted_rows":7})"});
  const audit::Event event = c.t.audit.last();
  EXPECT_EQ(event.event_type, "maintenance.task.completed");
  EXPECT_TRUE(event.success);
  EXPECT_EQ(event.actor_id, "key-1");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.resource_id, "prune_audit");
  EXPECT_EQ(event.metadata, (boost::json::object{{"task", "prune_audit"},
                                                 {"run_id", done.id},
                                                 {"outcome", "success"},
                                                 {"deleted_rows", 7},
                                                 {"duration_ms", 0},
                                                 {"all_tenants", false}}));
  EXPECT_EQ(c.t.metrics.counter("nexusrag_maintenance_removed_total", {{"task", "prune_audit"}}).value(), 7U);
}

TEST(Maintenance, RunsAllRetentionTasksAndCountsEach) {
  Crew c;
  const FinishedRun done = c.maintenance.run(kPruneRetentionAll, std::nullopt, tool());
  EXPECT_EQ(done.removed, 10);
  EXPECT_EQ(c.done, (Names{"prune_idempotency", "prune_audit"}));
  EXPECT_EQ(c.rows(),
            Names{R"(prune_retention_all * success {"counters":{"cleanup_actions":0,"cleanup_notifications":0,)"
                  R"("governance_items":0,"prune_audit":7,"prune_idempotency":3,"prune_usage":0},"deleted_rows":10})"});
}

TEST(Maintenance, RecordsAFailureWithoutItsInsides) {
  Crew c;
  c.prune_audit = [](const Order&) -> std::int64_t { throw std::runtime_error("secret detail"); };
  EXPECT_THROW(c.maintenance.run("prune_audit", std::nullopt, tool()), std::runtime_error);
  EXPECT_EQ(c.rows(), Names{R"(prune_audit * failure {"deleted_rows":0,"reason":"unexpected"})"});
  EXPECT_EQ(c.t.audit.last().event_type, "maintenance.task.failed");
  EXPECT_FALSE(c.t.audit.last().success);
  EXPECT_EQ(c.t.audit.last().metadata.at("reason"), "unexpected");
  c.prune_audit = [](const Order&) -> std::int64_t { throw db::Error(db::ErrorCode::kBusy, "secret detail"); };
  EXPECT_THROW(c.maintenance.run("prune_audit", std::nullopt, tool()), db::Error);
  EXPECT_EQ(c.rows().back(), R"(prune_audit * failure {"deleted_rows":0,"reason":"database"})");
}

TEST(Maintenance, RefusesWhatItCannotDo) {
  Crew c;
  const auto tenant = TenantScopeFactory::make("t1");
  EXPECT_EQ(refusal([&] { c.maintenance.run("cleanup_actions", std::nullopt, tool()); }),
            "VALIDATION_ERROR: Unknown maintenance task");
  EXPECT_EQ(refusal([&] { c.maintenance.run("prune_usage", std::nullopt, tool()); }),  // a row, but nobody's work here
            "VALIDATION_ERROR: Unknown maintenance task");
  EXPECT_EQ(refusal([&] { c.maintenance.run("sweep_objects", tenant, tool()); }),
            "VALIDATION_ERROR: This task cannot be limited to one tenant");
  EXPECT_TRUE(c.rows().empty());
  const auto make = [&](std::string name) {
    const Maintenance made(*c.t.database, c.t.audit, c.t.clock, c.t.metrics, {{std::move(name), {}}}, 0);
  };
  EXPECT_THROW(make("prune_everything"), std::logic_error);
  EXPECT_THROW(make(std::string(kPruneRetentionAll)), std::logic_error);
}

TEST(Maintenance, RunsATaskOnceAtATime) {
  Crew c;
  std::latch inside(1);
  std::latch leave(1);
  c.prune_audit = [&](const Order&) {
    inside.count_down();
    leave.wait();
    return 1;
  };
  {
    const std::jthread first([&] { c.maintenance.run("prune_audit", std::nullopt, tool()); });
    inside.wait();
    EXPECT_EQ(refusal([&] { c.maintenance.run("prune_audit", std::nullopt, tool()); }),
              "CONFLICT: The task is running already");
    Crew other_tasks;  // another database is another matter
    EXPECT_EQ(refusal([&] { other_tasks.maintenance.run("prune_audit", std::nullopt, tool()); }), "");
    EXPECT_EQ(c.rows(), Names{"prune_audit * running -"});
    leave.count_down();
  }
  c.prune_audit = [](const Order&) { return 0; };
  EXPECT_EQ(refusal([&] { c.maintenance.run("prune_audit", std::nullopt, tool()); }), "");
}

TEST(Maintenance, ATenantsRunDoesNotStopAnothers) {
  Crew c;
  std::string nested;
  c.prune_audit = [&](const Order& order) {
    if (order.tenant->id() == "t1")
      nested = refusal([&] { c.maintenance.run("prune_audit", TenantScopeFactory::make("t2"), tool()); });
    return 1;
  };
  c.maintenance.run("prune_audit", TenantScopeFactory::make("t1"), tool());
  EXPECT_EQ(nested, "");
  EXPECT_EQ(c.rows().size(), 2U);
}

TEST(Maintenance, TakesOverFromARunWhoseProcessDied) {
  Crew c;
  const RetentionRunsRepository repository;
  const Timestamp now = c.t.clock.now();
  c.t.database->write(
      [&](db::Tx& tx) { (void)repository.begin(tx, "prune_audit", {}, now, now + Maintenance::kLeaseUs); });
  EXPECT_EQ(refusal([&] { c.maintenance.run("prune_audit", std::nullopt, tool()); }),
            "CONFLICT: The task is running already");
  c.t.clock.advance_us(Maintenance::kLeaseUs);
  EXPECT_EQ(refusal([&] { c.maintenance.run("prune_audit", std::nullopt, tool()); }), "");
  EXPECT_EQ(c.rows(), (Names{"prune_audit * interrupted -", R"(prune_audit * success {"deleted_rows":7})"}));
}

TEST(Maintenance, RunsEachTaskWhenItsIntervalIsOver) {
  Crew c(3600);
  EXPECT_EQ(c.run_due(), (Names{"prune_idempotency", "prune_audit", "sweep_objects"}));
  EXPECT_EQ(c.t.audit.last().actor_id, "maintenance");
  EXPECT_EQ(c.t.audit.last().tenant_id, std::nullopt);
  c.t.clock.advance_s(3599);
  EXPECT_EQ(c.run_due(), Names{});
  c.maintenance.run("prune_audit", std::nullopt, tool("cli"));                     // counts, whoever asked
  c.maintenance.run("prune_idempotency", TenantScopeFactory::make("t1"), tool());  // does not: one tenant only
  c.t.clock.advance_s(1);
  EXPECT_EQ(c.run_due(), (Names{"prune_idempotency", "sweep_objects"}));
}

TEST(Maintenance, KnowsAfterARestartWhatIsDue) {
  Crew c(3600);
  c.run_due();
  Maintenance restarted(*c.t.database, c.t.audit, c.t.clock, c.t.metrics,
                        {{"prune_audit", [&](const Order& order) { return c.note("again", order, 0); }}}, 3600);
  c.done.clear();
  restarted.run_due({});
  EXPECT_EQ(c.done, Names{});
  c.t.clock.advance_s(3600);
  restarted.run_due({});
  EXPECT_EQ(c.done, Names{"again"});
}

TEST(Maintenance, AFailureKeepsNoOtherTaskFromRunningAndIsTriedAgain) {
  Crew c;
  c.prune_audit = [](const Order&) -> std::int64_t { throw std::runtime_error("no"); };
  EXPECT_EQ(c.run_due(), (Names{"prune_idempotency", "prune_audit", "sweep_objects"}));
  EXPECT_EQ(c.run_due(), Names{"prune_audit"});
}

TEST(Maintenance, AnIntervalOfZeroLeavesEverythingToPeople) {
  Crew c(0);
  EXPECT_EQ(c.run_due(), Names{});
  EXPECT_EQ(c.maintenance.schedule().name, "maintenance.due");
  EXPECT_GT(c.maintenance.schedule().interval_us, 0);
}

TEST(Maintenance, LooksOftenEnoughForServersThatRestartDaily) {
  EXPECT_EQ(Crew(86'400).maintenance.schedule().interval_us, Maintenance::kLongestPollUs);
  EXPECT_EQ(Crew(60).maintenance.schedule().interval_us, 60 * Timestamp::kSecond);
}

TEST(Maintenance, AStopEndsARunWhichIsThenDueAgain) {
  Crew c;
  std::stop_source stopping;
  c.prune_audit = [&](const Order& order) {
    stopping.request_stop();
    return in_batches(*c.t.database, 10, order.stop, [](db::Tx&) { return 10; });
  };
  c.maintenance.run_due(stopping.get_token());
  EXPECT_EQ(c.done, (Names{"prune_idempotency", "prune_audit"}));  // the sweep did not begin
  EXPECT_EQ(c.rows().back(), R"(prune_audit * interrupted {"deleted_rows":0})");
  EXPECT_EQ(c.maintenance.last_runs(c.t.tenant()).at("prune_audit"), std::nullopt);
  c.maintenance.stop();
  EXPECT_TRUE(c.maintenance.run("prune_audit", std::nullopt, tool()).interrupted);
}

TEST(Maintenance, ShowsATenantItsOwnRunsAndThoseForAll) {
  Crew c;
  const Timestamp start = c.t.clock.now();
  c.maintenance.run("sweep_objects", std::nullopt, tool());
  c.t.clock.advance_s(10);
  c.maintenance.run("prune_audit", TenantScopeFactory::make("t1"), tool());
  c.t.clock.advance_s(10);
  c.maintenance.run("prune_audit", TenantScopeFactory::make("t2"), tool());
  const auto last = c.maintenance.last_runs(c.t.tenant());
  EXPECT_EQ(last.size(), kTasks.size());
  EXPECT_EQ(last.at("sweep_objects"), start);
  EXPECT_EQ(last.at("prune_audit"), start + 10 * Timestamp::kSecond);
  EXPECT_EQ(last.at("prune_usage"), std::nullopt);
}

TEST(Maintenance, ForgetsRunsAfterTwoYears) {
  Crew c;
  c.maintenance.run("prune_audit", std::nullopt, tool());
  c.t.clock.advance_us(Maintenance::kKeepRunsUs + 1);
  c.maintenance.run("prune_audit", std::nullopt, tool());
  EXPECT_EQ(c.rows().size(), 1U);
}

TEST(RetentionRuns, PreparesEveryStatement) {
  const TestCall t;
  EXPECT_EQ(t.database->check_statements(maintenance_statements()), std::vector<std::string>{});
}

TEST(InBatches, StopsAtTheFirstBatchThatIsNotFull) {
  TestCall t;
  std::int64_t left = 25;
  int transactions = 0;
  const std::int64_t removed = in_batches(*t.database, 10, {}, [&](db::Tx&) {
    ++transactions;
    const std::int64_t now = std::min<std::int64_t>(left, 10);
    left -= now;
    return now;
  });
  EXPECT_EQ(removed, 25);
  EXPECT_EQ(transactions, 3);
}

TEST(MaintenanceTasks, HaveNamesOfTheirOwn) {
  for (const TaskRow& row : kTasks) {
    EXPECT_EQ(find_task(row.name), &row) << row.name;
    EXPECT_FALSE(row.removes.empty()) << row.name;
    EXPECT_TRUE(!row.is_retention || row.by_tenant) << row.name;
  }
  EXPECT_EQ(find_task("prune"), nullptr);
}

}  // namespace
}  // namespace nexus::maintenance
