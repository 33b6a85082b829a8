#include "crypto/rs256.h"

#include "crypto/evp.h"
#include "crypto/pem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <utility>

namespace nexus::crypto {
namespace {

struct DigestContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct RsaKeyDeleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, DigestContextDeleter>;
using RsaKey = std::unique_ptr<EVP_PKEY, RsaKeyDeleter>;

constexpr int kLeastBits = 2048;  // RFC 7518 §3.3
constexpr int kMostBits = 16384;  // OpenSSL verifies none that are longer

bool is_fit(const RsaKey& key) {
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return false;
  const int bits = EVP_PKEY_get_bits(key.get());
  return bits >= kLeastBits && bits <= kMostBits;
}

}  // namespace

struct Rs256Signer::Key {
  RsaKey pkey;
};

Rs256Signer::Rs256Signer(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Rs256Signer::~Rs256Signer() = default;
Rs256Signer::Rs256Signer(Rs256Signer&&) noexcept = default;
Rs256Signer& Rs256Signer::operator=(Rs256Signer&&) noexcept = default;

Rs256Signer Rs256Signer::from_pem(const Secret& pem) {
  const Bio bio = pem_bio(pem.reveal());
  RsaKey key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  if (!is_fit(key)) throw CryptoError("not an unencrypted PEM private key for RSA of 2048 to 16384 bits");
  return Rs256Signer(std::make_unique<Key>(Key{std::move(key)}));
}

std::vector<std::byte> Rs256Signer::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  require(context != nullptr, "signature context");
  require(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) == 1, "signature start");
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, raw(message), message.size()) == 1, "signature size");
  std::vector<std::byte> signature(size);
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(message),
                         message.size()) == 1,
          "signature");
  signature.resize(size);
  return signature;
}

std::string Rs256Signer::public_key_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_->pkey.get()) == 1, "public key as PEM");
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

struct Rs256Verifier::Key {
  RsaKey pkey;
};

Rs256Verifier::Rs256Verifier(std::unique_ptr<Key> key) : key_(std::move(key)) {}
Rs256Verifier::~Rs256Verifier() = default;
Rs256Verifier::Rs256Verifier(Rs256Verifier&&) noexcept = default;
Rs256Verifier& Rs256Verifier::operator=(Rs256Verifier&&) noexcept = default;

std::optional<Rs256Verifier> Rs256Verifier::from_pem(std::string_view pem) {
  const Bio bio = pem_bio(pem);
  RsaKey key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, &no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  if (!is_fit(key)) return std::nullopt;
  return Rs256Verifier(std::make_unique<Key>(Key{std::move(key)}));
}

bool Rs256Verifier::verify(std::string_view message, std::span<const std::byte> signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const bool good = context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_->pkey.get()) == 1 &&
                    EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                                     signature.size(), raw(message), message.size()) == 1;
  if (!good) ERR_clear_error();
  return good;
}

}  // namespace nexus::crypto
