// Maintenance on demand and what is told of it.
#include "base/time.h"
#include "db/database.h"
#include "http/admin_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

namespace nexus::testing {
namespace {

constexpr std::string_view kRun = "/v1/admin/maintenance/run";
constexpr std::string_view kStatus = "/v1/admin/retention/status";

constexpr db::Statement kOldCounter{"test.old_counter", R"(
  INSERT INTO usage_counters (tenant_id, period_type, period_start, requests_count, updated_at)
  VALUES ($1, 'day', $2, 7, $2))"};

class MaintenanceHttp : public OperatedTest {
 protected:
  /// Nothing starts by itself, so that what goes went because it was asked for.
  MaintenanceHttp() : OperatedTest(Changes{{"MAINTENANCE_INTERVAL_S", "0"}, {"AUDIT_RETENTION_DAYS", "45"}}) {}

  void age_counters(std::initializer_list<std::string_view> tenants) {
    const Timestamp old = SystemClock().now() - 400 * Timestamp::kDay;
    app_.core().db->write([&](db::Tx& tx) {
      for (const std::string_view tenant : tenants) tx.exec(kOldCounter, tenant, old);
    });
  }
  static Response run(TestClient& client, std::string_view query) {
    return client.request("POST", std::string(kRun) + "?" + std::string(query));
  }
};

TEST_F(MaintenanceHttp, RunsATaskForAllTenantsAndTellsWhatWent) {
  age_counters({"t1", "t2"});
  const Response done = run(operator_, "task=prune_usage");
  ASSERT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(members_of(done.json()), "data meta");
  const boost::json::value data = data_of(done);
  EXPECT_EQ(members_of(data), "task status deleted_rows run_id tenant_id");
  EXPECT_EQ(data.at("task"), "prune_usage");
  EXPECT_EQ(data.at("status"), "completed");
  EXPECT_EQ(data.at("deleted_rows").as_int64(), 2);
  EXPECT_TRUE(data.at("tenant_id").is_null()) << "of all tenants";
  EXPECT_EQ(data_of(run(operator_, "task=prune_usage")).at("deleted_rows").as_int64(), 0);

  const boost::json::array recorded = events("maintenance.task.completed", &operator_);
  ASSERT_EQ(recorded.size(), 2U);
  const boost::json::value& metadata = recorded[1].at("metadata_json");
  EXPECT_EQ(recorded[1].at("resource_id"), "prune_usage");
  EXPECT_EQ(sorted_members_of(metadata), "all_tenants deleted_rows duration_ms outcome run_id task");
  EXPECT_EQ(metadata.at("run_id"), data.at("run_id"));
  EXPECT_EQ(metadata.at("outcome"), "success");
  EXPECT_EQ(metadata.at("deleted_rows").as_int64(), 2);
  EXPECT_TRUE(metadata.at("all_tenants").as_bool());
}

TEST_F(MaintenanceHttp, LimitsATaskToOneTenant) {
  age_counters({"t1", "t2"});
  const boost::json::value data = data_of(run(operator_, "task=prune_usage&tenant_id=t2"));
  EXPECT_EQ(data.at("tenant_id"), "t2");
  EXPECT_EQ(data.at("deleted_rows").as_int64(), 1);
  EXPECT_EQ(data_of(run(operator_, "task=prune_usage")).at("deleted_rows").as_int64(), 1) << "t1's was left";
}

TEST_F(MaintenanceHttp, RunsEveryTaskByName) {
  for (const char* task : {"prune_idempotency", "prune_audit", "prune_usage", "prune_billing_deliveries", "prune_jobs",
                           "sweep_objects", "prune_retention_all"}) {
    const Response done = run(operator_, fmt::format("task={}", task));
    ASSERT_EQ(done.status, 200) << task << done.body;
    EXPECT_EQ(data_of(done).at("task"), task);
    EXPECT_EQ(data_of(done).at("deleted_rows").as_int64(), 0) << task;
  }
  EXPECT_EQ(client_.get("/v1/audit/events").status, 200) << "young events stay";
}

TEST_F(MaintenanceHttp, IsForOperators) {
  for (TestClient* tenant : {&client_, &other_})
    for (const char* query : {"task=prune_audit", "task=prune_usage&tenant_id=t1", "task=prune_retention_all"}) {
      const Response refused = run(*tenant, query);
      EXPECT_EQ(refused.status, 403) << query;
      EXPECT_EQ(code_of(refused), "AUTH_FORBIDDEN");
      EXPECT_EQ(message_of(refused), kOperatorsOnly);
    }
  expect_admins_only({{"POST", std::string(kRun) + "?task=prune_usage"}, {"GET", std::string(kStatus)}});
}

TEST_F(MaintenanceHttp, RefusesTasksItDoesNotHave) {
  const std::string path(kRun);
  expect_refused(operator_,
                 {{"POST", path, "", 422, kBadInput, "missing at query.task"},
                  {"POST", path + "?task=prune_everything", "", 422, kBadInput, "literal_error at query.task"},
                  {"POST", path + "?task=", "", 422, kBadInput, "literal_error at query.task"},
                  {"POST", path + "?task=prune_jobs&tenant_id=t1", "", 422, "VALIDATION_ERROR",
                   "This task cannot be limited to one tenant"}});
  EXPECT_TRUE(events("maintenance.task.completed", &operator_).empty());
}

TEST_F(MaintenanceHttp, ShowsAgesAndLastRuns) {
  const Response got = client_.get(kStatus);
  ASSERT_EQ(got.status, 200) << got.body;
  const boost::json::value before = data_of(got);
  EXPECT_EQ(members_of(before), "tenant_id configured_days last_run_by_task next_schedule interval_s");
  EXPECT_EQ(before.at("tenant_id"), "t1");
  EXPECT_EQ(json::write(before.at("configured_days")),
            R"({"audit":45,"usage":120,"ui_actions":30,"documents":null,"backups":null})");
  EXPECT_EQ(before.at("next_schedule"), "manual");
  EXPECT_EQ(before.at("interval_s").as_int64(), 0);
  for (const auto& [task, at] : before.at("last_run_by_task").as_object()) EXPECT_TRUE(at.is_null()) << task;

  ASSERT_EQ(run(operator_, "task=prune_usage").status, 200);
  ASSERT_EQ(run(operator_, "task=prune_audit&tenant_id=t2").status, 200);
  const boost::json::value ours = data_of(client_.get(kStatus)).at("last_run_by_task");
  const boost::json::value theirs = data_of(other_.get(kStatus)).at("last_run_by_task");
  EXPECT_TRUE(is_moment(ours.at("prune_usage"))) << "a run for all was one for us";
  EXPECT_TRUE(ours.at("prune_audit").is_null());
  EXPECT_TRUE(is_moment(theirs.at("prune_audit")));
}

TEST_F(MaintenanceHttp, IsCarriedOutOnceForAnIdempotencyKey) {
  const Pairs key{{"Idempotency-Key", "clean-1"}};
  const std::string path = std::string(kRun) + "?task=prune_usage";
  const Response first = operator_.request("POST", path, key);
  ASSERT_EQ(first.status, 200) << first.body;
  age_counters({"t1"});
  EXPECT_EQ(operator_.request("POST", path, key).body, first.body);
  EXPECT_EQ(data_of(run(operator_, "task=prune_usage")).at("deleted_rows").as_int64(), 1);
}

/// Where every admin is an operator, one tenant still cleans up after itself only.
TEST(SharedMaintenanceHttp, KeepsToTheCallersRows) {
  TestApp app(Changes{{"MAINTENANCE_INTERVAL_S", "0"}});
  TestClient client = app.client();
  const Timestamp old = SystemClock().now() - 400 * Timestamp::kDay;
  app.core().db->write([&](db::Tx& tx) {
    tx.exec(kOldCounter, "t1", old);
    tx.exec(kOldCounter, "t2", old);
  });
  const boost::json::value data = data_of(client.request("POST", std::string(kRun) + "?task=prune_usage"));
  EXPECT_EQ(data.at("tenant_id"), "t1");
  EXPECT_EQ(data.at("deleted_rows").as_int64(), 1);
  const Response foreign = client.request("POST", std::string(kRun) + "?task=prune_usage&tenant_id=t2");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_EQ(message_of(foreign), kForeignScope);
}

}  // namespace
}  // namespace nexus::testing
