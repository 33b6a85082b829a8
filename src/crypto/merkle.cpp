#include "crypto/merkle.h"

#include "base/encoding.h"
#include "crypto/constant_time.h"

#include <array>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace nexus::crypto {
namespace {

/// Largest power of two below n, for n > 1.
std::size_t split_point(std::size_t n) {
  return std::bit_floor(n - 1);
}

void collect_path(std::span<const Digest> leaves, std::size_t index, std::vector<Digest>& path) {
  if (leaves.size() <= 1) return;
  const std::size_t k = split_point(leaves.size());
  if (index < k) {
    collect_path(leaves.first(k), index, path);
    path.push_back(merkle_root(leaves.subspan(k)));
  } else {
    collect_path(leaves.subspan(k), index - k, path);
    path.push_back(merkle_root(leaves.first(k)));
  }
}

}  // namespace

Digest merkle_leaf(std::string_view data) {
  std::string prefixed(1, '\0');
  prefixed += data;
  return sha256(prefixed);
}

Digest merkle_node(const Digest& left, const Digest& right) {
  std::array<std::byte, 65> block{};
  block[0] = std::byte{1};
  std::memcpy(block.data() + 1, left.data(), left.size());
  std::memcpy(block.data() + 33, right.data(), right.size());
  return sha256(block);
}

Digest merkle_root(std::span<const Digest> leaves) {
  MerkleTree tree;
  for (const Digest& leaf : leaves) tree.add(leaf);
  return tree.root();
}

void MerkleTree::add(const Digest& leaf) {
  Digest node = leaf;
  for (std::size_t full = size_; (full & 1U) != 0; full >>= 1) {
    node = merkle_node(peaks_.back(), node);
    peaks_.pop_back();
  }
  peaks_.push_back(node);
  ++size_;
}

Digest MerkleTree::root() const {
  if (peaks_.empty()) return sha256(std::string_view());
  Digest node = peaks_.back();
  for (std::size_t i = peaks_.size() - 1; i > 0; --i) node = merkle_node(peaks_[i - 1], node);
  return node;
}

std::vector<Digest> merkle_path(std::span<const Digest> leaves, std::size_t index) {
  if (index >= leaves.size()) throw std::out_of_range("merkle_path: no such leaf");
  std::vector<Digest> path;
  collect_path(leaves, index, path);
  return path;
}

bool merkle_verify(const Digest& leaf, std::size_t index, std::size_t size, std::span<const Digest> path,
                   const Digest& root) {
  if (index >= size) return false;
  std::size_t node = index;
  std::size_t last = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : path) {
    if (last == 0) return false;
    if ((node & 1U) != 0 || node == last) {
      hash = merkle_node(sibling, hash);
      while ((node & 1U) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = merkle_node(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 && constant_time_equal(hash, root);
}

}  // namespace nexus::crypto
