#include "cli/health_target.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

TEST(HealthTarget, AsksLoopbackWhenTheServerListensEverywhere) {
  EXPECT_EQ(health_target("0.0.0.0", 8000), (Address{.host = "127.0.0.1", .port = 8000}));
  EXPECT_EQ(health_target("::", 8000), (Address{.host = "::1", .port = 8000}));
}

TEST(HealthTarget, AsksTheAddressThatTheServerListensOn) {
  EXPECT_EQ(health_target("10.0.0.5", 81), (Address{.host = "10.0.0.5", .port = 81}));
}

}  // namespace
}  // namespace nexus::cli
