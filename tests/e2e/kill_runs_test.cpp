// kill -9 in the middle of runs and of group commits: what a client has seen happen has happened.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

namespace nexus::e2e {
namespace {

/// What the reader of one run has seen before the connection broke.
struct Seen {
  std::string question;
  bool accepted = false;
  bool final = false;
};

class RunBook {
 public:
  std::string open(int client) {
    const std::lock_guard lock(mutex_);
    const std::string session = "s" + std::to_string(client) + "-" + std::to_string(++made_);
    runs_[session].question = "What are the release gates of " + session + "?";
    return session;
  }
  std::string question(const std::string& session) const {
    const std::lock_guard lock(mutex_);
    return runs_.at(session).question;
  }
  void saw(const std::string& session, std::string_view type) {
    const std::lock_guard lock(mutex_);
    Seen& run = runs_.at(session);
    if (type == "request.accepted") run.accepted = true;
    if (type == "message.final") run.final = true;
    finals_ += type == "message.final" ? 1 : 0;
  }
  std::map<std::string, Seen> runs() const {
    const std::lock_guard lock(mutex_);
    return runs_;
  }
  int finals() const { return finals_; }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Seen> runs_;
  int made_ = 0;
  std::atomic<int> finals_{0};
};

void run_once(TestClient& client, RunBook& book, int number) {
  const std::string session = book.open(number);
  testing::SseStream stream = client.open_stream(
      "/v1/run", boost::json::serialize(boost::json::object{
                     {"session_id", session}, {"corpus_id", "c1"}, {"message", book.question(session)}}));
  if (stream.head().status != 200) {
    ADD_FAILURE() << "a run was answered " << stream.head().status;
    return;
  }
  while (const auto frame = stream.next()) {
    const boost::json::value event = frame->json();
    if (const boost::json::value* type = event.as_object().if_contains("type"))
      book.saw(session, std::string(type->as_string()));
  }
}

void expect_consistent(TestClient& client, const std::string& session, const Seen& seen) {
  const Response got = client.get("/v1/sessions/" + session + "/messages");
  if (got.status == 404 && !seen.accepted) return;  // killed before it was opened
  ASSERT_EQ(got.status, 200) << session << (seen.final ? " (finished)" : "") << ": " << got.body;
  const boost::json::value body = got.json();
  const boost::json::array& turns = body.at("data").at("items").as_array();
  ASSERT_FALSE(turns.empty()) << session;
  EXPECT_EQ(turns[0].at("role"), "user");
  EXPECT_EQ(turns[0].at("content"), boost::json::string_view(seen.question));
  EXPECT_LE(turns.size(), 2U) << session;
  if (turns.size() == 2) {
    EXPECT_EQ(turns[1].at("role"), "assistant");
  }
  if (!seen.final) return;
  ASSERT_EQ(turns.size(), 2U) << session << " was answered to its end";
  EXPECT_EQ(turns[1].at("status"), "complete");
  EXPECT_EQ(turns[1].at("content"), "This is a fake response. ");
}

TEST(KillDuringRuns, KeepsEveryTurnThatWasSeen) {
  constexpr int kRounds = 5;
  Dice dice;
  Server server(Environment{{"SSE_FLUSH_INTERVAL_MS", "3"}});
  RunBook book;
  for (int round = 0; round < kRounds; ++round) {
    server.start();
    TestClient client = server.client();
    if (round == 0) {
      make_corpus(client, "c1");
      ASSERT_EQ(send_text(client, "c1", plan_document("gates", 50)).status, 202);
    }
    Crowd crowd(server, 12, [&](TestClient& c, int number) { run_once(c, book, number); });
    const int enough = book.finals() + dice.roll(5, 60);
    ASSERT_TRUE(eventually([&] { return book.finals() >= enough; })) << server.log();
    dice.pass_time(std::chrono::milliseconds(20));
    server.kill_hard();
    crowd.join();
  }
  server.start();
  TestClient client = server.client();
  for (const auto& [session, seen] : book.runs()) expect_consistent(client, session, seen);
  EXPECT_TRUE(audit_holds(client));
  ASSERT_TRUE(all_settled(client));
  EXPECT_EQ(server.stop(), 0);
  const StoredState stored(server.installation().database());
  EXPECT_EQ(stored.damage(server.installation().data()), std::vector<std::string>{});
  EXPECT_EQ(stored.number("SELECT count(*) FROM messages m WHERE role = 'user' AND NOT EXISTS"
                          " (SELECT 1 FROM audit_events e WHERE e.event_type = 'run.invoked'"
                          " AND json_extract(e.metadata_json, '$.session_id') = m.session_id)"),
            0)
      << "a turn and its audit event are one transaction";
}

TEST(KillDuringGroupCommits, KeepsEveryAcknowledgedWrite) {
  constexpr int kRounds = 4;
  constexpr int kWriters = 64;
  Dice dice;
  Server server(Environment{{"LANE_DB_THREADS", "64"}});
  std::mutex mutex;
  std::set<std::string> sent;
  std::set<std::string> acknowledged;
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return static_cast<int>(acknowledged.size());
  };
  for (int round = 0; round < kRounds; ++round) {
    server.start();
    std::atomic<int> made{0};
    Crowd crowd(server, kWriters, [&](TestClient& client, int) {
      const std::string id = "k" + std::to_string(round) + "-" + std::to_string(++made);
      {
        const std::lock_guard lock(mutex);
        sent.insert(id);
      }
      const Response got =
          client.post("/v1/corpora", boost::json::serialize(boost::json::object{{"id", id}, {"name", id}}));
      if (got.status != 201) ADD_FAILURE() << got.status << ": " << got.body;
      const std::lock_guard lock(mutex);
      acknowledged.insert(id);
    });
    const int enough = count() + dice.roll(20, 300);
    ASSERT_TRUE(eventually([&] { return count() >= enough; })) << server.log();
    dice.pass_time(std::chrono::milliseconds(10));
    server.kill_hard();
    crowd.join();
  }
  server.start();
  TestClient client = server.client();
  const boost::json::value listed = client.get("/v1/corpora").json();
  std::set<std::string> present;
  for (const boost::json::value& corpus : listed.at("data").as_array()) present.emplace(corpus.at("id").as_string());
  for (const std::string& id : acknowledged) EXPECT_TRUE(present.contains(id)) << id << " was acknowledged";
  for (const std::string& id : present) EXPECT_TRUE(sent.contains(id)) << id << " was never sent";
  EXPECT_TRUE(audit_holds(client));
  EXPECT_EQ(server.stop(), 0);
  const StoredState stored(server.installation().database());
  EXPECT_EQ(stored.number("SELECT count(*) FROM audit_events WHERE event_type = 'corpora.created'"),
            static_cast<std::int64_t>(present.size()))
      << "a write and its audit event are one transaction";
}

}  // namespace
}  // namespace nexus::e2e
