#include "modules/maintenance/maintenance_api.h"

#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"
#include "modules/auth/operators.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace nexus::maintenance {
namespace {

using testing::TenantScopeFactory;
using testing::TestCall;

struct Desk {
  explicit Desk(std::vector<std::string> operators_list = {"*"}) : operators(std::move(operators_list)) {}

  std::string send(std::size_t row_index, http::Pairs query, std::string tenant = "t1") {
    const http::Endpoint& row = rows.at(row_index);
    http::Request request = testing::make_request("/v1" + std::string(row.spec.path));
    request.query = std::move(query);
    http::Call call(request, row);
    call.request_id = "req-1";
    call.now = t.clock.now();
    call.authenticated({.subject_id = "user-1",
                        .tenant_id = tenant,
                        .role = Role::kAdmin,
                        .credential_id = "key-1",
                        .method = AuthMethod::kApiKey},
                       TenantScopeFactory::make(tenant));
    try {
      return std::get<http::PlainHandler>(row.run)(call, {}).body;
    } catch (const ApiError& e) {
      return std::string(e.kind().code) + ": " + e.message();
    }
  }
  std::string run(http::Pairs query, std::string tenant = "t1") { return send(0, std::move(query), std::move(tenant)); }
  std::string status(std::string tenant = "t1") { return send(1, {}, std::move(tenant)); }

  TestCall t;
  std::vector<std::string> done;
  auth::Operators operators;
  Maintenance maintenance{*t.database,
                          t.audit,
                          t.clock,
                          t.metrics,
                          {{"prune_audit",
                            [this](const Order& order) {
                              done.push_back(order.tenant ? order.tenant->id() : "*");
                              return 4;
                            }},
                           {"sweep_objects",
                            [this](const Order& order) {
                              done.push_back(order.tenant ? order.tenant->id() : "*");
                              return 0;
                            }}},
                          86'400};
  MaintenanceApi api{maintenance, operators, {.audit = 90, .usage = 120, .ui_actions = 30}};
  std::vector<http::Endpoint> rows = api.endpoints();
};

using Names = std::vector<std::string>;

TEST(RunMaintenance, PrunesTheCallersTenantWhereEverybodyIsAnOperator) {
  Desk d;
  EXPECT_EQ(d.run({{"task", "prune_audit"}}),
            R"({"task":"prune_audit","status":"completed","deleted_rows":4,"run_id":1,"tenant_id":"t1"})");
  EXPECT_EQ(d.run({{"task", "prune_audit"}, {"tenant_id", "t2"}}),
            "AUTH_FORBIDDEN: Tenant scope does not match admin key");
  EXPECT_EQ(d.done, Names{"t1"});
  EXPECT_EQ(d.t.audit.last().actor_id, "key-1");
  EXPECT_EQ(d.t.audit.last().request_id, "req-1");
}

TEST(RunMaintenance, PrunesAllTenantsOrTheNamedOneForNamedOperators) {
  Desk d({"ops"});
  EXPECT_EQ(d.run({{"task", "prune_audit"}}, "ops"),
            R"({"task":"prune_audit","status":"completed","deleted_rows":4,"run_id":1,"tenant_id":null})");
  EXPECT_EQ(d.run({{"task", "prune_audit"}, {"tenant_id", "t2"}}, "ops"),
            R"({"task":"prune_audit","status":"completed","deleted_rows":4,"run_id":2,"tenant_id":"t2"})");
  EXPECT_EQ(d.done, (Names{"*", "t2"}));
}

TEST(RunMaintenance, IsForOperators) {
  Desk d({"ops"});
  EXPECT_EQ(d.run({{"task", "prune_audit"}}), "AUTH_FORBIDDEN: This action is reserved for platform operators");
  EXPECT_EQ(d.run({{"task", "prune_audit"}, {"tenant_id", "t1"}}),
            "AUTH_FORBIDDEN: This action is reserved for platform operators");
  EXPECT_TRUE(d.done.empty());
}

TEST(RunMaintenance, RefusesUnknownTasks) {
  Desk d;
  for (const char* task : {"", "prune", "cleanup_actions", "backup_create_scheduled", "PRUNE_AUDIT"})
    EXPECT_EQ(d.run({{"task", task}}), "REQUEST_VALIDATION_ERROR: Validation error") << task;
  EXPECT_EQ(d.run({}), "REQUEST_VALIDATION_ERROR: Validation error");
}

TEST(RunMaintenance, RunsATaskWithoutTenantsForAll) {
  Desk d;
  EXPECT_EQ(d.run({{"task", "sweep_objects"}}),
            R"({"task":"sweep_objects","status":"completed","deleted_rows":0,"run_id":1,"tenant_id":null})");
  EXPECT_EQ(d.run({{"task", "sweep_objects"}, {"tenant_id", "t1"}}),
            "VALIDATION_ERROR: This task cannot be limited to one tenant");
}

TEST(RunMaintenance, SaysThatTheServerIsStopping) {
  Desk d;
  d.maintenance.stop();
  EXPECT_EQ(d.run({{"task", "prune_audit"}}), "SERVICE_UNAVAILABLE: The server is stopping; run the task again");
}

TEST(RetentionStatus, ShowsPeriodsAndLastRuns) {
  Desk d;
  d.run({{"task", "prune_audit"}});
  d.t.clock.advance_s(3600);
  d.run({{"task", "prune_audit"}}, "t2");
  EXPECT_EQ(
      d.status(),
      R"({"tenant_id":"t1","configured_days":{"audit":90,"usage":120,"ui_actions":30,"documents":null,)"
      R"("backups":null},"last_run_by_task":{"prune_audit":"2026-02-17T10:00:00+00:00","prune_billing_deliveries":null,)"
      R"("prune_idempotency":null,)"
      R"("prune_jobs":null,"prune_retention_all":null,"prune_usage":null,"sweep_objects":null},)"
      R"("next_schedule":"manual","interval_s":86400})");
}

}  // namespace
}  // namespace nexus::maintenance
