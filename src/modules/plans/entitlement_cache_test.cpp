#include "modules/plans/entitlement_cache.h"

#include "modules/plans/plans_fixture.h"
#include "support/sql_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <stdlib.h>
#include <thread>
#include <utility>

namespace nexus::plans {
namespace {

/// Changes the rows behind the cache's back: what a hit must not notice.
void smuggle(PlansDesk& d, const std::string& plan_id, const std::string& tenant_id = "t1") {
  d.sql("INSERT INTO tenant_plan_assignments (tenant_id, effective_from, plan_id, is_active, created_at) VALUES ('" +
        tenant_id + "', " + testing::sql_time({0}) + ", '" + plan_id + "', TRUE, " + testing::sql_time({0}) + ")");
}

std::string refusal(Entitlements& entitlements, std::string_view feature_key) {
  try {
    entitlements.require(tenant(), feature_key);
    return "";
  } catch (const ApiError& e) {
    return std::to_string(e.kind().status) + " " + std::string(e.kind().code) + " " + e.message() + " " +
           json::write(e.details());
  }
}

TEST(EntitlementCache, RefusesInTheContractsWords) {
  PlansDesk d;
  EXPECT_EQ(refusal(d.cache, kTts),
            R"(403 FEATURE_NOT_ENABLED Feature not enabled for tenant plan {"feature_key":"feature.tts"})");
  for (const std::string_view key : {kCostVisibility, kCostControls, kChargebackReports})
    EXPECT_EQ(refusal(d.cache, key),
              "403 COST_FEATURE_NOT_ENABLED Cost feature not enabled for tenant plan {\"feature_key\":\"" +
                  std::string(key) + "\"}");
  EXPECT_EQ(refusal(d.cache, kRetrievalLocalPgvector), "");
  EXPECT_EQ(d.cache.plan_id(tenant()), "free");
  EXPECT_THROW(d.cache.require(tenant(), "feature.unknown"), std::logic_error);
  EXPECT_EQ(d.t.audited(), 0U);  // denials are not audited
}

TEST(EntitlementCache, AHitDoesNotReadTheRows) {
  PlansDesk d;
  const auto first = d.cache.snapshot(tenant());
  smuggle(d, "enterprise");
  EXPECT_EQ(d.cache.snapshot(tenant()), first);
  EXPECT_FALSE(d.has(kTts));
}

TEST(EntitlementCache, AChangeCountsFromTheNextRequestOn) {
  PlansDesk d;
  EXPECT_FALSE(d.has(kTts));
  EXPECT_FALSE(d.has(kTts, "t2"));
  const auto other = d.cache.snapshot(tenant("t2"));
  d.assign("pro");
  EXPECT_TRUE(d.has(kTts));
  (void)d.plans.override_feature(tenant(), {.feature_key = std::string(kTts), .enabled = false}, d.actor());
  EXPECT_FALSE(d.has(kTts));
  EXPECT_EQ(d.cache.snapshot(tenant("t2")), other);
}

TEST(EntitlementCache, AChangeThatIsRolledBackForgetsNothing) {
  PlansDesk d;
  const auto before = d.cache.snapshot(tenant());
  EXPECT_THROW(d.t.database->write([&](db::Tx& tx) {
    d.plans.assign(tx, tenant(), "pro", d.actor());
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(d.cache.snapshot(tenant()), before);
  EXPECT_EQ(d.t.audited(), 0U);
}

TEST(EntitlementCache, AnAssignmentEndsAtItsMoment) {
  PlansDesk d;
  const Timestamp end = d.t.clock.now() + 5 * Timestamp::kSecond;
  d.sql(
      "INSERT INTO tenant_plan_assignments (tenant_id, effective_from, plan_id, effective_to, is_active, created_at) "
      "VALUES ('t1', " +
      testing::sql_time({0}) + ", 'pro', " + testing::sql_time(end) + ", TRUE, " + testing::sql_time({0}) + ")");
  EXPECT_TRUE(d.has(kTts));
  d.t.clock.advance_us(5 * Timestamp::kSecond - 1);
  EXPECT_TRUE(d.has(kTts));
  d.t.clock.advance_us(1);
  EXPECT_FALSE(d.has(kTts));
}

TEST(EntitlementCache, AnAssignmentBeginsAtItsMoment) {
  PlansDesk d;
  const Timestamp begin = d.t.clock.now() + 5 * Timestamp::kSecond;
  d.sql(
      "INSERT INTO tenant_plan_assignments (tenant_id, effective_from, plan_id, is_active, created_at) VALUES "
      "('t1', " +
      testing::sql_time(begin) + ", 'pro', TRUE, " + testing::sql_time({0}) + ")");
  EXPECT_FALSE(d.has(kTts));
  d.t.clock.advance_us(5 * Timestamp::kSecond - 1);
  EXPECT_FALSE(d.has(kTts));
  d.t.clock.advance_us(1);
  EXPECT_TRUE(d.has(kTts));
}

TEST(EntitlementCache, ACatalogueEditedByHandCountsWhenTheSnapshotIsOld) {
  PlansDesk d;
  EXPECT_FALSE(d.has(kTts));
  d.sql("UPDATE plan_features SET enabled = TRUE WHERE plan_id = 'free'");
  d.t.clock.advance_s(29);
  EXPECT_FALSE(d.has(kTts));
  d.t.clock.advance_s(1);
  EXPECT_TRUE(d.has(kTts));
}

TEST(EntitlementCache, HoldsNoMoreThanItsCapacity) {
  PlansDesk d;
  EntitlementCache small(*d.t.database, d.t.clock, {.capacity = 16});
  std::vector<std::shared_ptr<const TenantEntitlements>> held;
  for (int i = 0; i < 200; ++i) held.push_back(small.snapshot(tenant("tenant-" + std::to_string(i))));
  std::size_t kept = 0;
  for (const auto& value : held) kept += value.use_count() > 1;
  EXPECT_LE(kept, 16U);
  EXPECT_GE(kept, 1U);
}

/// Two programs on one file.
struct TwoProcesses {
  TwoProcesses() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-plans-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder = name;
    here = testing::file_database(folder / "rows.db", clock, metrics);
    there = testing::file_database(folder / "rows.db", clock, metrics);
  }
  ~TwoProcesses() {
    here.reset();
    there.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  TwoProcesses(const TwoProcesses&) = delete;
  TwoProcesses& operator=(const TwoProcesses&) = delete;

  testing::FakeClock clock;
  observe::Metrics metrics;
  testing::RecordingLog log;
  std::filesystem::path folder;
  std::unique_ptr<db::Database> here;
  std::unique_ptr<db::Database> there;
};

TEST(EntitlementCache, LearnsOfAnotherProcessWhenItRefreshes) {
  TwoProcesses two;
  EntitlementCache mine(*two.here, two.clock);
  EntitlementCache theirs(*two.there, two.clock);
  const PlansService changing(*two.there, two.log, theirs, two.clock);
  mine.refresh();
  EXPECT_EQ(mine.plan_id(tenant()), "free");
  const auto untouched = mine.snapshot(tenant("t2"));

  (void)changing.assign(tenant(), "pro", Actor::tool("test"));
  EXPECT_EQ(theirs.plan_id(tenant()), "pro");
  EXPECT_EQ(mine.plan_id(tenant()), "free");
  mine.refresh();
  EXPECT_EQ(mine.plan_id(tenant()), "pro");
  EXPECT_EQ(mine.snapshot(tenant("t2")), untouched);
  const auto kept = mine.snapshot(tenant());
  mine.refresh();  // nothing new
  EXPECT_EQ(mine.snapshot(tenant()), kept);
}

/// Runs something when the cache, having read the rows, asks how long it may remember them.
class InterruptingClock final : public Clock {
 public:
  explicit InterruptingClock(const Clock& clock) : clock_(clock) {}
  mutable std::function<void()> once;

  [[nodiscard]] Timestamp now() const override { return clock_.now(); }
  [[nodiscard]] std::int64_t steady_us() const override {
    if (const auto run = std::exchange(once, nullptr)) run();
    return clock_.steady_us();
  }

 private:
  const Clock& clock_;
};

TEST(EntitlementCache, DoesNotRememberWhatWasReadBeforeAChange) {
  PlansDesk d;
  InterruptingClock clock(d.t.clock);
  EntitlementCache cache(*d.t.database, clock);
  const PlansService plans(*d.t.database, d.t.audit, cache, d.t.clock);
  clock.once = [&] { (void)plans.assign(tenant(), "pro", d.actor()); };
  EXPECT_EQ(cache.plan_id(tenant()), "free");  // was asked before the change
  EXPECT_FALSE(clock.once);                    // which did happen meanwhile
  EXPECT_EQ(cache.plan_id(tenant()), "pro");
}

TEST(EntitlementCache, AnswersRightlyWhileOthersAsk) {
  PlansDesk d;
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) (void)d.cache.snapshot(tenant());
  });
  bool right = true;
  for (int i = 0; i < 100; ++i) {
    const bool on = i % 2 == 0;
    (void)d.plans.override_feature(tenant(), {.feature_key = std::string(kTts), .enabled = on}, d.actor());
    right = right && d.has(kTts) == on && d.has(kTts) == on;
  }
  done = true;
  reader.join();
  EXPECT_TRUE(right);
}

}  // namespace
}  // namespace nexus::plans
