#include "embed/fake_embedder.h"

#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::embed {
namespace {

std::map<std::size_t, double> non_zero(std::string_view text) {
  const auto vector = FakeEmbedder::embed_exact(text);
  std::map<std::size_t, double> found;
  for (std::size_t i = 0; i < vector.size(); ++i)
    if (vector[i] != 0) found[i] = vector[i];
  return found;
}

using Expected = std::map<std::size_t, double>;

TEST(FakeEmbedder, MatchesTheContractsVectorsBitForBit) {
  EXPECT_EQ(non_zero("alpha"), (Expected{{685, -1.0}}));
  EXPECT_EQ(non_zero("alpha beta"), (Expected{{685, -0.45064743484296305}, {743, -0.8927020160554459}}));
  EXPECT_EQ(non_zero("Agent 2.0"),
            (Expected{{314, 0.6144526949384689}, {346, 0.5680538938104291}, {614, 0.5475058533108688}}));
  EXPECT_EQ(non_zero("The the gates"), (Expected{{115, 0.422972187783048}, {637, -0.9061426644640579}}));
  EXPECT_EQ(non_zero("release"), (Expected{{492, 1.0}}));
  EXPECT_EQ(non_zero("_"), (Expected{{247, -1.0}}));
}

TEST(FakeEmbedder, LowersTheTwoSpecialCapitalsLikeTheOriginal) {
  EXPECT_EQ(non_zero("\u212Aelvin"), non_zero("kelvin"));
  EXPECT_EQ(non_zero("\u0130stanbul"), non_zero("i stanbul"));
  EXPECT_EQ(non_zero("caf\u00e9s"), non_zero("caf s"));
}

TEST(FakeEmbedder, GivesZerosWhenThereIsNoWord) {
  EXPECT_TRUE(non_zero("").empty());
  EXPECT_TRUE(non_zero("\u4f60\u597d ?!").empty());
}

TEST(FakeEmbedder, EmbedsABatchRowByRow) {
  const FakeEmbedder embedder;
  const std::vector<std::string_view> texts{"alpha", "", "beta"};
  std::vector<float> rows(3 * kFakeDimension, 7.0F);
  embedder.embed_batch(texts, rows);
  EXPECT_EQ(rows[685], -1.0F);
  EXPECT_EQ(rows[kFakeDimension + 685], 0.0F);
  EXPECT_EQ(rows[2 * kFakeDimension + 743], -1.0F);
  EXPECT_THROW(embedder.embed("x", std::span<float>(rows).first(10)), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::embed
