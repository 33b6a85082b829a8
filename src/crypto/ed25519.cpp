#include "crypto/ed25519.h"

#include "base/encoding.h"
#include "crypto/evp.h"
#include "crypto/pem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>

namespace nexus::crypto {
namespace {

struct SignContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Pkey = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using SignContext = std::unique_ptr<EVP_MD_CTX, SignContextDeleter>;

const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

Pkey owned(EVP_PKEY* key) {
  return {key, &EVP_PKEY_free};
}

std::optional<Ed25519PublicKey> raw_public_key(EVP_PKEY* key) {
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  Ed25519PublicKey out{};
  std::size_t size = out.size();
  if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(out.data()), &size) != 1) return std::nullopt;
  return out;
}

}  // namespace

struct Ed25519Signer::Key {
  Pkey pkey;
};

Ed25519Signer::Ed25519Signer(std::unique_ptr<Key> key) : key_(std::move(key)) {
  const auto public_key = raw_public_key(key_->pkey.get());
  require(public_key.has_value(), "not an Ed25519 key");
  public_key_ = *public_key;
}

Ed25519Signer::Ed25519Signer(std::span<const std::byte, 32> seed)
    : Ed25519Signer(std::make_unique<Key>(
          Key{owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(seed.data()), seed.size()))})) {}

Ed25519Signer Ed25519Signer::from_text(const Secret& text) {
  const std::string_view trimmed = ascii_trim(text.reveal());
  if (trimmed.size() == 64) {
    if (auto seed = hex_decode(trimmed)) {
      Ed25519Signer signer(std::span<const std::byte, 32>(seed->data(), 32));
      OPENSSL_cleanse(seed->data(), seed->size());
      return signer;
    }
  }
  const Bio bio = pem_bio(trimmed);
  Pkey key = owned(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  if (!key) throw CryptoError("an Ed25519 key is 64 hex digits or a PEM private key");
  return Ed25519Signer(std::make_unique<Key>(Key{std::move(key)}));
}

Ed25519Signer::~Ed25519Signer() = default;
Ed25519Signer::Ed25519Signer(Ed25519Signer&&) noexcept = default;
Ed25519Signer& Ed25519Signer::operator=(Ed25519Signer&&) noexcept = default;

Ed25519Signature Ed25519Signer::sign(std::string_view message) const {
  const SignContext context(EVP_MD_CTX_new());
  require(context != nullptr, "signature context");
  require(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pkey.get()) == 1, "signature start");
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(message),
                         message.size()) == 1,
          "signature");
  return signature;
}

std::string Ed25519Signer::public_key_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_->pkey.get()) == 1, "public key as PEM");
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

bool ed25519_verify(const Ed25519PublicKey& key, std::string_view message, std::span<const std::byte> signature) {
  const Pkey pkey = owned(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(key.data()), key.size()));
  const SignContext context(EVP_MD_CTX_new());
  const bool good =
      pkey && context && signature.size() == sizeof(Ed25519Signature) &&
      EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pkey.get()) == 1 &&
      EVP_DigestVerify(context.get(), raw(signature.data()), signature.size(), raw(message), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

std::optional<Ed25519PublicKey> ed25519_public_key_from_pem(std::string_view pem) {
  const Bio bio = pem_bio(pem);
  const Pkey key = owned(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr);
  auto out = raw_public_key(key.get());
  ERR_clear_error();
  return out;
}

}  // namespace nexus::crypto
