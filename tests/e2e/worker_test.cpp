// `serve` without workers and `worker` beside it, on one SQLite file.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <gtest/gtest.h>

#include <csignal>

namespace nexus::e2e {
namespace {

TEST(SeparateWorker, IngestsWhatTheServerFindsWithItsNextSearch) {
  Server server(Environment{{"WORKERS_IN_PROCESS", "false"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  const Planned seed = plan_document("seed", 60);
  ASSERT_EQ(send_text(client, "c1", seed).status, 202);
  EXPECT_TRUE(found_ids(client, "c1", seed).empty());
  EXPECT_EQ(status_of(client, "seed"), "queued") << "nobody works here";

  const auto worker = server.installation().launch({"worker"}, "worker.log");
  ASSERT_TRUE(all_settled(client)) << server.installation().output_of("worker.log");
  EXPECT_TRUE(is_whole(client, "c1", seed));
  for (int i = 0; i < 10; ++i) {  // each after a search has loaded the index before it
    const Planned document = plan_document("next" + std::to_string(i), 60);
    ASSERT_EQ(send_file(client, "c1", document, "a.md", "text/markdown", document.text).status, 202);
    ASSERT_TRUE(eventually([&] { return status_of(client, document.id) == "succeeded"; }));
    EXPECT_TRUE(is_whole(client, "c1", document)) << "the first search after the commit";
  }
  worker->signal(SIGTERM);
  EXPECT_TRUE(worker->wait(std::chrono::seconds(30)).has_value());
  EXPECT_EQ(server.stop(), 0);
}

TEST(SeparateWorker, KilledInTheMiddleLeavesItsWorkToTheNext) {
  constexpr int kRounds = 3;
  Dice dice;
  Server server(Environment{{"WORKERS_IN_PROCESS", "false"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1", "structured");
  std::vector<Planned> documents;
  for (int i = 0; i < 6; ++i) documents.push_back(plan_document("w" + std::to_string(i), 6000));
  for (const Planned& document : documents) ASSERT_EQ(send_text(client, "c1", document).status, 202);
  for (int round = 0; round < kRounds; ++round) {
    const auto worker = server.installation().launch({"worker"}, "worker.log");
    const auto one_is_in_work = [&] {
      for (const Planned& document : documents)
        if (status_of(client, document.id) == "processing") return true;
      return false;
    };
    if (!eventually(one_is_in_work, std::chrono::seconds(15))) break;  // all done already: a fast machine
    dice.pass_time(std::chrono::milliseconds(300));
    worker->kill_group();
    for (const Planned& document : documents) EXPECT_TRUE(is_not_half_there(client, "c1", document));
  }
  const auto second = server.installation().launch({"worker"}, "worker.log");
  ASSERT_TRUE(all_settled(client)) << server.installation().output_of("worker.log");
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(client, "c1", document));
  second->signal(SIGTERM);
  EXPECT_TRUE(second->wait(std::chrono::seconds(30)).has_value());
  EXPECT_TRUE(audit_holds(client));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(StoredState(server.installation().database()).damage(server.installation().data()),
            std::vector<std::string>{});
}

TEST(SeparateWorker, SharesTheQueueWithAnotherWithoutDoingAnythingTwice) {
  Server server(Environment{{"WORKERS_IN_PROCESS", "false"}});
  server.start();
  TestClient client = server.client();
  make_corpus(client, "c1");
  const auto one = server.installation().launch({"worker"}, "worker-1.log");
  const auto two = server.installation().launch({"worker"}, "worker-2.log");
  std::vector<Planned> documents;
  for (int i = 0; i < 60; ++i) documents.push_back(plan_document("many" + std::to_string(i), 40));
  for (const Planned& document : documents) ASSERT_EQ(send_text(client, "c1", document).status, 202);
  ASSERT_TRUE(all_settled(client)) << server.installation().output_of("worker-1.log");
  for (const Planned& document : documents) EXPECT_TRUE(is_whole(client, "c1", document));
  EXPECT_EQ(StoredState(server.installation().database()).number("SELECT count(*) FROM jobs WHERE attempts > 1"), 0);
  one->signal(SIGTERM);
  two->signal(SIGTERM);
  EXPECT_TRUE(one->wait(std::chrono::seconds(30)).has_value());
  EXPECT_TRUE(two->wait(std::chrono::seconds(30)).has_value());
  EXPECT_EQ(server.stop(), 0);
}

}  // namespace
}  // namespace nexus::e2e
