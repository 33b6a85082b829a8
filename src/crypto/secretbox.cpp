#include "crypto/secretbox.h"

#include "base/encoding.h"
#include "base/ids.h"
#include "crypto/aes_gcm.h"
#include "crypto/hash.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace nexus::crypto {
namespace {

constexpr std::byte kFormat{0x01};
constexpr std::size_t kMaxKeyId = 255;

/// The parts of sealed bytes; views into them.
struct Parts {
  std::span<const std::byte> header;
  std::string_view key_id;
  GcmNonce nonce{};
  std::span<const std::byte> body;
};

std::optional<Parts> split(std::span<const std::byte> sealed) {
  if (sealed.size() < 2 || sealed[0] != kFormat) return std::nullopt;
  const auto id_bytes = std::to_integer<std::size_t>(sealed[1]);
  const std::size_t header_bytes = 2 + id_bytes;
  if (id_bytes == 0 || sealed.size() < header_bytes + kGcmNonceBytes + kGcmTagBytes) return std::nullopt;
  Parts parts;
  parts.header = sealed.first(header_bytes);
  parts.key_id = as_text(sealed.subspan(2, id_bytes));
  std::copy_n(sealed.begin() + static_cast<std::ptrdiff_t>(header_bytes), kGcmNonceBytes, parts.nonce.begin());
  parts.body = sealed.subspan(header_bytes + kGcmNonceBytes);
  return parts;
}

std::vector<std::byte> additional_data(std::span<const std::byte> header, std::string_view context) {
  std::vector<std::byte> aad(header.begin(), header.end());
  const auto more = as_bytes(context);
  aad.insert(aad.end(), more.begin(), more.end());
  return aad;
}

}  // namespace

SecretBox::SecretBox(std::string key_id, const AesKey& key) : current_(key_id) {
  add_former_key(std::move(key_id), key);
}

SecretBox::~SecretBox() {
  for (auto& entry : keys_) OPENSSL_cleanse(entry.second.data(), entry.second.size());
}

void SecretBox::add_former_key(std::string key_id, const AesKey& key) {
  if (key_id.empty() || key_id.size() > kMaxKeyId) throw std::invalid_argument("a key id has 1 to 255 bytes");
  keys_.emplace(std::move(key_id), key);
}

std::vector<std::byte> SecretBox::seal(std::string_view plaintext, std::string_view context) const {
  std::vector<std::byte> sealed{kFormat, std::byte(current_.size())};
  const auto id = as_bytes(current_);
  sealed.insert(sealed.end(), id.begin(), id.end());
  const std::vector<std::byte> aad = additional_data(sealed, context);
  GcmNonce nonce;
  random_bytes(nonce);
  const auto body = aes_gcm_encrypt(keys_.find(current_)->second, nonce, as_bytes(plaintext), aad);
  sealed.insert(sealed.end(), nonce.begin(), nonce.end());
  sealed.insert(sealed.end(), body.begin(), body.end());
  return sealed;
}

std::optional<std::string> SecretBox::open(std::span<const std::byte> sealed, std::string_view context) const {
  const auto parts = split(sealed);
  if (!parts) return std::nullopt;
  const auto key = keys_.find(parts->key_id);
  if (key == keys_.end()) return std::nullopt;
  const auto plain = aes_gcm_decrypt(key->second, parts->nonce, parts->body, additional_data(parts->header, context));
  if (!plain) return std::nullopt;
  return std::string(as_text(*plain));
}

std::optional<std::string> SecretBox::key_id(std::span<const std::byte> sealed) {
  const auto parts = split(sealed);
  return parts ? std::optional<std::string>(parts->key_id) : std::nullopt;
}

AesKey derive_key(std::string_view master, std::string_view purpose) {
  const Digest extracted =
      hmac_sha256(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32), master);
  return hmac_sha256(as_text(extracted), std::string(purpose) + '\x01');
}

}  // namespace nexus::crypto
