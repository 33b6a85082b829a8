#include "modules/rag/sessions_repository.h"

#include "base/ids.h"
#include "support/call_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace nexus::rag {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TenantScopeFactory;

struct Conversations {
  testing::TestCall t;
  SessionsRepository rows;

  bool open(const std::string& id, const std::string& subject = "user-1", const std::string& tenant = "t1") {
    return t.database->write(
        [&](db::Tx& tx) { return rows.open(tx, TenantScopeFactory::make(tenant), id, subject, t.clock.now()); });
  }
  std::int64_t say(const std::string& session, const std::string& content, const std::string& id = uuid4()) {
    return t.database->write([&](db::Tx& tx) {
      return rows.append(tx, t.tenant(), session, id, "user", content, "complete", t.clock.now());
    });
  }
  [[nodiscard]] std::vector<std::string> recent(const std::string& session, std::int64_t limit,
                                                std::int64_t before = 1'000) {
    return t.database->read([&](db::Snapshot& s) {
      std::vector<std::string> out;
      for (const StoredMessage& message : rows.recent(s, t.tenant(), session, before, limit))
        out.push_back(message.content);
      return out;
    });
  }
  [[nodiscard]] std::vector<std::string> listed(std::optional<std::string_view> subject, std::int64_t limit = 50) {
    return t.database->read([&](db::Snapshot& s) {
      std::vector<std::string> out;
      for (const StoredSession& session : rows.list(s, t.tenant(), subject, limit)) out.push_back(session.id);
      return out;
    });
  }
};

TEST(Sessions, PrepareEveryStatement) {
  const Conversations c;
  EXPECT_EQ(c.t.database->check_statements(sessions_statements()), std::vector<std::string>{});
}

TEST(Sessions, BelongToWhoOpenedThem) {
  Conversations c;
  EXPECT_TRUE(c.open("s1", "anna"));
  c.t.clock.advance_s(9);
  EXPECT_TRUE(c.open("s1", "anna"));
  EXPECT_FALSE(c.open("s1", "bert"));
  EXPECT_TRUE(c.open("s1", "bert", "t2"));  // the id is the tenant's own
  c.t.database->read([&](db::Snapshot& s) {
    const StoredSession session = c.rows.find(s, c.t.tenant(), "s1").value();
    EXPECT_EQ(session.subject_id, "anna");
    EXPECT_EQ(session.created_at, testing::FakeClock::kStart);
    EXPECT_EQ(session.last_seen_at, c.t.clock.now());
    EXPECT_FALSE(c.rows.find(s, c.t.tenant(), "s2"));
  });
}

TEST(Sessions, AForeignAttemptDoesNotTouchTheSession) {
  Conversations c;
  c.open("s1", "anna");
  c.t.clock.advance_s(9);
  EXPECT_FALSE(c.open("s1", "bert"));
  c.t.database->read([&](db::Snapshot& s) {
    EXPECT_EQ(c.rows.find(s, c.t.tenant(), "s1")->last_seen_at, testing::FakeClock::kStart);
  });
}

TEST(Sessions, AnEmptyIdIsAnId) {
  Conversations c;
  EXPECT_TRUE(c.open(""));
  EXPECT_EQ(c.say("", "hello"), 1);
}

TEST(Sessions, MessagesAreNumberedFromOneAndReadInOrder) {
  Conversations c;
  c.open("s1");
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(c.say("s1", "m" + std::to_string(i)), i);
  EXPECT_THAT(c.recent("s1", 50), ElementsAre("m1", "m2", "m3", "m4", "m5"));
  EXPECT_THAT(c.recent("s1", 2), ElementsAre("m4", "m5"));
  c.t.database->read([&](db::Snapshot& s) {
    const auto page = c.rows.messages(s, c.t.tenant(), "s1", 2, 2);
    ASSERT_EQ(page.size(), 2U);
    EXPECT_EQ(page[0].seq, 3);
    EXPECT_EQ(page[1].content, "m4");
  });
}

TEST(Sessions, RecentLeavesOutTheTurnThatIsBeingAnswered) {
  Conversations c;
  c.open("s1");
  c.say("s1", "before");
  EXPECT_THAT(c.recent("s1", 50, c.say("s1", "now")), ElementsAre("before"));
}

TEST(Sessions, AMessageNeedsItsSession) {
  Conversations c;
  EXPECT_THROW(c.say("none", "hello"), db::Error);
}

TEST(Sessions, WritersAtOnceLeaveNoGapAndNoDouble) {
  Conversations c;
  c.open("s1");
  constexpr int kThreads = 8;
  constexpr int kEach = 25;
  std::vector<std::vector<std::int64_t>> given(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::vector<std::int64_t>& mine : given)
      threads.emplace_back([&c, &mine] {
        for (int i = 0; i < kEach; ++i) mine.push_back(c.say("s1", "m"));
      });
  }
  std::set<std::int64_t> all;
  for (const std::vector<std::int64_t>& mine : given) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  EXPECT_EQ(*all.begin(), 1);
  EXPECT_EQ(*all.rbegin(), kThreads * kEach);
}

TEST(Sessions, AreListedByLastUseForTheirOwnerOrForAll) {
  Conversations c;
  for (const char* id : {"old", "middle", "new"}) {
    c.open(id, "anna");
    c.t.clock.advance_s(1);
  }
  c.open("berts", "bert");
  c.t.clock.advance_s(1);
  c.open("old", "anna");  // used again
  EXPECT_THAT(c.listed("anna"), ElementsAre("old", "new", "middle"));
  EXPECT_THAT(c.listed(std::nullopt), ElementsAre("old", "berts", "new", "middle"));
  EXPECT_THAT(c.listed(std::nullopt, 1), ElementsAre("old"));
  EXPECT_THAT(c.listed("carla"), IsEmpty());
}

TEST(Sessions, RemovingTakesMessagesAndCheckpointsOfThisSessionOnly) {
  Conversations c;
  c.open("s1");
  c.open("s2");
  c.say("s1", "gone");
  c.say("s2", "stays");
  c.t.database->write([&](db::Tx& tx) {
    c.rows.add_checkpoint(tx, c.t.tenant(), "s1", uuid4(), "{}", c.t.clock.now());
    c.rows.remove(tx, c.t.tenant(), "s1");
  });
  EXPECT_THAT(c.recent("s1", 50), IsEmpty());
  EXPECT_THAT(c.recent("s2", 50), ElementsAre("stays"));
  EXPECT_THAT(c.listed(std::nullopt), ElementsAre("s2"));
  EXPECT_TRUE(c.open("s1", "bert"));  // the id is free again
}

constexpr db::Statement kQueryLog{"test.query_log",
                                  "SELECT latency_ms, retrieved_chunks, status FROM query_log WHERE query_id = $1"};

TEST(Sessions, TheQueryLogKeepsWholeLatencies) {
  const std::string first = uuid4();
  const std::string second = uuid4();
  Conversations c;
  const Timestamp begun = c.t.clock.now();
  c.t.database->write([&](db::Tx& tx) {
    c.rows.add_query_log(tx, {.id = uuid4(),
                              .query_id = first,
                              .started_at = begun,
                              .completed_at = begun + 1'234'567,
                              .retrieved_chunks = 4,
                              .status = "cancelled"});
    c.rows.add_query_log(
        tx, {.id = uuid4(), .query_id = second, .started_at = begun, .completed_at = begun - 5'000, .status = "ok"});
  });
  c.t.database->read([&](db::Snapshot& s) {
    db::Cursor row = s.query(kQueryLog, first);
    ASSERT_TRUE(row.next());
    EXPECT_EQ(row.i64(0), 1234);
    EXPECT_EQ(row.i64(1), 4);
    EXPECT_EQ(row.text(2), "cancelled");
    db::Cursor stepped_back = s.query(kQueryLog, second);
    ASSERT_TRUE(stepped_back.next());
    EXPECT_EQ(stepped_back.i64(0), 0);  // a clock that was set back
  });
}

}  // namespace
}  // namespace nexus::rag
