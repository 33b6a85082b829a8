// Two servers, a worker, one PostgreSQL and Redis: a reader does not notice which server it speaks to, nor that they
// are replaced one after another.
#include "e2e/scaled_kit.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nexus::e2e {
namespace {

std::string ask(std::string_view session) {
  return boost::json::serialize(boost::json::object{
      {"session_id", session}, {"corpus_id", "c1"}, {"message", "What are the release gates of seed?"}});
}

class ScaledRuns : public ScaledTest {
 protected:
  Environment changes() const override { return {{"SSE_FLUSH_INTERVAL_MS", "100"}, {"JOB_LEASE_S", "5"}}; }

  void start_with_a_document() {
    start_all();
    TestClient client = fleet().client();
    ASSERT_EQ(send_text(client, "c1", plan_document("seed", 60)).status, 202);
    ASSERT_TRUE(all_settled(client)) << fleet().logs();
  }
};

TEST_F(ScaledRuns, ARunStartedOnOneReplicaIsReadOnFromAnother) {
  start_with_a_document();
  TestClient first = fleet().client(0);
  const std::vector<testing::SseFrame> all = first.open_stream("/v1/run", ask("s1")).rest();
  ASSERT_GT(all.size(), 3U);
  ASSERT_EQ(all.back().json().at("type"), "done");
  for (std::size_t seen = 1; seen < all.size(); ++seen) {
    TestClient second = fleet().client(1);
    const std::vector<testing::SseFrame> tail =
        second.open_stream("/v1/run", ask("s1"), {{"Last-Event-ID", all[seen - 1].id}}).rest();
    ASSERT_EQ(tail.size(), all.size() - seen) << "after " << seen << " frames of " << all.size();
    for (std::size_t i = 0; i < tail.size(); ++i) {
      EXPECT_EQ(tail[i].id, all[seen + i].id);
      EXPECT_EQ(tail[i].data, all[seen + i].data);
    }
  }
}

TEST_F(ScaledRuns, ARunWhoseReplicaDiedAfterItsEndIsReadOnFromTheOther) {
  start_with_a_document();
  TestClient first = fleet().client(0);
  const std::vector<testing::SseFrame> all = first.open_stream("/v1/run", ask("s1")).rest();
  ASSERT_EQ(all.back().json().at("type"), "done");
  TestClient second = fleet().client(1);
  const auto tail_is_whole = [&] {
    const std::vector<testing::SseFrame> tail =
        second.open_stream("/v1/run", ask("s1"), {{"Last-Event-ID", all.front().id}}).rest();
    ASSERT_EQ(tail.size() + 1, all.size());
    for (std::size_t i = 0; i < tail.size(); ++i) EXPECT_EQ(tail[i].data, all[i + 1].data);
  };
  tail_is_whole();  // the last frames may be on their way to Redis until now
  fleet().kill_replica(0);
  tail_is_whole();
}

TEST_F(ScaledRuns, ARollingRestartDropsNoRequestAndNoJob) {
  constexpr int kPerSecond = 60;
  start_with_a_document();
  Ledger ledger;
  SteadyLoad load(fleet(), kPerSecond, [&](TestClient& client, int number) {
    if (number % 10 == 0) {
      const Planned document = ledger.next(number, 40);
      Response got = send_text(client, "c1", document);
      if (got.status == 202) ledger.acknowledged(number);
      return got;
    }
    if (number % 4 != 0) return client.get("/v1/corpora");
    Response got = client.post("/v1/run", ask(fmt::format("rolling-{}", number)));
    if (got.body.find("message.final") == std::string::npos) got.status = 599;
    return got;
  });
  ASSERT_TRUE(load.more_succeed(kPerSecond)) << fleet().logs();
  for (std::size_t replica = 0; replica < 2; ++replica) {
    EXPECT_EQ(fleet().stop_replica(replica), 0) << fleet().logs();
    fleet().start_replica(replica);
    fleet().start_worker(1);
    EXPECT_EQ(fleet().stop_worker(0), 0) << fleet().logs();
    fleet().start_worker(0);
    EXPECT_EQ(fleet().stop_worker(1), 0) << fleet().logs();
    EXPECT_TRUE(load.more_succeed(kPerSecond)) << fleet().logs();
  }
  const std::vector<SteadyLoad::Sample> samples = load.stop();
  EXPECT_EQ(failures(samples, TimePoint::min(), TimePoint::max()), std::vector<std::string>{});
  TestClient client = fleet().client(0);
  ASSERT_TRUE(all_settled(client)) << fleet().logs();
  for (const Planned& document : ledger.stored()) EXPECT_TRUE(is_whole(client, "c1", document));
  EXPECT_TRUE(audit_holds(client));
  EXPECT_EQ(fleet().damage(), std::vector<std::string>{});
}

}  // namespace
}  // namespace nexus::e2e
