#pragma once

#include "base/secret.h"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nexus::crypto {

using Ed25519PublicKey = std::array<std::byte, 32>;
using Ed25519Signature = std::array<std::byte, 64>;

/// Signs with Ed25519 (RFC 8032). Movable; sign() is thread-safe. The seed lives in OpenSSL's key object only.
class Ed25519Signer {
 public:
  /// From the 32-byte seed. Throws CryptoError.
  explicit Ed25519Signer(std::span<const std::byte, 32> seed);
  /// From text: 64 hex digits (surrounding blanks allowed), or a PEM private key (PKCS #8). Throws CryptoError with a
  /// message that does not contain the text.
  [[nodiscard]] static Ed25519Signer from_text(const Secret& text);
  ~Ed25519Signer();
  Ed25519Signer(Ed25519Signer&&) noexcept;
  Ed25519Signer& operator=(Ed25519Signer&&) noexcept;

  [[nodiscard]] Ed25519Signature sign(std::string_view message) const;
  [[nodiscard]] const Ed25519PublicKey& public_key() const noexcept { return public_key_; }
  /// SubjectPublicKeyInfo as PEM, for `openssl pkeyutl -verify` and the like.
  [[nodiscard]] std::string public_key_pem() const;

 private:
  struct Key;
  explicit Ed25519Signer(std::unique_ptr<Key> key);

  std::unique_ptr<Key> key_;
  Ed25519PublicKey public_key_{};
};

/// False for a wrong signature and for bytes that are no key or signature at all. Thread-safe.
[[nodiscard]] bool ed25519_verify(const Ed25519PublicKey& key, std::string_view message,
                                  std::span<const std::byte> signature);

/// The raw key of a PEM public key; empty when it is anything else.
[[nodiscard]] std::optional<Ed25519PublicKey> ed25519_public_key_from_pem(std::string_view pem);

}  // namespace nexus::crypto
