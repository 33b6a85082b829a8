#include "opensearch/feeder.h"

#include "opensearch/opensearch_fixture.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace nexus::opensearch {
namespace {

using testing::twin_status;
using testing::TwinAnswer;

constexpr const char* kRoot = R"({"version":{"distribution":"opensearch","number":"2.19.1"}})";
constexpr const char* kDeleted = R"({"timed_out":false,"deleted":0,"failures":[]})";

std::string bulk(const std::vector<int>& statuses, const char* fault = "some_exception") {
  std::string out = R"({"errors":false,"items":[)";
  for (const int status : statuses) {
    if (out.back() == '}') out += ",";
    out += R"({"index":{"_id":"x","status":)" + std::to_string(status);
    if (status >= 300) out += R"(,"error":{"type":")" + std::string(fault) + "\"}";
    out += "}}";
  }
  return out + "]}";
}

struct Feeding : ::testing::Test {
  testing::HttpTwin twin;
  FeedOptions options{.batch_documents = 4, .per_tenant = 2};
  Stack stack{{twin.url("/")}, "test", {.batch_documents = 4, .per_tenant = 2}};

  /// What prepare() asks, then `answers`; everything later finds a healthy cluster without chunks.
  void script(std::vector<TwinAnswer> answers) {
    std::vector<TwinAnswer> all{twin_status(200, kRoot), twin_status(200), twin_status(200)};
    all.insert(all.end(), answers.begin(), answers.end());
    twin.script(std::move(all));
    twin.always(twin_status(200, kDeleted));
  }
  [[nodiscard]] std::size_t sent(std::string_view path) const {
    std::size_t count = 0;
    for (const testing::TwinRequest& request : twin.requests()) count += request.target.starts_with(path) ? 1 : 0;
    return count;
  }
};

TEST_F(Feeding, SendsWhatTheRowsHoldThenDeletesWhatIsOlderThenForgets) {
  stack.library.put("t1", "c1", "d1", {{"one"}, {"two"}});
  script({twin_status(200, bulk({201, 201}))});
  const Feeder::Round round = stack.feeder.run_once();
  EXPECT_EQ(round.delivered, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 0);
  const std::vector<testing::TwinRequest> requests = twin.requests();
  ASSERT_EQ(requests.size(), 6U);
  EXPECT_EQ(requests[3].target, "/_bulk");
  EXPECT_EQ(requests[4].target, "/test-chunks-v1/_refresh");
  EXPECT_EQ(requests[5].target, "/test-chunks-v1/_delete_by_query?conflicts=proceed&refresh=true&routing=t1");
  EXPECT_EQ(requests[5].body,
            R"({"query":{"bool":{"should":[{"bool":{"filter":[{"term":{"tenant":"t1"}},{"term":{"corpus":"c1"}},)"
            R"({"term":{"document":"d1"}},{"range":{"seq":{"lt":2}}}]}}],"minimum_should_match":1}}})");
}

TEST_F(Feeding, TakesARefusalOfAnOlderVersionForDone) {
  stack.library.put("t1", "c1", "d1", {{"one"}});
  script({twin_status(200, bulk({409}))});
  EXPECT_EQ(stack.feeder.run_once().delivered, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 0);
}

TEST_F(Feeding, TriesABusyDocumentAgainLaterAndOnlyThat) {
  stack.library.put("t1", "c1", "a", {{"one"}});
  stack.library.put("t1", "c1", "b", {{"two"}});
  script({twin_status(200, bulk({201, 429}, "es_rejected_execution_exception"))});
  const Feeder::Round round = stack.feeder.run_once();
  EXPECT_EQ(round.delivered, 1U);
  EXPECT_EQ(round.postponed, 1U);
  EXPECT_EQ(round.fault, "es_rejected_execution_exception");
  EXPECT_EQ(stack.feeder.run_once().claimed, 0U) << "before its time";
  stack.clock.advance_s(1);
  twin.script({twin_status(200, bulk({200}))});
  EXPECT_EQ(stack.feeder.run_once().delivered, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 0);
}

TEST_F(Feeding, ShowsADocumentThatTheServerWillNeverTakeAndTriesItWhenItChanges) {
  stack.library.put("t1", "c1", "a", {{"one"}, {"two"}});
  script({twin_status(200, bulk({201, 400}, "mapper_parsing_exception"))});
  EXPECT_EQ(stack.feeder.run_once().dead, 1U);
  EXPECT_EQ(sent("/test-chunks-v1/_delete_by_query"), 0U) << "the old chunks stay until the new ones are there";
  const std::vector<DeadDelivery> dead =
      stack.database->read([&](db::Snapshot& s) { return stack.library.outbox.dead(s, 10); });
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].fault, "mapper_parsing_exception");
  EXPECT_EQ(stack.feeder.run_once().claimed, 0U);
  stack.library.put("t1", "c1", "a", {{"three"}});
  twin.script({twin_status(200, bulk({201}))});
  EXPECT_EQ(stack.feeder.run_once().delivered, 1U);
  EXPECT_EQ(stack.library.backlog().dead, 0);
}

TEST_F(Feeding, KeepsEverythingThroughAnOutage) {
  for (const char* id : {"a", "b", "c"}) stack.library.put("t1", "c1", id, {{id}});
  twin.always(twin_status(503, R"({"error":{"type":"x"},"status":503})"));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(stack.feeder.run_once().delivered, 0U);
    stack.clock.advance_s(60);
  }
  EXPECT_EQ(stack.library.backlog().pending, 3);
  EXPECT_EQ(stack.library.backlog().dead, 0);
}

TEST_F(Feeding, SplitsARequestThatIsTooLarge) {
  stack.library.put("t1", "c1", "a", {{"one"}, {"two"}});
  script({twin_status(413), twin_status(200, bulk({201})), twin_status(200, bulk({201}))});
  EXPECT_EQ(stack.feeder.run_once().delivered, 1U);
  EXPECT_EQ(sent("/_bulk"), 3U);
}

TEST_F(Feeding, DoesNotForgetWhenOlderChunksCouldNotBeDeleted) {
  stack.library.put("t1", "c1", "a", {{"one"}});
  script({twin_status(200, bulk({201})), twin_status(200),
          twin_status(200, R"({"timed_out":false,"failures":[{"status":500}]})")});
  EXPECT_EQ(stack.feeder.run_once().postponed, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 1);
}

TEST_F(Feeding, DeliversAgainWhatChangedWhileItWasSent) {
  stack.library.put("t1", "c1", "a", {{"one"}});
  TwinAnswer held = twin_status(200, bulk({201}));
  held.hold = true;
  script({held});
  std::jthread feeding([&] { EXPECT_EQ(stack.feeder.run_once().delivered, 1U); });
  static_cast<void>(twin.wait_for_requests(4));
  stack.library.put("t1", "c1", "a", {{"two"}});
  twin.release();
  feeding.join();
  EXPECT_EQ(stack.library.backlog().pending, 1) << "the newer state is still to be sent";
  twin.script({twin_status(200, bulk({201}))});
  EXPECT_EQ(stack.feeder.run_once().delivered, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 0);
}

TEST_F(Feeding, MakesADocumentDueAgainWhenItsLeaseWasLost) {
  stack.library.put("t1", "c1", "a", {{"one"}});
  Feeder other(*stack.database, stack.cluster, stack.clock, options, stack.metrics, [] { return 0.5; });
  TwinAnswer held = twin_status(200, bulk({201}));
  held.hold = true;
  script({held});
  std::jthread late([&] { EXPECT_EQ(stack.feeder.run_once().claimed, 1U); });
  static_cast<void>(twin.wait_for_requests(4));
  stack.clock.advance_us(options.lease_us + 1);
  stack.library.put("t1", "c1", "a", {{"two"}});
  twin.script({twin_status(200, bulk({201}))});
  EXPECT_EQ(other.run_once().delivered, 1U);
  EXPECT_EQ(stack.library.backlog().pending, 0);
  twin.release();
  late.join();
  EXPECT_EQ(stack.library.backlog().pending, 1) << "the late one may have brought back what was deleted";
}

TEST_F(Feeding, TakesTurnsBetweenTenants) {
  for (int i = 0; i < 6; ++i) stack.library.put("big", "c1", "d" + std::to_string(i), {{"x"}});
  stack.library.put("small", "c1", "s", {{"x"}});
  script({twin_status(200, bulk({201, 201, 201, 201}))});
  EXPECT_EQ(stack.feeder.run_once().claimed, 4U) << "two of the big tenant, the small one, one of the big tenant";
  const std::string body = twin.requests().at(3).body;
  EXPECT_NE(body.find("\"small\""), std::string::npos);
}

TEST_F(Feeding, ReadsLongDocumentsInPages) {
  Stack paged({twin.url("/")}, "test", {.page_chunks = 2});
  script({twin_status(200, bulk({201, 201, 201, 201, 201}))});
  paged.library.put("t1", "c1", "a", {{"1"}, {"2"}, {"3"}, {"4"}, {"5"}});
  EXPECT_EQ(paged.feeder.run_once().delivered, 1U);
}

TEST_F(Feeding, DeliversOnAThreadOfItsOwnUntilStopped) {
  script({twin_status(200, bulk({201}))});
  stack.feeder.start();
  stack.library.put("t1", "c1", "a", {{"one"}});
  stack.feeder.wake();
  static_cast<void>(twin.wait_for_requests(6));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (stack.library.backlog().pending > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  stack.feeder.stop();
  EXPECT_EQ(stack.library.backlog().pending, 0);
}

TEST_F(Feeding, StopsWhileTheClusterIsSilent) {
  stack.library.put("t1", "c1", "a", {{"one"}});
  script({testing::twin_fault(testing::TwinFault::kNeverAnswers)});
  stack.feeder.start();
  static_cast<void>(twin.wait_for_requests(4));
  stack.feeder.stop();
  EXPECT_EQ(stack.library.backlog().pending, 1);
}

TEST(OutboxSql, IsUnderstoodByTheEngine) {
  testing::FakeClock clock;
  observe::Metrics metrics;
  const auto database = testing::scratch_database(clock, metrics);
  EXPECT_TRUE(database->check_statements(outbox_statements()).empty());
}

TEST(Outbox, NumbersOutliveTheirRowsAndSkipWhatDeletingByQueryTakes) {
  testing::FakeClock clock;
  observe::Metrics metrics;
  const auto database = testing::scratch_database(clock, metrics);
  const Library library{*database, clock};
  library.put("t1", "c1", "a", {{"x"}});
  const TenantScope t1 = Library::scope("t1");
  const auto seq = [&] {
    return database->read([&](db::Snapshot& s) { return library.outbox.last_seq(s, t1, "c1"); });
  };
  EXPECT_EQ(seq(), 2);
  library.put("t1", "c1", "a", {{"y"}});
  EXPECT_EQ(seq(), 4);
  EXPECT_EQ(library.backlog().pending, 1) << "one row a document";
  database->write([&](db::Tx& tx) { library.outbox.raise_seq(tx, {"t1", "c1"}, 100); });
  database->write([&](db::Tx& tx) { library.outbox.raise_seq(tx, {"t1", "c1"}, 50); });
  library.clear("t1", "c1");
  EXPECT_EQ(seq(), 102);
}

}  // namespace
}  // namespace nexus::opensearch
