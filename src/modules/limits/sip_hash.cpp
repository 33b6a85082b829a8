#include "modules/limits/sip_hash.h"

#include "base/ids.h"

#include <bit>
#include <span>

namespace nexus::limits {

SipHash::SipHash(const Digest128& key)
    : v0_(0x736f6d6570736575U ^ key.low),
      v1_(0x646f72616e646f6dU ^ key.high ^ 0xEE),
      v2_(0x6c7967656e657261U ^ key.low),
      v3_(0x7465646279746573U ^ key.high) {}

Digest128 SipHash::random_key() {
  Digest128 key;
  random_bytes(std::as_writable_bytes(std::span(&key, 1)));
  return key;
}

void SipHash::round() {
  v0_ += v1_;
  v1_ = std::rotl(v1_, 13) ^ v0_;
  v0_ = std::rotl(v0_, 32);
  v2_ += v3_;
  v3_ = std::rotl(v3_, 16) ^ v2_;
  v0_ += v3_;
  v3_ = std::rotl(v3_, 21) ^ v0_;
  v2_ += v1_;
  v1_ = std::rotl(v1_, 17) ^ v2_;
  v2_ = std::rotl(v2_, 32);
}

void SipHash::absorb(std::uint64_t word) {
  v3_ ^= word;
  round();
  round();
  v0_ ^= word;
}

SipHash& SipHash::add(std::string_view bytes) {
  for (const char c : bytes) {
    tail_ |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << (8 * (total_ % 8));
    if (++total_ % 8 != 0) continue;
    absorb(tail_);
    tail_ = 0;
  }
  return *this;
}

Digest128 SipHash::digest() const {
  SipHash end = *this;
  end.absorb(tail_ | total_ << 56);
  const auto output = [&end](std::uint64_t& marked, std::uint64_t mark) {
    marked ^= mark;
    for (int i = 0; i < 4; ++i) end.round();
    return end.v0_ ^ end.v1_ ^ end.v2_ ^ end.v3_;
  };
  const std::uint64_t low = output(end.v2_, 0xEE);
  const std::uint64_t high = output(end.v1_, 0xDD);
  return {low, high};
}

}  // namespace nexus::limits
