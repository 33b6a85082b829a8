#include "modules/rag/redis_run_log.h"

#include "base/time.h"
#include "modules/rag/resume_fixture.h"
#include "modules/rag/run_log.h"
#include "redis/server_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using redis::testing::eventually;
using redis::testing::kMs;
using redis::testing::kSecond;
using redis::testing::Server;
using redis::testing::TestClient;
using State = SharedRun::State;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Timestamp kBegin{1'000'000'000};
constexpr std::int64_t kTtl = 60 * kSecond;
const RunIdentity kRun{.tenant = "t1", .subject = "u1", .session = "s1", .question = "why do leaves fall?"};

RedisRunLogOptions options_for(std::string prefix) {
  RedisRunLogOptions options;
  options.prefix = std::move(prefix);
  options.secret = Secret("the pepper of all replicas");
  options.ttl_us = kTtl;
  return options;
}

/// A server process as far as runs go.
struct Replica {
  Replica(const std::string& url, RedisRunLogOptions options)
      : link(url), store(link.client, std::move(options), link.metrics), logs(kTtl, std::size_t{1} << 24, &store) {}

  std::shared_ptr<RunLog> begin(const RunIdentity& run = kRun) {
    return logs.open(run.tenant, run.subject, run.session, kBegin, run.question);
  }
  [[nodiscard]] std::shared_ptr<SharedRun> find(const RunIdentity& run = kRun) {
    return logs.find_anywhere(run, kBegin).shared;
  }
  [[nodiscard]] std::uint64_t lost() {
    return static_cast<std::uint64_t>(link.metrics.counter("nexusrag_run_sharing_lost_total").value());
  }

  TestClient link;
  RedisRunLog store;
  RunLogs logs;
};

SharedRun::Part next(SharedRun& run) {
  std::promise<SharedRun::Part> promise;
  run.next([&](SharedRun::Part part) { promise.set_value(std::move(part)); });
  return promise.get_future().get();
}

/// Everything until the run ends, as a resumed stream reads it.
SharedRun::Part rest(SharedRun& run) {
  SharedRun::Part all;
  const bool ended = eventually([&] {
    SharedRun::Part part = next(run);
    for (std::string& frame : part.frames) all.frames.push_back(std::move(frame));
    all.state = part.state;
    return part.state != State::kRunning;
  });
  EXPECT_TRUE(ended);
  return all;
}

class RedisRunLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto given = redis::testing::shared_url();
    if (!given) GTEST_SKIP() << "NEXUSRAG_TEST_REDIS names no server";
    url = *given;
    here = start();
    there = start();
  }
  void TearDown() override {
    if (!here) return;
    for (const std::string& key : keys()) (void)here->link.call({"DEL", key});
  }

  [[nodiscard]] std::unique_ptr<Replica> start() { return start(options_for(prefix)); }
  [[nodiscard]] std::unique_ptr<Replica> start(RedisRunLogOptions options) {
    auto replica = std::make_unique<Replica>(url, std::move(options));
    EXPECT_TRUE(replica->link.client.wait_until_up(5 * kSecond));
    return replica;
  }
  [[nodiscard]] std::shared_ptr<SharedRun> found_there(const RunIdentity& run = kRun) {
    std::shared_ptr<SharedRun> found;
    EXPECT_TRUE(eventually([&] { return (found = there->find(run)) != nullptr; }));
    return found;
  }
  [[nodiscard]] std::vector<std::string> keys() {
    std::vector<std::string> names;
    std::string cursor = "0";
    do {
      const redis::Reply reply = here->link.call({"SCAN", cursor, "MATCH", prefix + "*", "COUNT", "1000"});
      if (!reply.ok()) break;
      cursor = reply.value.items.at(0).text;
      for (const redis::Value& key : reply.value.items.at(1).items) names.push_back(key.text);
    } while (cursor != "0");
    return names;
  }
  /// All bytes of the one run that is there.
  [[nodiscard]] std::string stored() {
    std::string all;
    for (const redis::Value& element : here->link.call({"LRANGE", keys().at(0), "0", "-1"}).value.items)
      all += element.text;
    return all;
  }

  const std::string prefix = redis::testing::random_prefix();
  std::string url;
  std::unique_ptr<Replica> here;
  std::unique_ptr<Replica> there;
};

TEST_F(RedisRunLogTest, AnotherReplicaReadsEveryFrameInOrder) {
  const auto log = here->begin();
  std::vector<std::string> said;
  for (int i = 0; i < 500; ++i) {
    said.push_back("id: " + std::to_string(i) + "\ndata: {\"delta\":\"" +
                   std::string(static_cast<std::size_t>(i), 'x') + "\"}\n\n");
    log->append(said.back());
  }
  log->finish(true);
  const auto run = found_there();
  ASSERT_TRUE(run);
  const SharedRun::Part all = rest(*run);
  EXPECT_EQ(all.frames, said);
  EXPECT_EQ(all.state, State::kComplete);
}

TEST_F(RedisRunLogTest, ARunIsFollowedWhileItIsWritten) {
  const auto log = here->begin();
  const auto run = found_there();
  ASSERT_TRUE(run);
  EXPECT_THAT(next(*run).frames, IsEmpty());
  std::vector<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    log->append(std::to_string(i));
    ASSERT_TRUE(eventually([&] {
      const SharedRun::Part part = next(*run);
      EXPECT_EQ(part.state, State::kRunning);
      seen.insert(seen.end(), part.frames.begin(), part.frames.end());
      return seen.size() == static_cast<std::size_t>(i) + 1;
    }));
    ASSERT_EQ(seen.back(), std::to_string(i));
  }
  log->finish(false);
  EXPECT_EQ(rest(*run).state, State::kCut);
}

TEST_F(RedisRunLogTest, AResumedStreamAtAnotherReplicaFollowsTheRunToItsEnd) {
  const auto log = here->begin();
  for (const char* frame : {"one", "two", "three"}) log->append(frame);
  const FoundRun found{.local = nullptr, .shared = found_there()};
  ASSERT_TRUE(found.shared);
  int seen = 0;
  const std::vector<std::string> frames = rag::testing::read_on(found, 1, {.on_frame = [&] {
                                                                  if (++seen == 2) log->append("four");
                                                                  if (seen != 3) return;
                                                                  log->append("done");
                                                                  log->finish(true);
                                                                }});
  EXPECT_THAT(frames, ElementsAre("two", "three", "four", "done"));
}

TEST_F(RedisRunLogTest, AThousandBatchesAreReadInSeveralAnswers) {
  auto options = options_for(prefix);
  options.max_batch_bytes = 64;
  here = start(options);
  const auto log = here->begin();
  for (int i = 0; i < 1000; ++i) log->append("frame " + std::to_string(i) + std::string(20, '.'));
  log->finish(true);
  const auto run = found_there();
  ASSERT_TRUE(run);
  const SharedRun::Part all = rest(*run);
  ASSERT_EQ(all.frames.size(), 1000U);
  EXPECT_THAT(all.frames[999], HasSubstr("frame 999."));
}

TEST_F(RedisRunLogTest, OnlyWhoRepeatsTenantSubjectSessionAndQuestionFindsIt) {
  const auto log = here->begin();
  ASSERT_TRUE(found_there());
  for (const RunIdentity& other :
       {RunIdentity{"t2", "u1", "s1", kRun.question}, RunIdentity{"t1", "u2", "s1", kRun.question},
        RunIdentity{"t1", "u1", "s2", kRun.question}, RunIdentity{"t1", "u1", "s1", "why?"},
        RunIdentity{"t1", "u1s1", "", kRun.question}})
    EXPECT_FALSE(there->find(other)) << other.tenant << other.subject << other.session << other.question;
}

TEST_F(RedisRunLogTest, RedisHoldsNoReadableWordOfIt) {
  const auto log = here->begin({"t1", "user-secret", "session-secret", "question-secret"});
  log->append("answer-secret");
  log->finish(true);
  const auto run = found_there({"t1", "user-secret", "session-secret", "question-secret"});
  ASSERT_TRUE(run);
  ASSERT_THAT(rest(*run).frames, ElementsAre("answer-secret"));
  ASSERT_EQ(keys().size(), 1U);
  EXPECT_THAT(keys()[0] + stored(), Not(HasSubstr("secret")));
  EXPECT_THAT(keys()[0], HasSubstr(":{t1}:"));
}

TEST_F(RedisRunLogTest, AReplicaWithAnotherSecretFindsNothing) {
  const auto log = here->begin();
  ASSERT_TRUE(found_there());
  auto options = options_for(prefix);
  options.secret = Secret("another pepper");
  EXPECT_FALSE(start(options)->find());
}

TEST_F(RedisRunLogTest, ElementsThatWereMovedOrAlteredEndTheReplay) {
  const auto log = here->begin();
  log->append("one");
  const auto run = found_there();
  ASSERT_TRUE(run);
  ASSERT_TRUE(eventually([&] { return here->link.say({"LLEN", keys().at(0)}) == "2"; }));
  const std::string first = here->link.say({"LINDEX", keys().at(0), "1"});
  (void)here->link.call({"RPUSH", keys().at(0), first});
  const SharedRun::Part part = next(*run);
  EXPECT_THAT(part.frames, ElementsAre("one")) << "its copy stands at another place";
  EXPECT_EQ(part.state, State::kCut);
}

TEST_F(RedisRunLogTest, ANewerRunReplacesTheOlderWhichCannotWriteIntoIt) {
  const auto older = here->begin();
  older->append("old");
  const auto old_run = found_there();
  ASSERT_TRUE(old_run);
  const auto newer = there->begin();
  newer->append("new");
  newer->finish(true);
  ASSERT_TRUE(eventually([&] { return next(*old_run).state == State::kCut; }));
  older->append("late");
  older->finish(true);
  const auto run = here->find();
  ASSERT_TRUE(run) << "ours is the older one";
  EXPECT_THAT(rest(*run).frames, ElementsAre("new"));
  EXPECT_EQ(here->lost(), 0U);
}

TEST_F(RedisRunLogTest, ExpiresWithItsTimeAndIsNotRenewed) {
  auto options = options_for(prefix);
  options.ttl_us = 1000 * kMs;
  here = start(options);
  const auto log = here->begin();
  const auto run = found_there();
  ASSERT_TRUE(run);
  EXPECT_TRUE(eventually([&] {
    log->append("still talking");
    return keys().empty();
  }));
  EXPECT_EQ(rest(*run).state, State::kCut);
  log->append("more");
  log->finish(true);
  EXPECT_TRUE(keys().empty());
}

TEST_F(RedisRunLogTest, ASilentRunHasLostItsReplica) {
  auto options = options_for(prefix);
  options.silence_us = 300 * kMs;
  there = start(options);
  const auto log = here->begin();
  log->append("one");
  const auto run = found_there();
  ASSERT_TRUE(run);
  const SharedRun::Part all = rest(*run);
  EXPECT_THAT(all.frames, ElementsAre("one"));
  EXPECT_EQ(all.state, State::kCut);
}

TEST_F(RedisRunLogTest, ARunThatGrowsTooLargeIsTakenBack) {
  auto options = options_for(prefix);
  options.max_run_bytes = 1000;
  here = start(options);
  const auto log = here->begin();
  ASSERT_TRUE(found_there());
  for (int i = 0; i < 20; ++i) log->append(std::string(100, 'x'));
  EXPECT_TRUE(eventually([&] { return keys().empty(); }));
  EXPECT_EQ(here->lost(), 1U);
  EXPECT_EQ(log->after(0).frames.size(), 20U);
  EXPECT_EQ(here->logs.find_anywhere(kRun, kBegin).local, log);
}

TEST_F(RedisRunLogTest, NeedsASecret) {
  EXPECT_THROW(RedisRunLog(here->link.client, RedisRunLogOptions{}, here->link.metrics), std::invalid_argument);
}

// ---- a server of its own, which is lost

class LostRedisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!redis::testing::shared_url()) GTEST_SKIP() << "NEXUSRAG_TEST_REDIS names no server";
    if (!redis::testing::in_path("redis-server")) GTEST_SKIP() << "there is no redis-server";
    server = std::make_unique<Server>();
    here = std::make_unique<Replica>(server->url(), options_for("x"));
    there = std::make_unique<Replica>(server->url(), options_for("x"));
    ASSERT_TRUE(here->link.client.wait_until_up(5 * kSecond) && there->link.client.wait_until_up(5 * kSecond));
  }
  std::unique_ptr<Server> server;
  std::unique_ptr<Replica> here;
  std::unique_ptr<Replica> there;
};

TEST_F(LostRedisTest, TheRunGoesOnAndItsReaderElsewhereIsTold) {
  const auto log = here->begin();
  log->append("one");
  std::shared_ptr<SharedRun> run;
  ASSERT_TRUE(eventually([&] { return (run = there->find()) != nullptr; }));
  ASSERT_TRUE(eventually([&] { return !next(*run).frames.empty(); }));
  server->kill();
  ASSERT_TRUE(eventually([&] {
    log->append("on");
    return here->lost() == 1;
  }));
  const std::size_t said = log->after(0).frames.size();
  for (int i = 0; i < 10'000; ++i) log->append("and on");
  log->finish(true);
  EXPECT_EQ(log->after(0).frames.size(), said + 10'000);
  EXPECT_EQ(here->lost(), 1U) << "once a run";
  EXPECT_EQ(rest(*run).state, State::kCut);
  EXPECT_EQ(here->logs.find_anywhere(kRun, kBegin).local, log);
  EXPECT_FALSE(there->find());
}

TEST_F(LostRedisTest, AResumedStreamEndsHonestlyBehindWhatWasSaid) {
  const auto log = here->begin();
  log->append("one");
  FoundRun found;
  ASSERT_TRUE(eventually([&] { return (found.shared = there->find()) != nullptr; }));
  const std::vector<std::string> frames = rag::testing::read_on(found, 0, {.on_frame = [&] { server->kill(); }});
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0], "one");
  EXPECT_THAT(frames[1], HasSubstr("id: 2\ndata: {\"type\":\"resume.unsupported\""));
  EXPECT_THAT(frames[2], HasSubstr("\"type\":\"done\""));
}

TEST_F(LostRedisTest, RunsAreSharedAgainWhenItComesBack) {
  server->kill();
  ASSERT_TRUE(eventually([&] { return !here->link.client.up() && !there->link.client.up(); }));
  const auto lost = here->begin();
  lost->append("nobody else hears this");
  server->start();
  ASSERT_TRUE(here->link.client.wait_until_up(5 * kSecond) && there->link.client.wait_until_up(5 * kSecond));
  const auto log = here->begin();
  log->append("but this");
  log->finish(true);
  std::shared_ptr<SharedRun> run;
  ASSERT_TRUE(eventually([&] { return (run = there->find()) != nullptr; }));
  EXPECT_THAT(rest(*run).frames, ElementsAre("but this"));
}

TEST_F(LostRedisTest, WhatIsLeftOfARunThatGotLostIsTakenBackWhenItEnds) {
  auto options = options_for("x");
  options.write_timeout_us = 200 * kMs;
  here = std::make_unique<Replica>(server->url(), options);
  ASSERT_TRUE(here->link.client.wait_until_up(5 * kSecond));
  const auto log = here->begin();
  std::shared_ptr<SharedRun> run;
  ASSERT_TRUE(eventually([&] { return (run = there->find()) != nullptr; }));
  server->freeze();
  log->append("too late");
  ASSERT_TRUE(eventually([&] { return here->lost() == 1; }));
  server->thaw();
  ASSERT_TRUE(eventually([&] { return here->link.say({"PING"}) == "PONG"; }));
  EXPECT_TRUE(there->find());
  log->finish(true);
  EXPECT_TRUE(eventually([&] { return !there->find(); }));
}

TEST_F(LostRedisTest, AHangingServerHoldsNobodyUp) {
  const auto log = here->begin();
  server->freeze();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) log->append("a frame of some forty bytes, more or less");
  log->finish(true);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900)) << "nothing waited for Redis";
  server->thaw();
  EXPECT_EQ(log->after(0).frames.size(), 1'000U);
}

TEST_F(LostRedisTest, WritersAndReadersOutliveTheStore) {
  auto store = std::make_unique<RedisRunLog>(here->link.client, options_for("y"), here->link.metrics);
  const auto writer = store->open(kRun);
  std::shared_ptr<SharedRun> run;
  ASSERT_TRUE(eventually([&] { return (run = store->find(kRun).run) != nullptr; }));
  store.reset();
  writer->append("into nothing");
  writer->finish(true);
  EXPECT_EQ(rest(*run).state, State::kCut);
}

}  // namespace
}  // namespace nexus::rag
