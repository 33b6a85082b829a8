#pragma once

#include <cstdint>
#include <string_view>

namespace nexus::limits {

struct Digest128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Digest128&, const Digest128&) = default;
};

/// SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF"). Strangers choose
/// part of what buckets are called by; under a key they do not know they can neither pile names up in one chain of a
/// hash table nor find two names that share a bucket.
class SipHash {
 public:
  explicit SipHash(const Digest128& key);
  /// A key that nobody knows. Throws std::runtime_error when the system has no randomness.
  [[nodiscard]] static Digest128 random_key();

  SipHash& add(std::string_view bytes);
  /// Of all that was added so far; more may follow.
  [[nodiscard]] Digest128 digest() const;

 private:
  void round();
  void absorb(std::uint64_t word);

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
  std::uint64_t tail_ = 0;   // bytes that do not fill a word yet
  std::uint64_t total_ = 0;  // bytes added
};

}  // namespace nexus::limits
