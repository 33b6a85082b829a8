// kill -9 while documents arrive and while they are being ingested: what was acknowledged is there once, whole.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <gtest/gtest.h>

namespace nexus::e2e {
namespace {

constexpr std::string_view kCorpus = "c1";

/// One upload of this client, in the form that its number says.
void upload_next(TestClient& client, Ledger& ledger, Dice& dice, int number) {
  const Planned document = ledger.next(number, dice.roll(30, 400));
  Response got;
  switch (number % 3) {
    case 0:
      got = send_text(client, kCorpus, document);
      break;
    case 1:
      got = send_file(client, kCorpus, document, "notes.md", "text/markdown", document.text);
      break;
    default:
      got = send_file(client, kCorpus, document, "page.html", "text/html", as_html(document));
      break;
  }
  if (got.status == 202 || got.status == 200) {  // 200: it had been stored, only the answer was lost
    ledger.acknowledged(number);
    return;
  }
  ADD_FAILURE() << document.id << " was answered " << got.status << ": " << got.body;
}

void expect_sound_after_stop(Server& server) {
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(StoredState(server.installation().database()).damage(server.installation().data()),
            std::vector<std::string>{});
  const Finished verified = server.installation().command({"audit", "verify", "--tenant", "t1"});
  EXPECT_EQ(verified.code, 0) << verified.output;
}

TEST(KillDuringUploads, LosesNothingAcknowledgedAndDoublesNothing) {
  constexpr int kRounds = 5;
  Dice dice;
  Server server;
  Ledger ledger;
  for (int round = 0; round < kRounds; ++round) {
    server.start();
    TestClient client = server.client();
    if (round == 0) make_corpus(client, kCorpus);
    Crowd crowd(server, 6, [&](TestClient& c, int number) { upload_next(c, ledger, dice, number); });
    const int enough = ledger.count() + dice.roll(1, 25);
    ASSERT_TRUE(eventually([&] { return ledger.count() >= enough; })) << server.log();
    dice.pass_time(std::chrono::milliseconds(30));
    server.kill_hard();
    crowd.join();
  }
  server.start();
  TestClient client = server.client();
  for (const Planned& document : ledger.stored()) EXPECT_TRUE(is_not_half_there(client, kCorpus, document));
  ASSERT_TRUE(all_settled(client)) << server.log();
  for (const Planned& document : ledger.stored()) EXPECT_TRUE(is_whole(client, kCorpus, document));
  for (const Planned& document : ledger.unknown()) {
    if (status_of(client, document.id)) {
      EXPECT_TRUE(is_whole(client, kCorpus, document));
    }
  }
  EXPECT_TRUE(audit_holds(client));
  expect_sound_after_stop(server);
}

TEST(KillDuringIngestion, LeasesRunOutAndAnotherStartFinishesTheDocuments) {
  constexpr int kRounds = 4;
  Dice dice;
  Server server;
  server.start();
  TestClient first = server.client();
  make_corpus(first, kCorpus, "structured");
  std::vector<Planned> documents;
  for (int i = 0; i < 6; ++i) documents.push_back(plan_document("large" + std::to_string(i), 6000));
  for (const Planned& document : documents) ASSERT_EQ(send_text(first, kCorpus, document).status, 202);

  for (int round = 0; round < kRounds; ++round) {
    TestClient client = server.client();
    const auto one_is_in_work = [&] {
      for (const Planned& document : documents)
        if (status_of(client, document.id) == "processing") return true;
      return false;
    };
    const bool caught = eventually(one_is_in_work, std::chrono::seconds(15));
    if (!caught) break;  // all done already: a fast machine
    dice.pass_time(std::chrono::milliseconds(400));
    server.kill_hard();
    server.start();
    TestClient again = server.client();
    for (const Planned& document : documents) EXPECT_TRUE(is_not_half_there(again, kCorpus, document));
  }
  TestClient client = server.client();
  ASSERT_TRUE(all_settled(client)) << server.log();
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(client, kCorpus, document));
  EXPECT_TRUE(audit_holds(client));
  expect_sound_after_stop(server);
}

TEST(KillDuringIngestion, KeepsTheOldChunksOfAReindexedDocumentOrHasAllNewOnes) {
  constexpr int kRounds = 4;
  Dice dice;
  Server server;
  server.start();
  TestClient first = server.client();
  make_corpus(first, kCorpus);
  const Planned document = plan_document("again", 4000);
  ASSERT_EQ(send_text(first, kCorpus, document).status, 202);
  ASSERT_TRUE(all_settled(first));
  for (int round = 0; round < kRounds; ++round) {
    TestClient client = server.client();
    const Response queued =
        client.post("/v1/documents/again/reindex", "{\"chunk_size_chars\":" + std::to_string(300 + 100 * round) + "}");
    ASSERT_EQ(queued.status, 202) << queued.body;
    ASSERT_TRUE(eventually([&] { return status_of(client, "again") != "queued"; }));
    dice.pass_time(std::chrono::milliseconds(200));
    server.kill_hard();
    server.start();
    TestClient after = server.client();
    const std::vector<std::string> found = found_ids(after, kCorpus, document);
    EXPECT_EQ(found.size(), 100U) << "the old or the new chunks are searchable at any time";
    ASSERT_TRUE(all_settled(after)) << server.log();
    EXPECT_TRUE(is_whole(after, kCorpus, document));
  }
  expect_sound_after_stop(server);
}

TEST(KillOfTheServerAlone, TakesItsExtractionChildrenWithIt) {
  Server server;
  server.start();
  TestClient client = server.client();
  make_corpus(client, kCorpus);
  const Planned document = plan_document("page", 30'000);
  ASSERT_EQ(send_file(client, kCorpus, document, "page.html", "text/html", as_html(document)).status, 202);
  std::vector<pid_t> children;
  ASSERT_TRUE(eventually([&] {
    children = children_of(server.process().pid(), "__extract");
    return !children.empty();
  })) << server.log();
  server.process().kill_leader();
  for (const pid_t child : children)
    EXPECT_TRUE(eventually([&] { return !is_alive(child); }, std::chrono::seconds(10)));
  server.start();
  TestClient after = server.client();
  ASSERT_TRUE(all_settled(after)) << server.log();
  EXPECT_TRUE(is_whole(after, kCorpus, document));
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace nexus::e2e
