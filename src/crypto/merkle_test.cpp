#include "crypto/merkle.h"

#include "base/encoding.h"

#include <gtest/gtest.h>

#include <bit>
#include <stdexcept>
#include <string>

namespace nexus::crypto {
namespace {

/// The definition of RFC 6962 §2.1, word for word.
Digest naive_root(std::span<const Digest> leaves) {
  if (leaves.empty()) return sha256("");
  if (leaves.size() == 1) return leaves[0];
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  return merkle_node(naive_root(leaves.first(k)), naive_root(leaves.subspan(k)));
}

std::vector<Digest> leaves_of(std::size_t n) {
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < n; ++i) leaves.push_back(merkle_leaf("event " + std::to_string(i)));
  return leaves;
}

TEST(Merkle, AgreesWithPublishedRoots) {
  // The tree that the Certificate Transparency project tests with.
  std::vector<Digest> leaves;
  const char* const data[] = {
      "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
  for (const char* hex : data) leaves.push_back(merkle_leaf(as_text(*hex_decode(hex))));
  EXPECT_EQ(hex_encode(merkle_root({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex_encode(merkle_root(std::span(leaves).first(1))),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  EXPECT_EQ(hex_encode(merkle_root(std::span(leaves).first(2))),
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
  EXPECT_EQ(hex_encode(merkle_root(leaves)), "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

TEST(Merkle, FedLeafByLeafEqualsTheDefinition) {
  const auto leaves = leaves_of(70);
  MerkleTree tree;
  EXPECT_EQ(tree.root(), naive_root({}));
  for (std::size_t n = 1; n <= leaves.size(); ++n) {
    tree.add(leaves[n - 1]);
    EXPECT_EQ(tree.root(), naive_root(std::span(leaves).first(n))) << n;
    EXPECT_EQ(tree.size(), n);
  }
}

TEST(Merkle, APathProvesItsLeafAndNoOther) {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 8U, 9U, 33U}) {
    const auto leaves = leaves_of(n);
    const Digest root = merkle_root(leaves);
    for (std::size_t i = 0; i < n; ++i) {
      auto path = merkle_path(leaves, i);
      EXPECT_TRUE(merkle_verify(leaves[i], i, n, path, root)) << n << " " << i;
      EXPECT_FALSE(merkle_verify(merkle_leaf("forged"), i, n, path, root));
      if (n > 1) {
        EXPECT_FALSE(merkle_verify(leaves[i], (i + 1) % n, n, path, root)) << n << " " << i;
      }
      path.push_back(root);
      EXPECT_FALSE(merkle_verify(leaves[i], i, n, path, root));
    }
  }
  EXPECT_THROW((void)merkle_path({}, 0), std::out_of_range);
  EXPECT_FALSE(merkle_verify(Digest{}, 0, 0, {}, Digest{}));
}

TEST(Merkle, ALeafCannotPassForANode) {
  const Digest left = merkle_leaf("l");
  const Digest right = merkle_leaf("r");
  EXPECT_NE(merkle_node(left, right), merkle_leaf(std::string(as_text(left)) + std::string(as_text(right))));
}

}  // namespace
}  // namespace nexus::crypto
