#include "db/open.h"

#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nexus::db {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string refusal(std::string_view url) {
  const SystemClock clock;
  observe::Metrics metrics;
  try {
    const auto db = open_database(url, {}, clock, metrics);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnavailable);
    return e.what();
  }
  return "";
}

TEST(OpenDatabase, OpensSqliteByPathAndByUrl) {
  const TestFolder folder;
  const SystemClock clock;
  observe::Metrics metrics;
  for (const std::string& url : {"sqlite:" + folder.file("a/b/c.db"), "sqlite://" + folder.file("a/b/c.db")}) {
    const auto db = open_database(url, {.readers = 2, .max_bytes = 1 << 30}, clock, metrics);
    db->run_script("CREATE TABLE IF NOT EXISTS once (id INTEGER) STRICT");
    EXPECT_EQ(db->engine(), "sqlite");
  }
  EXPECT_EQ(open_database("sqlite::memory:", {}, clock, metrics)->engine(), "sqlite");
}

TEST(OpenDatabase, SaysWhatToDoWithoutRepeatingAPassword) {
  for (const std::string scheme : {"postgresql", "postgres", "postgresql+asyncpg"}) {
    const std::string lost = refusal(scheme + "://user:hunter2@127.0.0.1:1/x?ssl=disable");
    EXPECT_THAT(lost, HasSubstr("no connection to PostgreSQL"));
    EXPECT_THAT(lost, Not(HasSubstr("hunter2")));
  }
  for (const std::string bad : {"hun@ter2@db/x", "hun/ter2@db/x", "hunter2@db/x?hunter2",
                                "hunter2@db/x?no_such=hunter2", "hunter2@[db/x", "hun%ter2@db/x"}) {
    const std::string refused = refusal("postgresql://user:" + bad);
    EXPECT_THAT(refused, HasSubstr("postgresql URL")) << bad;
    EXPECT_THAT(refused, Not(HasSubstr("ter2")));
  }
  EXPECT_THAT(refusal("mysql://user:hunter2@db/x"), HasSubstr("mysql"));
  EXPECT_THAT(refusal("var/nexusrag.db"), HasSubstr("sqlite:PATH"));
  EXPECT_THAT(refusal("sqlite:"), HasSubstr("needs a path"));
  EXPECT_THAT(refusal("sqlite://host/x"), HasSubstr("no host"));
}

}  // namespace
}  // namespace nexus::db
