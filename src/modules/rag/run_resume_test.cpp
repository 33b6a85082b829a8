// Two replicas that share their runs: what RunLogs and ResumeStream make of a store, with one that is in memory.
#include "modules/rag/resume_fixture.h"
#include "modules/rag/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using rag::testing::read_on;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using State = SharedRun::State;

constexpr Timestamp kBegin{1'000'000'000};
constexpr std::int64_t kTtl = 300 * Timestamp::kSecond;
constexpr std::size_t kPlenty = std::size_t{1} << 20;
const RunIdentity kRun{.tenant = "t1", .subject = "u1", .session = "s1", .question = "why?"};

/// Keeps runs where all replicas of a test see them. One thread.
class MemoryStore final : public RunLogStore {
 public:
  struct Kept {
    std::string token;
    std::string question;
    std::vector<std::string> frames;
    State state = State::kRunning;
  };

  std::shared_ptr<SharedRunWriter> open(const RunIdentity& run) override {
    auto kept = std::make_shared<Kept>(Kept{"token" + std::to_string(++opened), std::string(run.question), {}, {}});
    if (!away) runs[name_of(run)] = kept;
    return std::make_shared<Writer>(*this, std::move(kept), name_of(run), away);
  }
  Found find(const RunIdentity& run) override {
    ++looks;
    if (away) return {};
    const auto at = runs.find(name_of(run));
    if (at == runs.end()) return {.answered = true, .token = {}, .run = nullptr};
    Found found{.answered = true, .token = at->second->token, .run = nullptr};
    if (at->second->question == run.question) found.run = std::make_shared<Reader>(*this, at->second);
    return found;
  }

  std::map<std::string, std::shared_ptr<Kept>> runs;
  std::function<void()> on_read;
  bool away = false;
  int opened = 0;
  int looks = 0;

 private:
  static std::string name_of(const RunIdentity& run) {
    return std::string(run.tenant) + "/" + std::string(run.subject) + "/" + std::string(run.session);
  }
  class Writer final : public SharedRunWriter {
   public:
    Writer(MemoryStore& store, std::shared_ptr<Kept> kept, std::string name, bool lost)
        : store_(store), kept_(std::move(kept)), name_(std::move(name)), lost_(lost) {}
    void append(std::string_view frame) override { kept_->frames.emplace_back(frame); }
    void finish(bool complete) override { kept_->state = complete ? State::kComplete : State::kCut; }
    void withdraw() override { store_.runs.erase(name_); }
    [[nodiscard]] std::string_view token() const override { return kept_->token; }
    [[nodiscard]] bool lost() const override { return lost_; }

   private:
    MemoryStore& store_;
    std::shared_ptr<Kept> kept_;
    std::string name_;
    bool lost_;
  };
  class Reader final : public SharedRun {
   public:
    Reader(MemoryStore& store, std::shared_ptr<Kept> kept) : store_(store), kept_(std::move(kept)) {}
    void next(std::function<void(Part)> done) override {
      if (store_.on_read) store_.on_read();
      if (store_.away) return done({.frames = {}, .state = State::kCut});
      Part part{.frames = {}, .state = kept_->state};
      while (at_ < kept_->frames.size() && part.frames.size() < 2) part.frames.push_back(kept_->frames[at_++]);
      part.more = at_ < kept_->frames.size();
      if (part.more) part.state = State::kRunning;
      done(std::move(part));
    }

   private:
    MemoryStore& store_;
    std::shared_ptr<Kept> kept_;
    std::size_t at_ = 0;
  };
};

struct Replicas {
  MemoryStore store;
  RunLogs here{kTtl, kPlenty, &store};
  RunLogs there{kTtl, kPlenty, &store};

  std::shared_ptr<RunLog> begin(RunLogs& logs, const RunIdentity& run = kRun) {
    return logs.open(run.tenant, run.subject, run.session, kBegin, run.question);
  }
  std::vector<std::string> resume(RunLogs& logs, std::uint64_t after) {
    return read_on(logs.find_anywhere(kRun, kBegin + 1), after);
  }
};

TEST(SharedRuns, AnotherReplicaReplaysWhatFollowsTheLastEvent) {
  Replicas r;
  const auto log = r.begin(r.here);
  for (const char* frame : {"one", "two", "three", "four", "done"}) log->append(frame);
  log->finish(true);
  EXPECT_THAT(r.resume(r.there, 2), ElementsAre("three", "four", "done"));
  EXPECT_THAT(r.resume(r.there, 0), ElementsAre("one", "two", "three", "four", "done"));
  EXPECT_THAT(r.resume(r.there, 5), ElementsAre());
}

TEST(SharedRuns, ARunThatIsGoingOnIsFollowedToItsEnd) {
  Replicas r;
  const auto log = r.begin(r.here);
  log->append("one");
  int reads = 0;
  r.store.on_read = [&] {
    if (++reads == 2) log->append("two");
    if (reads == 4) {
      log->append("done");
      log->finish(true);
    }
  };
  EXPECT_THAT(r.resume(r.there, 0), ElementsAre("one", "two", "done"));
}

TEST(SharedRuns, ARunThatWasCutShortSaysSoBehindWhatWasSaid) {
  Replicas r;
  const auto log = r.begin(r.here);
  for (const char* frame : {"one", "two"}) log->append(frame);
  log->finish(false);
  const std::vector<std::string> frames = r.resume(r.there, 1);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0], "two");
  EXPECT_THAT(frames[1], HasSubstr("\"type\":\"resume.unsupported\""));
  EXPECT_THAT(frames[1], HasSubstr("id: 3\n"));
  EXPECT_THAT(frames[2], HasSubstr("\"type\":\"done\""));
}

TEST(SharedRuns, AnUnknownRunIsRefusedWithNumbersFromOne) {
  Replicas r;
  const std::vector<std::string> frames = r.resume(r.there, 7);
  ASSERT_EQ(frames.size(), 2U);
  EXPECT_THAT(frames[0], HasSubstr("id: 1\n"));
}

TEST(SharedRuns, AStoreThatIsLostInTheMiddleEndsTheReplayHonestly) {
  Replicas r;
  const auto log = r.begin(r.here);
  log->append("one");
  int reads = 0;
  r.store.on_read = [&] { r.store.away = ++reads > 1; };
  const std::vector<std::string> frames = r.resume(r.there, 0);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_THAT(frames[1], HasSubstr("resume.unsupported"));
  log->append("two");
  log->finish(true);
  EXPECT_THAT(log->after(0).frames, ElementsAre("one", "two")) << "the run itself is not harmed";
}

TEST(SharedRuns, AReaderThatLeavesEndsTheFollowing) {
  Replicas r;
  (void)r.begin(r.here);
  EXPECT_THROW(read_on(r.there.find_anywhere(kRun, kBegin), 0, {.gone = true}), http::ClientGone);
}

TEST(SharedRuns, AreFoundOnlyByWhoAskedTheSame) {
  Replicas r;
  (void)r.begin(r.here);
  EXPECT_TRUE(r.there.find_anywhere(kRun, kBegin).shared);
  for (const RunIdentity& other : {RunIdentity{"t2", "u1", "s1", "why?"}, RunIdentity{"t1", "u2", "s1", "why?"},
                                   RunIdentity{"t1", "u1", "s2", "why?"}, RunIdentity{"t1", "u1", "s1", "how?"}}) {
    const FoundRun found = r.there.find_anywhere(other, kBegin);
    EXPECT_FALSE(found.local || found.shared);
  }
}

TEST(SharedRuns, OurOwnRunIsReadFromMemory) {
  Replicas r;
  const auto log = r.begin(r.here);
  const FoundRun found = r.here.find_anywhere(kRun, kBegin);
  EXPECT_EQ(found.local, log);
  EXPECT_FALSE(found.shared);
}

TEST(SharedRuns, ANewerRunElsewhereReplacesOursEvenForTheSameQuestion) {
  Replicas r;
  const auto older = r.begin(r.here);
  older->append("the older answer");
  older->finish(true);
  const auto newer = r.begin(r.there);
  newer->append("the newer answer");
  newer->finish(true);
  EXPECT_THAT(r.resume(r.here, 0), ElementsAre("the newer answer"));
  (void)r.begin(r.there, {"t1", "u1", "s1", "something else"});
  const FoundRun found = r.here.find_anywhere(kRun, kBegin);
  EXPECT_FALSE(found.local || found.shared);
}

TEST(SharedRuns, WithoutTheStoreOurOwnRunsGoOn) {
  Replicas r;
  const auto log = r.begin(r.here);
  r.store.away = true;
  EXPECT_EQ(r.here.find_anywhere(kRun, kBegin).local, log);
  const FoundRun found = r.there.find_anywhere(kRun, kBegin);
  EXPECT_FALSE(found.local || found.shared);
}

TEST(SharedRuns, ARunThatCouldNotBeSharedIsNewerThanWhatTheStoreHolds) {
  Replicas r;
  (void)r.begin(r.there);
  r.store.away = true;
  const auto log = r.begin(r.here);
  r.store.away = false;
  EXPECT_EQ(r.here.find_anywhere(kRun, kBegin).local, log);
}

TEST(SharedRuns, WhatTheMemoryBudgetEvictsIsWithdrawn) {
  MemoryStore store;
  RunLogs logs(kTtl, 1000, &store);
  logs.open("t1", "u1", "s1", kBegin)->append(std::string(2000, 'x'));
  EXPECT_TRUE(store.runs.contains("t1/u1/s1"));
  (void)logs.open("t1", "u1", "s2", kBegin + 1);
  EXPECT_FALSE(store.runs.contains("t1/u1/s1"));
  EXPECT_TRUE(store.runs.contains("t1/u1/s2"));
}

TEST(SharedRuns, AnExpiredRunIsLeftToTheStoresOwnClock) {
  MemoryStore store;
  RunLogs logs(kTtl, kPlenty, &store);
  (void)logs.open("t1", "u1", "s1", kBegin);
  (void)logs.open("t1", "u1", "s2", kBegin + kTtl + 1);
  EXPECT_TRUE(store.runs.contains("t1/u1/s1"));
}

TEST(SharedRuns, WithoutResumingNothingIsShared) {
  MemoryStore store;
  EXPECT_EQ(RunLogs(0, kPlenty, &store).open("t", "u", "s", kBegin), nullptr);
  EXPECT_EQ(store.opened, 0);
  RunLogs alone(kTtl, kPlenty);
  EXPECT_EQ(alone.open("t", "u", "s", kBegin)->shared(), nullptr);
}

}  // namespace
}  // namespace nexus::rag
