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
  const std::string postgres = refusal("postgresql+asyncpg://user:hunter2@db/x");
  EXPECT_THAT(postgres, HasSubstr("postgresql+asyncpg"));
  EXPECT_THAT(postgres, HasSubstr("sqlite:PATH"));
  EXPECT_THAT(postgres, Not(HasSubstr("hunter2")));
  EXPECT_THAT(refusal("mysql://user:hunter2@db/x"), HasSubstr("mysql"));
  EXPECT_THAT(refusal("var/nexusrag.db"), HasSubstr("sqlite:PATH"));
  EXPECT_THAT(refusal("sqlite:"), HasSubstr("needs a path"));
  EXPECT_THAT(refusal("sqlite://host/x"), HasSubstr("no host"));
}

}  // namespace
}  // namespace nexus::db
