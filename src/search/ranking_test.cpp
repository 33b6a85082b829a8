#include "search/ranking.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::search {
namespace {

ScoredChunk chunk(std::uint64_t number, float lexical, float dense) {
  return {ChunkId::of_number(number), "d" + std::to_string(number), lexical, dense};
}

std::vector<int> numbers(const std::vector<Hit>& hits) {
  std::vector<int> out;
  for (const Hit& hit : hits) out.push_back(hit.chunk.bytes[15]);
  return out;
}

TEST(Rank, FusesSharesOfEachSidesBest) {
  const std::vector<Hit> hits =
      rank({chunk(1, 4, 0), chunk(2, 2, 0.5F), chunk(3, 0, 0.25F)}, Mode::kHybrid, true, 0.4F, 10);
  ASSERT_EQ(numbers(hits), (std::vector<int>{2, 1, 3}));
  EXPECT_FLOAT_EQ(hits[0].score, 0.6F * 0.5F + 0.4F);
  EXPECT_FLOAT_EQ(hits[1].score, 0.6F);
  EXPECT_FLOAT_EQ(hits[2].score, 0.2F);
}

TEST(Rank, TiesGoByIdAndNoMatchIsNoHit) {
  EXPECT_EQ(numbers(rank({chunk(3, 1, 0), chunk(1, 1, 0), chunk(2, 0, 0)}, Mode::kHybrid, true, 0.5F, 10)),
            (std::vector<int>{1, 3}));
  EXPECT_EQ(numbers(rank({chunk(3, 1, 0), chunk(1, 1, 0)}, Mode::kLexical, false, 0.5F, 1)), (std::vector<int>{1}));
}

TEST(Rank, WithoutVectorsHybridIsLexical) {
  const std::vector<Hit> hits = rank({chunk(1, 2, 0), chunk(2, 1, 0)}, Mode::kHybrid, false, 0.4F, 10);
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].score, 1.0F);
  EXPECT_EQ(hits[1].score, 0.5F);
}

TEST(Rank, ModesShowOnlyTheirOwnSide) {
  EXPECT_EQ(rank({chunk(1, 2, 0.5F)}, Mode::kDense, true, 0.4F, 10).at(0).lexical, 0.0F);
  EXPECT_EQ(rank({chunk(1, 2, 0.5F)}, Mode::kLexical, true, 0.4F, 10).at(0).dense, 0.0F);
  EXPECT_TRUE(rank({chunk(1, 2, 0.5F)}, Mode::kDense, false, 0.4F, 10).empty());
}

TEST(Rank, ACandidateBeyondBothPoolsIsLeftOut) {
  std::vector<ScoredChunk> candidates;
  for (std::uint64_t i = 0; i < kCandidates; ++i) {
    candidates.push_back(chunk(i, 10, 0));
    candidates.push_back(chunk(1000 + i, 0, 0.9F));
  }
  candidates.push_back(chunk(5000, 9, 0.8F));  // would win by its sum, but is among the best of neither side
  for (const Hit& hit : rank(candidates, Mode::kHybrid, true, 0.5F, 50)) EXPECT_NE(hit.document_id, "d5000");
  EXPECT_EQ(rank(candidates, Mode::kHybrid, true, 0.5F, 150).front().document_id, "d5000") << "a pool grows with k";
}

}  // namespace
}  // namespace nexus::search
