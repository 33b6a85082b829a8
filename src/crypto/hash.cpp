#include "crypto/hash.h"

#include "base/encoding.h"
#include "crypto/evp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstring>
#include <utility>

namespace nexus::crypto {
namespace {

/// The deleter is a function type, not a local struct: Sha256::State holds one, and must not depend on a type that
/// exists in this file only (unity builds).
using MdContext = std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)>;

/// Looked up once: fetching costs more than hashing a short text.
const EVP_MD* sha256_method() {
  struct MethodDeleter {
    void operator()(EVP_MD* method) const { EVP_MD_free(method); }
  };
  static const std::unique_ptr<EVP_MD, MethodDeleter> method = [] {
    std::unique_ptr<EVP_MD, MethodDeleter> fetched(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    require(fetched != nullptr, "SHA-256 is not available");
    return fetched;
  }();
  return method.get();
}

MdContext new_context() {
  MdContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  require(context != nullptr, "digest context");
  require(EVP_DigestInit_ex2(context.get(), sha256_method(), nullptr) == 1, "digest start");
  return context;
}

/// Digest of two pieces on this thread's own context.
Digest digest(std::span<const std::byte> first, std::span<const std::byte> second) {
  thread_local const MdContext context = new_context();
  Digest out;
  // A null method keeps the one of the context: the cheap way to start over.
  require(EVP_DigestInit_ex2(context.get(), nullptr, nullptr) == 1, "digest start");
  require(EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1, "digest");
  if (!second.empty()) require(EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1, "digest");
  require(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1, "digest end");
  return out;
}

}  // namespace

struct Sha256::State {
  MdContext context = new_context();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1, "digest");
}

void Sha256::update(std::string_view text) {
  update(as_bytes(text));
}

Digest Sha256::finish() {
  Digest out;
  require(EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr) == 1,
          "digest end");
  require(EVP_DigestInit_ex2(state_->context.get(), nullptr, nullptr) == 1, "digest start");
  return out;
}

Digest sha256(std::span<const std::byte> bytes) {
  return digest(bytes, {});
}

Digest sha256(std::string_view text) {
  return digest(as_bytes(text), {});
}

std::string sha256_hex(std::string_view text) {
  return hex_encode(sha256(text));
}

HmacKey::HmacKey(std::string_view key) {
  std::array<std::byte, 64> block{};
  if (key.size() > block.size()) {
    const Digest shortened = sha256(key);
    std::memcpy(block.data(), shortened.data(), shortened.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  for (std::size_t i = 0; i < block.size(); ++i) {
    inner_[i] = block[i] ^ std::byte{0x36};
    outer_[i] = block[i] ^ std::byte{0x5C};
  }
  OPENSSL_cleanse(block.data(), block.size());
}

Digest HmacKey::sign(std::string_view message) const {
  const Digest inner = digest(inner_, as_bytes(message));
  return digest(outer_, inner);
}

Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message) {
  return HmacKey(as_text(key)).sign(as_text(message));
}

Digest hmac_sha256(std::string_view key, std::string_view message) {
  return HmacKey(key).sign(message);
}

}  // namespace nexus::crypto
