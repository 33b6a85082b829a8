#include "modules/rag/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace nexus::rag {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Timestamp kBegin{1'000'000'000};
constexpr std::int64_t kTtl = 300 * Timestamp::kSecond;
constexpr std::size_t kPlenty = std::size_t{1} << 20;

TEST(RunLog, GivesTheFramesAfterAnEvent) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  for (const char* frame : {"one", "two", "three"}) log->append(frame);
  EXPECT_THAT(log->after(0).frames, ElementsAre("one", "two", "three"));
  EXPECT_THAT(log->after(2).frames, ElementsAre("three"));
  EXPECT_THAT(log->after(3).frames, IsEmpty());
  EXPECT_THAT(log->after(~std::uint64_t{0}).frames, IsEmpty());
  EXPECT_FALSE(log->after(0).finished);
  log->finish(true);
  EXPECT_TRUE(log->after(3).finished);
  EXPECT_TRUE(log->after(3).complete);
}

TEST(RunLog, TheFirstEndCounts) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  log->finish(true);
  log->finish(false);
  EXPECT_TRUE(log->after(0).complete);
  const auto cut = logs.open("t1", "u1", "s2", kBegin);
  cut->finish(false);
  EXPECT_TRUE(cut->after(0).finished);
  EXPECT_FALSE(cut->after(0).complete);
}

TEST(RunLogs, ANewerRunOfTheSessionReplacesTheOlder) {
  RunLogs logs(kTtl, kPlenty);
  const auto older = logs.open("t1", "u1", "s1", kBegin);
  const auto newer = logs.open("t1", "u1", "s1", kBegin + 1);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin + 2), newer);
  older->append("still written by its own stream");
  EXPECT_THAT(newer->after(0).frames, IsEmpty());
}

TEST(RunLogs, AreFoundOnlyByTheSameTenantSubjectAndSession) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin), log);
  EXPECT_EQ(logs.find("t2", "u1", "s1", kBegin), nullptr);
  EXPECT_EQ(logs.find("t1", "u2", "s1", kBegin), nullptr);
  EXPECT_EQ(logs.find("t1", "u1", "s2", kBegin), nullptr);
}

TEST(RunLogs, NamesThatJoinToTheSameTextAreApart) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("a", "b", "c", kBegin);
  for (const auto& [tenant, subject, session] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"ab", "", "c"}, {"a", "bc", ""}, {"", "ab", "c"}, {"a", "b1:c", ""}, {"a1:b", "", "c"}})
    EXPECT_EQ(logs.find(tenant, subject, session, kBegin), nullptr);
  EXPECT_EQ(logs.find("a", "b", "c", kBegin), log);
}

TEST(RunLogs, ExpireAfterTheirTime) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin + kTtl), log);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin + kTtl + 1), nullptr);
}

TEST(RunLogs, TheOldestGoWhenTheBudgetIsSpent) {
  RunLogs logs(kTtl, 5000);
  const std::string frame(1500, 'x');
  logs.open("t1", "u1", "s1", kBegin)->append(frame);
  logs.open("t1", "u1", "s2", kBegin + 1)->append(frame);
  (void)logs.open("t1", "u1", "s3", kBegin + 2);
  EXPECT_NE(logs.find("t1", "u1", "s1", kBegin + 2), nullptr);  // two fit
  logs.open("t1", "u1", "s4", kBegin + 3)->append(frame);
  (void)logs.open("t1", "u1", "s5", kBegin + 4);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin + 4), nullptr);
  EXPECT_NE(logs.find("t1", "u1", "s2", kBegin + 4), nullptr);
  EXPECT_NE(logs.find("t1", "u1", "s4", kBegin + 4), nullptr);
}

TEST(RunLogs, AnEvictedLogThatIsStillWrittenWorksOn) {
  RunLogs logs(kTtl, 1000);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  log->append(std::string(2000, 'x'));
  (void)logs.open("t1", "u1", "s2", kBegin + 1);
  EXPECT_EQ(logs.find("t1", "u1", "s1", kBegin + 1), nullptr);
  log->append("more");
  EXPECT_EQ(log->after(0).frames.size(), 2U);
}

TEST(RunLogs, WithoutTimeOrSpaceThereIsNoResuming) {
  EXPECT_EQ(RunLogs(0, kPlenty).open("t", "u", "s", kBegin), nullptr);
  EXPECT_EQ(RunLogs(kTtl, 0).open("t", "u", "s", kBegin), nullptr);
}

TEST(RunLogs, OutliveNobody) {
  std::shared_ptr<RunLog> log;
  {
    RunLogs logs(kTtl, kPlenty);
    log = logs.open("t", "u", "s", kBegin);
  }
  log->append("the count of bytes is still there");
  EXPECT_GT(log->bytes(), 0U);
}

TEST(RunLog, ReadersOfARunningLogGetEveryFrameOnceAndInOrder) {
  RunLogs logs(kTtl, kPlenty);
  const auto log = logs.open("t1", "u1", "s1", kBegin);
  constexpr int kFrames = 2000;
  std::vector<std::vector<std::string>> seen(4);
  {
    std::vector<std::jthread> threads;
    for (std::vector<std::string>& mine : seen)
      threads.emplace_back([&log, &mine] {
        for (;;) {
          const RunLog::Tail tail = log->after(mine.size());
          mine.insert(mine.end(), tail.frames.begin(), tail.frames.end());
          if (tail.finished) return;
        }
      });
    threads.emplace_back([&log] {
      for (int i = 0; i < kFrames; ++i) log->append(std::to_string(i));
      log->finish(true);
    });
    threads.emplace_back([&logs] {
      for (int i = 0; i < 200; ++i) (void)logs.open("t1", "u1", "other" + std::to_string(i), kBegin + i);
    });
  }
  for (const std::vector<std::string>& mine : seen) {
    ASSERT_EQ(mine.size(), static_cast<std::size_t>(kFrames));
    for (int i = 0; i < kFrames; ++i) ASSERT_EQ(mine[static_cast<std::size_t>(i)], std::to_string(i));
  }
}

}  // namespace
}  // namespace nexus::rag
