#include "crypto/aes_gcm.h"

#include "crypto/evp.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace nexus::crypto {
namespace {

struct CipherContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, CipherContextDeleter>;

const EVP_CIPHER* cipher_for(std::size_t key_bytes) {
  if (key_bytes == 16) return EVP_aes_128_gcm();
  if (key_bytes == 24) return EVP_aes_192_gcm();
  if (key_bytes == 32) return EVP_aes_256_gcm();
  throw CryptoError("an AES key has 16, 24 or 32 bytes");
}

const unsigned char* in(std::span<const std::byte> bytes) {
  static constexpr unsigned char kNothing = 0;
  return bytes.empty() ? &kNothing : reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* out(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

int length_of(std::span<const std::byte> bytes) {
  require(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()) - 64, "more than 2 GiB at once");
  return static_cast<int>(bytes.size());
}

enum class Direction : int { kDecrypt = 0, kEncrypt = 1 };

CipherContext start(Direction direction, std::span<const std::byte> key, const GcmNonce& nonce,
                    std::span<const std::byte> aad) {
  CipherContext context(EVP_CIPHER_CTX_new());
  require(context != nullptr, "cipher context");
  require(EVP_CipherInit_ex(context.get(), cipher_for(key.size()), nullptr, in(key), in(nonce),
                            static_cast<int>(direction)) == 1,
          "cipher start");
  int written = 0;
  if (!aad.empty())
    require(EVP_CipherUpdate(context.get(), nullptr, &written, in(aad), length_of(aad)) == 1, "additional data");
  return context;
}

}  // namespace

std::vector<std::byte> aes_gcm_encrypt(std::span<const std::byte> key, const GcmNonce& nonce,
                                       std::span<const std::byte> plaintext, std::span<const std::byte> aad) {
  const CipherContext context = start(Direction::kEncrypt, key, nonce, aad);
  std::vector<std::byte> sealed(plaintext.size() + kGcmTagBytes);
  int written = 0;
  int last = 0;
  require(EVP_CipherUpdate(context.get(), out(sealed.data()), &written, in(plaintext), length_of(plaintext)) == 1,
          "encryption");
  require(EVP_CipherFinal_ex(context.get(), out(sealed.data() + written), &last) == 1, "encryption end");
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kGcmTagBytes),
                              sealed.data() + plaintext.size()) == 1,
          "encryption tag");
  return sealed;
}

std::optional<std::vector<std::byte>> aes_gcm_decrypt(std::span<const std::byte> key, const GcmNonce& nonce,
                                                      std::span<const std::byte> ciphertext_and_tag,
                                                      std::span<const std::byte> aad) {
  if (ciphertext_and_tag.size() < kGcmTagBytes) return std::nullopt;
  const auto ciphertext = ciphertext_and_tag.first(ciphertext_and_tag.size() - kGcmTagBytes);
  std::array<std::byte, kGcmTagBytes> tag{};
  std::copy_n(ciphertext_and_tag.end() - kGcmTagBytes, kGcmTagBytes, tag.begin());
  const CipherContext context = start(Direction::kDecrypt, key, nonce, aad);
  std::vector<std::byte> plain(ciphertext.size() + 1);  // never empty, so that data() may be written through
  int written = 0;
  int last = 0;
  require(EVP_CipherUpdate(context.get(), out(plain.data()), &written, in(ciphertext), length_of(ciphertext)) == 1,
          "decryption");
  require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kGcmTagBytes), tag.data()) == 1,
          "decryption tag");
  if (EVP_CipherFinal_ex(context.get(), out(plain.data() + written), &last) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  plain.resize(ciphertext.size());
  return plain;
}

}  // namespace nexus::crypto
