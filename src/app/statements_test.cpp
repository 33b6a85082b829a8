#include "app/statements.h"

#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace nexus::app {
namespace {

TEST(Statements, AllOfThemPrepareOnTheEngineOfTheTests) {
  const testing::FakeClock clock;
  observe::Metrics metrics;
  const auto database = testing::scratch_database(clock, metrics);
  EXPECT_EQ(database->check_statements(all_statements(database->engine())), std::vector<std::string>{});
}

TEST(Statements, EveryNameStandsForOneText) {
  std::set<std::string_view> names;
  for (const db::Statement* statement : all_statements("postgres"))
    EXPECT_TRUE(names.insert(statement->name()).second) << statement->name();
  EXPECT_GT(names.size(), 80U);
}

}  // namespace
}  // namespace nexus::app
