#include "crypto/secretbox.h"

#include "base/encoding.h"
#include "crypto/aes_gcm.h"
#include "crypto/evp.h"
#include "crypto/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace nexus::crypto {
namespace {

std::vector<std::byte> unhex(std::string_view text) {
  return *hex_decode(text);
}

GcmNonce nonce_of(std::string_view hex) {
  const auto bytes = unhex(hex);
  GcmNonce nonce{};
  std::copy_n(bytes.begin(), nonce.size(), nonce.begin());
  return nonce;
}

AesKey key_of(char fill) {
  AesKey key;
  key.fill(std::byte(fill));
  return key;
}

// Test cases 15, 16 and 4 of the GCM specification (McGrew and Viega).
constexpr std::string_view kKey256 = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr std::string_view kNonce = "cafebabefacedbaddecaf888";
constexpr std::string_view kPlain =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba"
    "637b39";
constexpr std::string_view kAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

TEST(AesGcm, AgreesWithItsSpecification) {
  EXPECT_EQ(hex_encode(aes_gcm_encrypt(unhex(kKey256), nonce_of(kNonce), unhex(kPlain), unhex(kAad))),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393"
            "ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  EXPECT_EQ(hex_encode(aes_gcm_encrypt(unhex(kKey256.substr(0, 32)), nonce_of(kNonce), unhex(kPlain), unhex(kAad))),
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a"
            "0aac973d58e091"
            "5bc94fbc3221a5db94fae95ae7121a47");
  EXPECT_EQ(hex_encode(aes_gcm_encrypt(unhex(std::string(64, '0')), GcmNonce{}, {}, {})),
            "530f8afbc74536b9a963b4f1c4cb738b");
}

TEST(AesGcm, OpensOnlyWhatItSealed) {
  const auto sealed = aes_gcm_encrypt(unhex(kKey256), nonce_of(kNonce), unhex(kPlain), unhex(kAad));
  EXPECT_EQ(aes_gcm_decrypt(unhex(kKey256), nonce_of(kNonce), sealed, unhex(kAad)), unhex(kPlain));
  EXPECT_FALSE(aes_gcm_decrypt(unhex(kKey256), nonce_of(kNonce), sealed, {}).has_value());
  EXPECT_FALSE(aes_gcm_decrypt(unhex(kKey256), GcmNonce{}, sealed, unhex(kAad)).has_value());
  EXPECT_FALSE(aes_gcm_decrypt(unhex(kKey256), nonce_of(kNonce), std::span(sealed).first(10), {}).has_value());
}

TEST(AesGcm, RefusesOtherKeyLengths) {
  EXPECT_THROW((void)aes_gcm_encrypt(unhex("00"), GcmNonce{}, {}, {}), CryptoError);
}

TEST(SecretBox, OpensWhatItSealed) {
  const SecretBox box("k1", key_of('a'));
  for (const std::string& text : {std::string(), std::string("s"), std::string(10'000, 'x')}) {
    const auto sealed = box.seal(text, "tenant/t1");
    EXPECT_EQ(box.open(sealed, "tenant/t1"), text);
    EXPECT_EQ(sealed.size(), 2 + 2 + 12 + text.size() + 16);
  }
}

TEST(SecretBox, SealsTheSameTextDifferentlyEachTime) {
  const SecretBox box("k1", key_of('a'));
  std::set<std::vector<std::byte>> seen;
  for (int i = 0; i < 100; ++i) seen.insert(box.seal("text", ""));
  EXPECT_EQ(seen.size(), 100u);
}

TEST(SecretBox, NoticesEveryAlteredByte) {
  const SecretBox box("k1", key_of('a'));
  const auto sealed = box.seal("text", "c");
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto altered = sealed;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(box.open(altered, "c").has_value()) << i;
    EXPECT_FALSE(box.open(std::span(sealed).first(i), "c").has_value()) << i;
  }
  EXPECT_FALSE(box.open(sealed, "other place").has_value());
}

TEST(SecretBox, OpensWithFormerKeysAndSealsWithTheCurrent) {
  const SecretBox old_box("k1", key_of('a'));
  SecretBox box("k2", key_of('b'));
  const auto sealed = old_box.seal("text", "");
  EXPECT_FALSE(box.open(sealed, "").has_value());
  box.add_former_key("k1", key_of('a'));
  EXPECT_EQ(box.open(sealed, ""), "text");
  EXPECT_EQ(SecretBox::key_id(sealed), "k1");
  EXPECT_EQ(SecretBox::key_id(box.seal("text", "")), "k2");
  EXPECT_EQ(SecretBox::key_id({}), std::nullopt);
}

TEST(SecretBox, RefusesEmptyAndOverlongKeyIds) {
  EXPECT_THROW(SecretBox("", key_of('a')), std::invalid_argument);
  EXPECT_THROW(SecretBox(std::string(256, 'k'), key_of('a')), std::invalid_argument);
}

TEST(DeriveKey, AgreesWithRfc5869) {
  // Test case 3: no salt, no info; the first 32 bytes of the output.
  EXPECT_EQ(hex_encode(derive_key(std::string(22, '\x0b'), "")),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
  EXPECT_NE(derive_key("master", "a"), derive_key("master", "b"));
}

}  // namespace
}  // namespace nexus::crypto
