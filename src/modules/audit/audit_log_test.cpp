#include "modules/audit/audit_log.h"

#include "base/encoding.h"
#include "base/ids.h"
#include "db/sqlite/test_database.h"
#include "json/json.h"
#include "modules/audit/canonical_row.h"
#include "modules/audit/prepared_row.h"
#include "support/call_fixture.h"
#include "support/sql_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace nexus::audit {
namespace {

using testing::TestCall;

constexpr std::string_view kSeed = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

AuditOptions quiet_options() {
  AuditOptions options;
  options.signer = std::make_shared<Ed25519CheckpointSigner>(Secret(std::string(kSeed)));
  options.background = false;
  return options;
}

Event sample(std::optional<std::string> tenant = "t1", std::string path = "/v1/run") {
  Event event;
  event.tenant_id = std::move(tenant);
  event.actor_type = "api_key";
  event.actor_id = "k1";
  event.actor_role = "admin";
  event.event_type = "auth.access.success";
  event.resource_type = "auth";
  event.request_id = "r1";
  event.ip_address = "203.0.113.7";
  event.user_agent = "curl/8";
  event.metadata = {{"path", path}, {"method", "POST"}};
  return event;
}

/// A log of `events` events of tenant t1, some platform events between them.
struct Chain {
  explicit Chain(int events, AuditOptions options = quiet_options())
      : log(*t.database, t.clock, std::move(options), t.metrics) {
    for (int i = 0; i < events; ++i) {
      t.clock.advance_us(1'000);
      t.database->write([&](db::Tx& tx) {
        log.record(tx, sample("t1", "/v1/run/" + std::to_string(i)));
        if (i % 3 == 0) log.record(tx, sample(std::nullopt));
      });
    }
  }
  void tamper(std::string_view sql) { t.database->run_script(sql); }
  [[nodiscard]] std::int64_t event_id(std::int64_t seq) {
    std::int64_t id = 0;
    t.database->read([&](db::Snapshot& db) {
      auto rows = AuditRepository().walk(db, "t1");
      while (rows.next())
        if (rows.i64(0) == seq) id = rows.i64(1);
    });
    return id;
  }

  TestCall t;
  AuditLog log;
};

void expect_problem(const VerifyReport& report, Damage damage, std::optional<std::int64_t> seq,
                    std::optional<std::int64_t> event_id) {
  ASSERT_TRUE(report.problem.has_value());
  EXPECT_EQ(to_string(report.problem->damage), to_string(damage)) << report.problem->message;
  EXPECT_EQ(report.problem->seq, seq) << report.problem->message;
  EXPECT_EQ(report.problem->event_id, event_id) << report.problem->message;
}

TEST(CanonicalRow, EqualsTheCanonicalFormOfWhatTheApiShows) {
  Event event = sample("t\xC3\xA4\"1");
  event.error_code = "X";
  event.metadata = {{"path", "/a\n"}, {"method", "GET"}, {"user_id", nullptr}};
  PreparedRow row(event, Timestamp{1'771'322'400'123'456});
  row.set_id(42);
  std::string out;
  append_canonical(out, row.view());
  const auto parsed = json::parse(out);
  EXPECT_EQ(out, json::canonical(parsed));
  EXPECT_EQ(parsed.as_object().size(), 16U);
  EXPECT_EQ(parsed.at("id"), 42);
  EXPECT_EQ(parsed.at("created_at"), "2026-02-17T10:00:00.123456+00:00");
  EXPECT_EQ(parsed.at("resource_id"), nullptr);
  EXPECT_EQ(parsed.at("metadata_json").at("path"), "/a\n");
}

TEST(PreparedRow, BorrowsCleanTextAndRepairsTheRest) {
  Event event = sample();
  event.user_agent = "x\xFF" + std::string(2000, 'a');
  event.resource_id = "Bearer abcdefghijklmnop";
  const PreparedRow row(event, Timestamp{1});
  EXPECT_EQ(row.view().actor_id->data(), event.actor_id->data());
  EXPECT_LE(row.view().user_agent->size(), 520U);
  EXPECT_EQ(row.view().resource_id, "Bearer [REDACTED]");
}

TEST(AuditLog, PreparesEveryStatement) {
  const TestCall t;
  EXPECT_EQ(t.database->check_statements(audit_statements()), std::vector<std::string>{});
}

TEST(AuditLog, ChainsEachTenantAndThePlatformApart) {
  Chain c(7);
  EXPECT_EQ(c.log.chains(), (std::vector<std::string>{"", "t1"}));
  const VerifyReport tenant = c.log.verify("t1");
  EXPECT_TRUE(tenant.valid()) << tenant.problem->message;
  EXPECT_EQ(tenant.events_checked, 7);
  EXPECT_EQ(tenant.head.seq, 7);
  EXPECT_EQ(c.log.verify("").events_checked, 3);
  EXPECT_TRUE(c.log.verify("").valid());
  EXPECT_TRUE(c.log.verify("nobody").valid());
}

TEST(AuditLog, LeavesNoGapAfterARollback) {
  Chain c(2);
  EXPECT_THROW(c.t.database->write([&](db::Tx& tx) {
    c.log.record(tx, sample());
    throw std::runtime_error("undo");
  }),
               std::runtime_error);
  c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample()); });
  EXPECT_EQ(c.log.verify("t1").head.seq, 3);
  EXPECT_TRUE(c.log.verify("t1").valid());
}

TEST(AuditLog, WritesQueuedEventsInOrderOnFlush) {
  Chain c(0);
  for (int i = 0; i < 5; ++i) c.log.record_soon(sample("t1", "/" + std::to_string(i)));
  c.log.record_soon(sample("t2"));
  EXPECT_EQ(c.log.verify("t1").head.seq, 0);
  c.log.flush();
  EXPECT_EQ(c.log.verify("t1").events_checked, 5);
  EXPECT_EQ(c.log.verify("t2").events_checked, 1);
}

TEST(AuditLog, KeepsEveryEventOfManyThreads) {
  AuditOptions options = quiet_options();
  options.background = true;
  options.queue_capacity = 16;  // callers have to wait
  options.batch_events = 8;
  Chain c(0, options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) {
        c.log.record_soon(sample("t" + std::to_string(t % 2)));
        if (i % 50 == 0) c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample("t0")); });
      }
    });
  }
  for (auto& thread : threads) thread.join();
  c.log.flush();
  EXPECT_EQ(c.log.verify("t0").events_checked, 500 + 20);
  EXPECT_EQ(c.log.verify("t1").events_checked, 500);
  EXPECT_TRUE(c.log.verify("t0").valid());
  EXPECT_TRUE(c.log.verify("t1").valid());
}

TEST(AuditLog, StopWritesWhatIsQueuedAndMakesTheLastCheckpoint) {
  AuditOptions options = quiet_options();
  options.background = true;
  Chain c(0, options);
  for (int i = 0; i < 100; ++i) c.log.record_soon(sample());
  c.log.stop();
  const VerifyReport report = c.log.verify("t1");
  EXPECT_EQ(report.events_checked, 100);
  EXPECT_EQ(report.checkpoint_seq, 100);
  c.log.record_soon(sample());  // nobody drains any more: written at once
  EXPECT_EQ(c.log.verify("t1").events_checked, 101);
}

// ---- tampering ----

TEST(ChainVerifier, NamesTheFirstAlteredEvent) {
  Chain c(10);
  const std::int64_t id = c.event_id(4);
  c.tamper("UPDATE audit_events SET outcome = 'failure' WHERE id IN (" + std::to_string(id) + "," +
           std::to_string(c.event_id(8)) + ")");
  expect_problem(c.log.verify("t1"), Damage::kAltered, 4, id);
}

TEST(ChainVerifier, SeesAlteredMetadataAndTimes) {
  for (const std::string& column :
       std::vector<std::string>{"metadata_json = '{\"method\":\"PUT\"}'", "created_at = " + testing::sql_time({1}),
                                "occurred_at = " + testing::sql_time({1}), "tenant_id = 't2'", "actor_id = NULL"}) {
    Chain c(5);
    const std::int64_t id = c.event_id(2);
    c.tamper("UPDATE audit_events SET " + column + " WHERE id = " + std::to_string(id));
    expect_problem(c.log.verify("t1"), Damage::kAltered, 2, id);
  }
}

TEST(ChainVerifier, AcceptsAnotherSpellingOfTheSameMetadata) {
  Chain c(5);
  c.tamper("UPDATE audit_events SET metadata_json = '{ \"path\": \"/v1/run/1\", \"method\" : \"POST\" }' WHERE id = " +
           std::to_string(c.event_id(2)));
  EXPECT_TRUE(c.log.verify("t1").valid());
}

TEST(ChainVerifier, NamesAMissingEvent) {
  Chain c(10);
  const std::int64_t id = c.event_id(6);
  c.tamper("DELETE FROM audit_events WHERE id = " + std::to_string(id));
  expect_problem(c.log.verify("t1"), Damage::kMissing, 6, id);
}

TEST(ChainVerifier, NamesAMissingFirstEvent) {
  Chain c(10);
  const std::int64_t id = c.event_id(1);
  c.tamper("DELETE FROM audit_events WHERE id = " + std::to_string(id));
  expect_problem(c.log.verify("t1"), Damage::kMissing, 1, id);
}

TEST(ChainVerifier, NamesAnEventMissingWithItsLink) {
  Chain c(10);
  const std::string id = std::to_string(c.event_id(6));
  c.tamper("DELETE FROM audit_events WHERE id = " + id + "; DELETE FROM audit_chain WHERE event_id = " + id);
  expect_problem(c.log.verify("t1"), Damage::kMissing, 6, std::nullopt);
}

TEST(ChainVerifier, SeesThroughRenumberedLinks) {
  Chain c(10);
  const std::string id = std::to_string(c.event_id(6));
  c.tamper("DELETE FROM audit_events WHERE id = " + id + "; DELETE FROM audit_chain WHERE event_id = " + id +
           "; UPDATE audit_chain SET seq = -seq WHERE tenant_id = 't1' AND seq > 6"
           "; UPDATE audit_chain SET seq = -seq - 1 WHERE tenant_id = 't1' AND seq < 0");
  expect_problem(c.log.verify("t1"), Damage::kMissing, 6, std::nullopt);
}

TEST(ChainVerifier, NamesAnInsertedEventWithoutLink) {
  Chain c(10);
  c.tamper(
      "INSERT INTO audit_events (id, occurred_at, tenant_id, actor_type, event_type, outcome, created_at)"
      " VALUES (5000, " +
      testing::sql_time({1}) + ", 't1', 'system', 'x', 'success', " + testing::sql_time({1}) + ")");
  expect_problem(c.log.verify("t1"), Damage::kInserted, std::nullopt, 5000);
  EXPECT_TRUE(c.log.verify("").valid());
}

TEST(ChainVerifier, NamesAnInsertedEventWithItsLink) {
  Chain c(6);
  // A forger who knows the algorithm: a link that continues number 3 and hashes right, the rest moved up by one.
  Digest prev{};
  c.t.database->read([&](db::Snapshot& db) { prev = AuditRepository().hash_at(db, "t1", 3).value(); });
  const RowView forged{.id = 5000,
                       .occurred_at = {1},
                       .tenant_id = "t1",
                       .actor_type = "system",
                       .event_type = "x",
                       .outcome = "success",
                       .created_at = {1}};
  std::string scratch;
  const Digest hash = link_hash(prev, forged, scratch);
  c.tamper(
      "INSERT INTO audit_events (id, occurred_at, tenant_id, actor_type, event_type, outcome, created_at)"
      " VALUES (5000, " +
      testing::sql_time({1}) + ", 't1', 'system', 'x', 'success', " + testing::sql_time({1}) +
      ");"
      "UPDATE audit_chain SET seq = -seq WHERE tenant_id = 't1' AND seq > 3;"
      "UPDATE audit_chain SET seq = -seq + 1 WHERE tenant_id = 't1' AND seq < 0;"
      "INSERT INTO audit_chain VALUES ('t1', 4, 5000, " +
      testing::sql_bytes(hex_encode(prev)) + ", " + testing::sql_bytes(hex_encode(hash)) + ")");
  expect_problem(c.log.verify("t1"), Damage::kInserted, 4, 5000);
}

TEST(ChainVerifier, NamesReorderedLinks) {
  Chain c(10);
  const std::int64_t moved = c.event_id(7);
  c.tamper(
      "UPDATE audit_chain SET seq = 0 WHERE tenant_id = 't1' AND seq = 4;"
      "UPDATE audit_chain SET seq = 4 WHERE tenant_id = 't1' AND seq = 7;"
      "UPDATE audit_chain SET seq = 7 WHERE tenant_id = 't1' AND seq = 0;");
  expect_problem(c.log.verify("t1"), Damage::kReordered, 4, moved);
}

TEST(ChainVerifier, NamesReorderedEvents) {
  Chain c(10);
  const std::int64_t a = c.event_id(4);
  const std::int64_t b = c.event_id(7);
  c.tamper("UPDATE audit_chain SET event_id = CASE seq WHEN 4 THEN " + std::to_string(b) + " ELSE " +
           std::to_string(a) + " END WHERE tenant_id = 't1' AND seq IN (4, 7)");
  expect_problem(c.log.verify("t1"), Damage::kReordered, 4, b);
}

TEST(ChainVerifier, SeesAnAlteredLink) {
  Chain c(10);
  c.tamper("UPDATE audit_chain SET hash = " + testing::sql_bytes(std::string(64, 'a')) +
           " WHERE tenant_id = 't1' AND seq = 5");
  expect_problem(c.log.verify("t1"), Damage::kAltered, 5, c.event_id(5));
}

TEST(AuditLog, ProcessesThatAppendAtOnceExtendTheSameChains) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  const db::TestFolder folder;
  const testing::FakeClock clock;
  observe::Metrics metrics;
  std::vector<std::unique_ptr<db::Database>> databases;
  for (int i = 0; i < 2; ++i) databases.push_back(testing::file_database(folder.file("audit.db"), clock, metrics));
  std::vector<std::unique_ptr<AuditLog>> logs;
  for (const auto& database : databases)
    logs.push_back(std::make_unique<AuditLog>(*database, clock, quiet_options(), metrics));
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread)
      threads.emplace_back([&, thread] {
        AuditLog& log = *logs[static_cast<std::size_t>(thread % 2)];
        for (int i = 0; i < kRounds; ++i) {
          // Two tenants in one batch, in an order that differs between the threads.
          log.record_soon(sample(thread % 2 == 0 ? "t1" : "t2"));
          log.record_soon(sample(thread % 2 == 0 ? "t2" : "t1"));
          log.flush();
        }
      });
  }
  for (const std::string chain : {"t1", "t2"}) {
    const VerifyReport report = logs[0]->verify(chain);
    EXPECT_TRUE(report.valid());
    EXPECT_EQ(report.head.seq, kThreads * kRounds);
  }
}

// ---- checkpoints ----

TEST(Checkpoints, AreMadeByCountAndByAge) {
  AuditOptions options = quiet_options();
  options.checkpoint_events = 10;
  options.checkpoint_interval_s = 60;
  Chain c(9, options);
  EXPECT_EQ(c.log.maintain(), 0U);
  c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample()); });
  EXPECT_EQ(c.log.maintain(), 1U);  // t1 by count; the platform chain is too short and too young
  EXPECT_EQ(c.log.verify("t1").checkpoint_seq, 10);
  c.t.clock.advance_s(60);
  EXPECT_EQ(c.log.maintain(), 1U);  // the platform chain by age
  EXPECT_EQ(c.log.verify("").checkpoint_seq, 3);
  EXPECT_EQ(c.log.maintain(), 0U);
}

TEST(Checkpoints, AreMadeForWhatAKilledProcessLeft) {
  Chain c(5);
  AuditLog next(*c.t.database, c.t.clock, quiet_options(), c.t.metrics);
  EXPECT_EQ(next.maintain(), 0U);
  c.t.clock.advance_s(61);
  EXPECT_EQ(next.maintain(), 2U);
  EXPECT_EQ(next.verify("t1").checkpoint_seq, 5);
}

TEST(Checkpoints, CatchAChainThatWasRewrittenThroughout) {
  Chain c(5);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  // The forger alters event 2 and computes every later link again.
  c.tamper("UPDATE audit_events SET outcome = 'failure' WHERE id = " + std::to_string(c.event_id(2)));
  std::string script;
  c.t.database->read([&](db::Snapshot& db) {
    auto rows = AuditRepository().walk(db, "t1");
    Digest prev{};
    std::string scratch;
    while (rows.next()) {
      const ChainRow at = chain_row(rows);
      const Digest hash = link_hash(prev, *at.row, scratch);
      script += "UPDATE audit_chain SET prev_hash = " + testing::sql_bytes(hex_encode(prev)) +
                ", hash = " + testing::sql_bytes(hex_encode(hash)) +
                " WHERE tenant_id = 't1' AND seq = " + std::to_string(at.link.seq) + ";";
      prev = hash;
    }
  });
  c.tamper(script);
  expect_problem(c.log.verify("t1"), Damage::kCheckpoint, 5, c.event_id(5));
}

TEST(Checkpoints, RefuseForgedSignaturesAndUnknownKeys) {
  Chain c(5);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  EXPECT_TRUE(c.log.verify("t1").valid());
  c.tamper("UPDATE audit_checkpoints SET created_at = " + testing::sql_time(c.t.clock.now() + 1));
  expect_problem(c.log.verify("t1"), Damage::kCheckpoint, 5, std::nullopt);
  c.tamper("UPDATE audit_checkpoints SET created_at = " + testing::sql_time(c.t.clock.now()) +
           ", key_id = 'ed25519:other'");
  expect_problem(c.log.verify("t1"), Damage::kCheckpoint, 5, std::nullopt);
}

TEST(Checkpoints, StillVerifyAfterAChangeOfKeys) {
  Chain c(5);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  const Ed25519CheckpointSigner old{Secret(std::string(kSeed))};
  const std::vector<crypto::Ed25519PublicKey> trusted{old.signer().public_key()};
  AuditOptions options = quiet_options();
  options.signer = std::make_shared<Ed25519CheckpointSigner>(Secret(std::string(64, '7')), trusted);
  AuditLog next(*c.t.database, c.t.clock, options, c.t.metrics);
  c.t.database->write([&](db::Tx& tx) { next.record(tx, sample()); });
  next.checkpoint(chains);
  const VerifyReport report = next.verify("t1");
  EXPECT_TRUE(report.valid()) << report.problem->message;
  EXPECT_EQ(report.checkpoints_checked, 2);
}

TEST(Checkpoints, SeeARemovedOne) {
  Chain c(3);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample()); });
  c.log.checkpoint(chains);
  c.tamper("DELETE FROM audit_checkpoints WHERE seq = 3");
  EXPECT_EQ(c.log.verify("t1").problem.value().damage, Damage::kCheckpoint);
}

struct OutsideFolder {
  OutsideFolder() : path(std::filesystem::temp_directory_path() / ("nexus-audit-" + hex_encode(random()))) {}
  ~OutsideFolder() { std::filesystem::remove_all(path); }
  static std::array<std::byte, 8> random() {
    std::array<std::byte, 8> bytes{};
    random_bytes(bytes);
    return bytes;
  }
  std::filesystem::path path;
};

TEST(Checkpoints, OutsideTheDatabaseCatchAChainThatWasCutShort) {
  const OutsideFolder folder;
  AuditOptions options = quiet_options();
  options.checkpoint_dir = folder.path;
  Chain c(5, options);
  const std::vector<std::string> chains{"t1", ""};
  c.log.checkpoint(chains);
  EXPECT_TRUE(std::filesystem::exists(folder.path / "tenant-t1" / "00000000000000000005.json"));
  EXPECT_TRUE(std::filesystem::exists(folder.path / "platform" / "00000000000000000002.json"));
  EXPECT_TRUE(c.log.verify("t1").valid());
  c.tamper("DELETE FROM audit_events WHERE id = " + std::to_string(c.event_id(5)) +
           "; DELETE FROM audit_chain WHERE tenant_id = 't1' AND seq = 5; DELETE FROM audit_checkpoints");
  expect_problem(c.log.verify("t1"), Damage::kMissing, 5, std::nullopt);
}

TEST(Checkpoints, OutsideTheDatabaseThatWereDamagedAreReported) {
  const OutsideFolder folder;
  AuditOptions options = quiet_options();
  options.checkpoint_dir = folder.path;
  Chain c(5, options);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  std::ofstream(folder.path / "tenant-t1" / "00000000000000000005.json") << "{}";
  EXPECT_EQ(c.log.verify("t1").problem.value().damage, Damage::kCheckpoint);
}

// ---- pruning ----

TEST(Pruning, RemovesOldEventsBehindACheckpointAndStillVerifies) {
  Chain c(10);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  c.t.clock.advance_s(100);
  c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample()); });
  const AuditLog::Pruned pruned = c.log.prune("t1", c.t.clock.now());
  EXPECT_EQ(pruned.through_seq, 10);
  EXPECT_EQ(pruned.events, 10);
  const VerifyReport report = c.log.verify("t1");
  EXPECT_TRUE(report.valid()) << report.problem->message;
  EXPECT_EQ(report.events_pruned, 10);
  EXPECT_EQ(report.events_checked, 2);  // the young event and audit.pruned
  EXPECT_EQ(report.head.seq, 12);
  EXPECT_EQ(c.log.prune("t1", c.t.clock.now()).events, 0);
  EXPECT_TRUE(c.log.verify("").valid());
}

TEST(Pruning, KeepsEventsThatNoCheckpointCovers) {
  Chain c(10);
  c.t.clock.advance_s(100);
  EXPECT_EQ(c.log.prune("t1", c.t.clock.now()).events, 0);
  EXPECT_EQ(c.log.verify("t1").events_checked, 10);
}

TEST(Pruning, DoesNotExcuseADeletionBeyondIt) {
  Chain c(10);
  const std::vector<std::string> chains{"t1"};
  c.log.checkpoint(chains);
  c.t.database->write([&](db::Tx& tx) { c.log.record(tx, sample()); });
  c.t.clock.advance_s(100);
  const std::int64_t victim = c.event_id(11);
  c.log.prune("t1", c.t.clock.now());
  c.tamper("DELETE FROM audit_events WHERE id = " + std::to_string(victim));
  EXPECT_EQ(c.log.verify("t1").problem.value().damage, Damage::kMissing);
  EXPECT_EQ(c.log.verify("t1").problem.value().seq, 11);
}

}  // namespace
}  // namespace nexus::audit
