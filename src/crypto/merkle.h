#pragma once

#include "crypto/hash.h"

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

/// The hash tree of RFC 6962 §2.1 (Certificate Transparency): leaf = SHA-256(0x00 ‖ data), node = SHA-256(0x01 ‖ left ‖
/// right), a tree of n leaves splits at the largest power of two below n. Audit checkpoints sign its root.
namespace nexus::crypto {

[[nodiscard]] Digest merkle_leaf(std::string_view data);
[[nodiscard]] Digest merkle_node(const Digest& left, const Digest& right);

/// Root over leaf hashes; SHA-256 of nothing for no leaves.
[[nodiscard]] Digest merkle_root(std::span<const Digest> leaves);

/// The same root, fed leaf by leaf; holds one hash per level. Copyable: a copy is a snapshot.
class MerkleTree {
 public:
  void add(const Digest& leaf);
  [[nodiscard]] Digest root() const;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::vector<Digest> peaks_;  // roots of the full subtrees, largest first; one per set bit of size_
  std::size_t size_ = 0;
};

/// Siblings from the leaf to the root that prove that leaf `index` belongs to the tree (RFC 6962 §2.1.1). Throws
/// std::out_of_range when there is no such leaf.
[[nodiscard]] std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::size_t index);
/// Whether `path` proves that `leaf` is number `index` of a tree of `size` leaves with that root (RFC 9162 §2.1.3.2).
[[nodiscard]] bool merkle_verify(const Digest& leaf, std::size_t index, std::size_t size, std::span<const Digest> path,
                                 const Digest& root);

}  // namespace nexus::crypto
