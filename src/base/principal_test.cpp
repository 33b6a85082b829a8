#include "base/principal.h"

#include <gtest/gtest.h>

namespace nexus {
namespace {

TEST(Role, RoundTripsItsWireName) {
  for (const Role role : {Role::kReader, Role::kEditor, Role::kAdmin}) EXPECT_EQ(parse_role(to_string(role)), role);
}

TEST(Role, AcceptsAnyCaseAndSurroundingBlanks) {
  EXPECT_EQ(parse_role("  ADMIN\t"), Role::kAdmin);
  EXPECT_EQ(parse_role("Editor"), Role::kEditor);
}

TEST(Role, RefusesUnknownNames) {
  EXPECT_EQ(parse_role(""), std::nullopt);
  EXPECT_EQ(parse_role("owner"), std::nullopt);
  EXPECT_EQ(parse_role("admin x"), std::nullopt);
}

TEST(Role, IsOrderedByPower) {
  EXPECT_LT(Role::kReader, Role::kEditor);
  EXPECT_LT(Role::kEditor, Role::kAdmin);
}

}  // namespace
}  // namespace nexus
