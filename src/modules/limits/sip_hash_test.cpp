#include "modules/limits/sip_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::limits {
namespace {

// Key and inputs of the reference implementation's vectors: 00 01 02 …
constexpr Digest128 kKey{0x0706050403020100U, 0x0F0E0D0C0B0A0908U};

std::string counting(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i));
  return bytes;
}

TEST(SipHashTest, GivesTheReferenceVectors) {
  EXPECT_EQ(SipHash(kKey).digest(), (Digest128{0xE6A825BA047F81A3U, 0x930255C71472F66DU}));
  EXPECT_EQ(SipHash(kKey).add(counting(1)).digest(), (Digest128{0x44AF996BD8C187DAU, 0x45FC229B11597634U}));
  EXPECT_EQ(SipHash(kKey).add(counting(15)).digest(), (Digest128{0x11A8B03399E99354U, 0xD9C3CF970FEC087EU}));
  EXPECT_EQ(SipHash(kKey).add(counting(63)).digest(), (Digest128{0x4A83502F77D15051U, 0x7CBD3F979A063E50U}));
}

TEST(SipHashTest, DoesNotDependOnHowTheBytesArrive) {
  const std::string text = counting(29);
  SipHash pieces(kKey);
  for (const char c : text) pieces.add(std::string_view(&c, 1));
  EXPECT_EQ(pieces.digest(), SipHash(kKey).add(text).digest());
}

TEST(SipHashTest, GoesOnAfterADigest) {
  SipHash hash(kKey);
  (void)hash.add("tenant").digest();
  EXPECT_EQ(hash.add("key").digest(), SipHash(kKey).add("tenantkey").digest());
}

TEST(SipHashTest, DrawsItsKeys) {
  EXPECT_NE(SipHash::random_key(), SipHash::random_key());
}

}  // namespace
}  // namespace nexus::limits
