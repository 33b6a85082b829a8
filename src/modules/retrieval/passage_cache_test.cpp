#include "modules/retrieval/passage_cache.h"

#include "support/call_fixture.h"

#include <gtest/gtest.h>

namespace nexus::retrieval {
namespace {

Passage passage(std::string id, std::string text) {
  Passage made;
  made.chunk_id = std::move(id);
  made.text = std::move(text);
  return made;
}

TEST(PassageCache, FindsWhatWasPutForTheSameTenantOnly) {
  PassageCache cache(1 << 20);
  const TenantScope t1 = testing::TenantScopeFactory::make("t1");
  cache.put(t1, passage("c1", "hello"));
  ASSERT_TRUE(cache.find(t1, "c1").has_value());
  EXPECT_EQ(cache.find(t1, "c1")->text, "hello");
  EXPECT_FALSE(cache.find(testing::TenantScopeFactory::make("t2"), "c1").has_value());
  EXPECT_FALSE(cache.find(t1, "c2").has_value());
}

TEST(PassageCache, StaysWithinItsBudgetAndKeepsWhatIsAskedFor) {
  constexpr std::size_t kBudget = 256 * 1024;
  PassageCache cache(kBudget);
  const TenantScope t1 = testing::TenantScopeFactory::make("t1");
  cache.put(t1, passage("kept", std::string(1000, 'k')));
  int held = 0;
  for (int i = 0; i < 1000; ++i) {
    cache.put(t1, passage("p" + std::to_string(i), std::string(1000, 'x')));
    ASSERT_TRUE(cache.find(t1, "kept").has_value()) << i;
  }
  for (int i = 0; i < 1000; ++i) held += cache.find(t1, "p" + std::to_string(i)) ? 1 : 0;
  EXPECT_GT(held, 0);
  EXPECT_LT(held * 1000, static_cast<int>(kBudget));
}

TEST(PassageCache, LeavesOutWhatIsLargerThanAShare) {
  PassageCache cache(64 * 1024);
  const TenantScope t1 = testing::TenantScopeFactory::make("t1");
  cache.put(t1, passage("big", std::string(100'000, 'b')));
  EXPECT_FALSE(cache.find(t1, "big").has_value());
}

}  // namespace
}  // namespace nexus::retrieval
