// A disk that runs full under the server: writes are refused in the catalogue's words, reads go on, nothing that was
// acknowledged is lost, and work goes on when there is space again.
#include "e2e/small_disk.h"
#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

#include <set>

namespace nexus::e2e {
namespace {

constexpr int kMegabytes = 48;
constexpr std::uintmax_t kLittle = 192 * 1024;

/// A refusal for want of space, or while the writer is at its limit.
::testing::AssertionResult refuses_clearly(const Response& got) {
  if (got.status != 507 && got.status != 503) return ::testing::AssertionFailure() << got.status << ": " << got.body;
  const std::string code(got.json().at("error").at("code").as_string());
  if (code != "INSUFFICIENT_STORAGE" && code != "SERVICE_UNAVAILABLE" && code != "SERVICE_BUSY")
    return ::testing::AssertionFailure() << got.body;
  return ::testing::AssertionSuccess();
}

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "this needs the right to mount a small file system";
    server_ = std::make_unique<Server>(Environment{{"INGEST_MAX_RETRIES", "3"}, {"JOB_BACKOFF_MS", "50"}},
                                       disk_.path() / "data");
    server_->start();
    TestClient client = server_->client();
    make_corpus(client, "c1");
    for (int i = 0; i < 5; ++i) {
      documents_.push_back(plan_document("before" + std::to_string(i), 100));
      ASSERT_EQ(send_text(client, "c1", documents_.back()).status, 202);
    }
    ASSERT_TRUE(all_settled(client));
  }

  /// Everything acknowledged so far is there and whole, and what is stored is sound.
  void expect_all_whole() {
    TestClient client = server_->client();
    ASSERT_TRUE(all_settled(client)) << server_->log();
    for (const Planned& document : documents_) EXPECT_TRUE(is_whole(client, "c1", document));
    EXPECT_TRUE(audit_holds(client));
  }

  void expect_sound_after_stop() {
    EXPECT_EQ(server_->stop(), 0);
    EXPECT_EQ(StoredState(server_->installation().database()).damage(server_->installation().data()),
              std::vector<std::string>{});
    const Finished verified = server_->installation().command({"audit", "verify", "--tenant", "t1"});
    EXPECT_EQ(verified.code, 0) << verified.output;
  }

  SmallDisk disk_{kMegabytes};
  std::unique_ptr<Server> server_;
  std::vector<Planned> documents_;
};

TEST_F(FullDisk, RefusesWritesReadsOnAndGoesOnWhenThereIsSpaceAgain) {
  TestClient client = server_->client();
  disk_.fill(kLittle);
  // Until the space is gone; what is still accepted must survive what follows.
  int refused = 0;
  for (int i = 0; i < 200 && refused < 5; ++i) {
    const Planned document = plan_document("during" + std::to_string(i), 600);
    const Response got = i % 2 == 0 ? send_text(client, "c1", document)
                                    : send_file(client, "c1", document, "a.md", "text/markdown", document.text);
    if (got.status == 202) {
      documents_.push_back(document);
      continue;
    }
    EXPECT_TRUE(refuses_clearly(got));
    ++refused;
  }
  EXPECT_GT(refused, 0);
  disk_.fill(0);
  Response corpus{.status = 201, .version = {}, .headers = {}, .body = {}};
  for (int i = 0; i < 1000 && corpus.status == 201; ++i)  // the log has room that was taken earlier
    corpus = client.post("/v1/corpora", R"({"name":")" + std::string(200, 'n') + R"("})");
  EXPECT_TRUE(refuses_clearly(corpus));
  const Planned large = plan_document("large", 30'000);
  EXPECT_TRUE(refuses_clearly(send_file(client, "c1", large, "a.md", "text/markdown", large.text)));

  EXPECT_EQ(client.get("/readyz").status, 200);
  EXPECT_EQ(client.get("/v1/documents").status, 200);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(is_whole(client, "c1", documents_[static_cast<std::size_t>(i)]));

  disk_.free();
  const Planned after = plan_document("after", 100);
  ASSERT_TRUE(eventually([&] { return send_text(client, "c1", after).status / 100 == 2; }));
  documents_.push_back(after);
  expect_all_whole();
  expect_sound_after_stop();
}

TEST_F(FullDisk, DoesNotGiveUpWorkThatItHadAccepted) {
  TestClient client = server_->client();
  // Room for the source and its rows, not for the chunks with their vectors.
  documents_.push_back(plan_document("patient", 12'000));
  disk_.fill(documents_.back().text.size() + 256 * 1024);
  ASSERT_EQ(send_text(client, "c1", documents_.back()).status, 202);
  const auto waits = [&] {
    const std::string log = server_->log();
    std::size_t count = 0;
    for (std::size_t at = log.find("job waits"); at != std::string::npos; at = log.find("job waits", at + 1)) ++count;
    // More often than a job may fail, or until not even a claim finds room: then it waits in the queue.
    return count > 5 || (count > 0 && log.find("worker cannot reach its queue") != std::string::npos);
  };
  ASSERT_TRUE(eventually(waits)) << server_->log();
  EXPECT_NE(status_of(client, "patient"), "failed");
  disk_.free();
  expect_all_whole();
  expect_sound_after_stop();
}

TEST_F(FullDisk, TellsRunsThatTheyCannotBeStored) {
  TestClient client = server_->client();
  disk_.fill(0);
  const auto run = [&](const std::string& session) {
    testing::SseStream stream = client.open_stream(
        "/v1/run", boost::json::serialize(boost::json::object{
                       {"session_id", session}, {"corpus_id", "c1"}, {"message", std::string(20'000, 'x')}}));
    std::vector<std::string> types;
    if (stream.head().status != 200) return std::pair(stream.head().status, std::string());
    const std::vector<testing::SseFrame> frames = stream.rest();
    std::string code;
    for (const testing::SseFrame& frame : frames) {
      const boost::json::value event = frame.json();
      if (event.at("type") == "error") code = std::string(event.at("data").at("code").as_string());
    }
    EXPECT_EQ(frames.back().json().at("type"), "done");
    return std::pair(200, code);
  };
  std::string code;
  for (int i = 0; i < 2000 && code.empty(); ++i) {
    const auto [status, error] = run("s" + std::to_string(i));
    ASSERT_EQ(status, 200);
    code = error;
  }
  EXPECT_EQ(code, "DB_ERROR");
  EXPECT_EQ(client.get("/v1/documents").status, 200);
  disk_.free();
  EXPECT_TRUE(eventually([&] { return run("later").second.empty(); }));
  expect_all_whole();
  expect_sound_after_stop();
}

TEST_F(FullDisk, KilledWhileFullStartsAgainAndFinishesWhatWasAccepted) {
  TestClient client = server_->client();
  disk_.fill(kLittle);
  for (int i = 0; i < 200; ++i) {
    const Planned document = plan_document("during" + std::to_string(i), 400);
    const Response got = send_text(client, "c1", document);
    if (got.status != 202) break;
    documents_.push_back(document);
  }
  server_->kill_hard();
  disk_.free();
  server_->start();
  expect_all_whole();
  expect_sound_after_stop();
}

}  // namespace
}  // namespace nexus::e2e
