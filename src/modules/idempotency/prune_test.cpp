#include "modules/idempotency/idempotency_fixture.h"
#include "support/sql_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace nexus::idempotency {
namespace {

constexpr std::int64_t kTtl = 3600 * Timestamp::kSecond;

TEST(Prune, RemovesWhatHasExpiredAndNothingThatRuns) {
  GateFixture f({.ttl_us = kTtl, .lease_us = 2 * kTtl});
  f.send();
  f.key("running");
  const Reservation running = f.hold();
  f.clock.advance_us(kTtl);
  f.key("young");
  f.send();
  EXPECT_EQ(f.gate.prune_expired(), 0) << "expires_at < now, not at it";
  f.clock.advance_us(1);
  EXPECT_EQ(f.gate.prune_expired(), 1);
  EXPECT_EQ(f.rows(), 2);
  f.clock.advance_us(kTtl);
  EXPECT_EQ(f.gate.prune_expired(), 2) << "the lease is over, too";
  EXPECT_EQ(f.rows(), 0);
}

TEST(Prune, OfOneTenantLeavesTheOthersAlone) {
  GateFixture f({.ttl_us = kTtl});
  f.send(f.request, {.tenant = "t1"});
  f.send(f.request, {.tenant = "t2"});
  f.clock.advance_us(kTtl + 1);
  const TenantScope t1 = testing::TenantScopeFactory::make("t1");
  EXPECT_EQ(f.database->write([&](db::Tx& tx) { return prune(tx, t1, f.clock.now()); }), 1);
  EXPECT_EQ(f.rows(), 1);
  EXPECT_EQ(f.database->write([&](db::Tx& tx) { return prune(tx, f.clock.now()); }), 1);
  EXPECT_EQ(f.rows(), 0);
}

TEST(Prune, TakesTheOldestFirstInBoundedBatches) {
  GateFixture f({.ttl_us = kTtl});
  for (int i = 0; i < 5; ++i) {
    f.key("k" + std::to_string(i));
    f.send();
    f.clock.advance_us(1);
  }
  f.clock.advance_us(kTtl);
  EXPECT_EQ(f.database->write([&](db::Tx& tx) { return IdempotencyRepository().prune(tx, f.clock.now(), 3); }), 3);
  static constexpr db::Statement kOldest{"test.oldest", "SELECT min(idem_key) FROM idempotency_records"};
  EXPECT_EQ(f.database->read([](db::Snapshot& s) {
    auto row = s.query(kOldest);
    return row.next() ? row.str(0) : std::string();
  }),
            "k3");
}

TEST(Prune, GoesOnUntilNothingIsLeft) {
  GateFixture f({.ttl_us = kTtl});
  f.database->run_script(fmt::format(R"(
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
    INSERT INTO idempotency_records (tenant_id, actor_id, method, path, idem_key, request_hash, response_status,
      created_at, expires_at)
    SELECT 't1', 'a', 'POST', '/v1/x', 'k' || i, 'h', 200, {0}, {0} FROM n)",
                                     testing::sql_time({1})));
  EXPECT_EQ(f.gate.prune_expired(), 2500);
}

}  // namespace
}  // namespace nexus::idempotency
