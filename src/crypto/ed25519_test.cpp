#include "crypto/ed25519.h"

#include "base/encoding.h"
#include "crypto/evp.h"

#include <gtest/gtest.h>

namespace nexus::crypto {
namespace {

// RFC 8032 §7.1, test 3.
constexpr std::string_view kSeed = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
constexpr std::string_view kPublic = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
constexpr std::string_view kSignature =
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
    "27bec"
    "eea1ec40a";
constexpr std::string_view kMessage = "\xaf\x82";

TEST(Ed25519, AgreesWithRfc8032) {
  const auto signer = Ed25519Signer::from_text(Secret(std::string(kSeed) + "\n"));
  EXPECT_EQ(hex_encode(signer.public_key()), kPublic);
  EXPECT_EQ(hex_encode(signer.sign(kMessage)), kSignature);
  EXPECT_TRUE(ed25519_verify(signer.public_key(), kMessage, signer.sign(kMessage)));
  // Test 1: the empty message.
  const auto empty =
      Ed25519Signer::from_text(Secret("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  EXPECT_EQ(hex_encode(empty.sign("")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f059"
            "5bbe246"
            "55141438e7a100b");
}

TEST(Ed25519, RefusesOtherMessagesSignaturesAndKeys) {
  const auto signer = Ed25519Signer::from_text(Secret(std::string(kSeed)));
  auto signature = signer.sign(kMessage);
  EXPECT_FALSE(ed25519_verify(signer.public_key(), "other", signature));
  EXPECT_FALSE(ed25519_verify(signer.public_key(), kMessage, std::span(signature).first(63)));
  EXPECT_FALSE(ed25519_verify(signer.public_key(), kMessage, {}));
  signature[0] ^= std::byte{1};
  EXPECT_FALSE(ed25519_verify(signer.public_key(), kMessage, signature));
  Ed25519PublicKey nonsense;
  nonsense.fill(std::byte{0xFF});
  EXPECT_FALSE(ed25519_verify(nonsense, kMessage, signer.sign(kMessage)));
}

TEST(Ed25519, ReadsAndWritesPem) {
  const auto signer = Ed25519Signer::from_text(Secret(std::string(kSeed)));
  const std::string pem = signer.public_key_pem();
  EXPECT_TRUE(pem.starts_with("-----BEGIN PUBLIC KEY-----")) << pem;
  EXPECT_EQ(ed25519_public_key_from_pem(pem), signer.public_key());
  // The seed behind the fixed PKCS #8 prefix of Ed25519 (RFC 8410 §7).
  const auto der = hex_decode("302e020100300506032b657004220420" + std::string(kSeed));
  std::string body = base64url_encode(*der);
  for (char& c : body) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::string private_pem = "-----BEGIN PRIVATE KEY-----\n" + body + "\n-----END PRIVATE KEY-----\n";
  EXPECT_EQ(Ed25519Signer::from_text(Secret(private_pem)).public_key(), signer.public_key());
}

TEST(Ed25519, RefusesTextThatIsNoKeyWithoutRepeatingIt) {
  for (const std::string& text : {std::string(), std::string("canary"), std::string(63, 'a'), std::string(64, 'z'),
                                  std::string("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n")}) {
    try {
      (void)Ed25519Signer::from_text(Secret(text));
      FAIL() << "must throw";
    } catch (const CryptoError& error) {
      EXPECT_EQ(std::string(error.what()).find("canary"), std::string::npos);
    }
  }
  EXPECT_FALSE(ed25519_public_key_from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").has_value());
  EXPECT_FALSE(ed25519_public_key_from_pem("").has_value());
}

TEST(Ed25519, ASignerCanBeMoved) {
  auto first = Ed25519Signer::from_text(Secret(std::string(kSeed)));
  const Ed25519Signer second = std::move(first);
  EXPECT_EQ(hex_encode(second.sign(kMessage)), kSignature);
}

}  // namespace
}  // namespace nexus::crypto
