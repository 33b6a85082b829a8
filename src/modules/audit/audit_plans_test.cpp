#include "modules/audit/audit_repository.h"
#include "support/call_fixture.h"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <stdlib.h>
#include <string>

namespace nexus::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kEvents = 4000;
constexpr std::int64_t kFirst = 1'771'322'400'000'000;

/// SQLite itself, on a database with the schema of this program: to see how it runs the room's statements.
class Engine {
 public:
  Engine() {
    if (::mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    const std::string file = folder_ + "/plan.db";
    const testing::FakeClock clock;
    observe::Metrics metrics;
    (void)testing::file_database(file, clock, metrics);
    if (sqlite3_open(file.c_str(), &raw_) != SQLITE_OK) throw std::runtime_error("open");
  }
  ~Engine() {
    sqlite3_close(raw_);
    std::filesystem::remove_all(folder_);
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Events of tenant t1, one a second; each second one is a failed "b" about "r1", the others are "a".
  void fill() {
    const std::string sql =
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < " + std::to_string(kEvents) +
        ") INSERT INTO audit_events (occurred_at, tenant_id, actor_type, event_type, outcome, resource_type, "
        "resource_id, created_at) SELECT " +
        std::to_string(kFirst) +
        " + i * 1000000, CASE WHEN i % 4 < 2 THEN 't1' END, 'k', iif(i % 2, 'b', 'a'), iif(i % 2, 'failure', "
        "'success'), 'run', iif(i % 2, 'r1', NULL), 0 FROM n";
    char* error = nullptr;
    if (sqlite3_exec(raw_, sql.c_str(), nullptr, nullptr, &error) != SQLITE_OK) throw std::runtime_error(error);
  }

  [[nodiscard]] std::string plan(std::string_view name) const {
    const Prepared prepared = prepare("EXPLAIN QUERY PLAN " + std::string(statement(name).sql()));
    std::string out;
    while (sqlite3_step(prepared.get()) == SQLITE_ROW)
      out.append(reinterpret_cast<const char*>(sqlite3_column_text(prepared.get(), 3))).append("\n");
    return out;
  }

  /// Steps of SQLite's machine for a page of ten that begins behind `seconds` after the first event.
  [[nodiscard]] int steps(std::string_view name, std::int64_t seconds) const {
    const bool platform = name == "audit.list_platform";
    const Prepared prepared = prepare(std::string(statement(name).sql()));
    sqlite3_stmt* s = prepared.get();
    if (!platform) sqlite3_bind_text(s, 1, "t1", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, 0);
    sqlite3_bind_int64(s, 3, kFirst + seconds * 1'000'000);
    sqlite3_bind_int64(s, 4, std::numeric_limits<std::int64_t>::max());
    if (name == "audit.list_of_type") sqlite3_bind_text(s, 5, "b", -1, SQLITE_STATIC);
    if (name == "audit.list_failures") sqlite3_bind_text(s, 6, "failure", -1, SQLITE_STATIC);
    if (name == "audit.list_of_resource") sqlite3_bind_text(s, 8, "r1", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, 10);
    sqlite3_bind_int64(s, 10, 0);
    int rows = 0;
    while (sqlite3_step(s) == SQLITE_ROW) ++rows;
    EXPECT_EQ(rows, 10) << name;
    return sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0);
  }

 private:
  using Prepared = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

  [[nodiscard]] static const db::Statement& statement(std::string_view name) {
    for (const db::Statement* one : audit_statements())
      if (one->name() == name) return *one;
    throw std::out_of_range(std::string(name));
  }
  [[nodiscard]] Prepared prepare(const std::string& sql) const {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(raw_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(raw_));
    return {statement, &sqlite3_finalize};
  }

  std::string folder_ = (std::filesystem::temp_directory_path() / "nexus-audit-XXXXXX").string();
  sqlite3* raw_ = nullptr;
};

struct Wanted {
  const char* name;
  const char* range;
};
constexpr Wanted kLists[] = {
    {"audit.list", "ix_audit_events_tenant_time (tenant_id=? AND occurred_at>? AND occurred_at<?)"},
    {"audit.list_of_type",
     "ix_audit_events_tenant_type (tenant_id=? AND event_type=? AND occurred_at>? AND occurred_at<?)"},
    {"audit.list_of_resource",
     "ix_audit_events_tenant_resource (tenant_id=? AND resource_id=? AND occurred_at>? AND occurred_at<?)"},
    {"audit.list_failures",
     "ix_audit_events_tenant_failures (tenant_id=? AND outcome=? AND occurred_at>? AND occurred_at<?)"},
    {"audit.list_platform", "ix_audit_events_tenant_time (tenant_id=? AND occurred_at>? AND occurred_at<?)"}};

TEST(AuditPlans, EveryListIsOneRangeOfAnIndexAndSortsNothing) {
  if (testing::on_postgres()) GTEST_SKIP() << testing::kAboutSqlite;
  const Engine engine;
  for (const auto& [name, range] : kLists) {
    const std::string plan = engine.plan(name);
    EXPECT_THAT(plan, HasSubstr(range)) << name;
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE"))) << name;
    EXPECT_THAT(plan, Not(HasSubstr("SCAN"))) << name;
  }
}

TEST(AuditPlans, APageCostsTheSameAtAnyDepth) {
  if (testing::on_postgres()) GTEST_SKIP() << testing::kAboutSqlite;
  Engine engine;
  engine.fill();
  for (const auto& [name, range] : kLists) {
    const int newest = engine.steps(name, kEvents);
    const int deep = engine.steps(name, 100);
    EXPECT_LE(deep, newest + 10) << name << ": it walks past what is newer";
  }
}

TEST(AuditPlans, AppendingAndVerifyingSortNothing) {
  if (testing::on_postgres()) GTEST_SKIP() << testing::kAboutSqlite;
  const Engine engine;
  EXPECT_THAT(engine.plan("audit.head"), HasSubstr("audit_chain USING PRIMARY KEY (tenant_id=?)"));
  for (const char* name : {"audit.head", "audit.walk", "audit.hashes", "audit.first_present"})
    EXPECT_THAT(engine.plan(name), Not(HasSubstr("TEMP B-TREE"))) << name;
}

}  // namespace
}  // namespace nexus::audit
