#include "db/tokens.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nexus::db {
namespace {

constexpr TokenRule kRules[] = {{"nothing", 0, ""}, {"swap", 2, "%2<%1 100%"}};

TEST(Tokens, ReplacesEachTokenWithItsArguments) {
  EXPECT_EQ(expand_tokens("SELECT 1", kRules), "SELECT 1");
  EXPECT_EQ(expand_tokens("a {{swap x  y}} b{{nothing}}{{ nothing }}", kRules), "a y<x 100% b");
}

TEST(Tokens, RefusesWhatItDoesNotKnow) {
  EXPECT_THROW((void)expand_tokens("{{other}}", kRules), std::invalid_argument);
  EXPECT_THROW((void)expand_tokens("{{swap x}}", kRules), std::invalid_argument);
  EXPECT_THROW((void)expand_tokens("{{}}", kRules), std::invalid_argument);
  EXPECT_THROW((void)expand_tokens("{{nothing", kRules), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::db
