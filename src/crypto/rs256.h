#pragma once

#include "base/secret.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::crypto {

/// Signs with RSASSA-PKCS1-v1_5 and SHA-256: `RS256` of JSON Web Tokens (RFC 7518 §3.3). Movable; sign() is
/// thread-safe. The key lives in OpenSSL's key object only.
class Rs256Signer {
 public:
  /// From a PEM private key (PKCS #8 or PKCS #1, not encrypted) of 2048 to 16384 bits. Throws CryptoError with a
  /// message that does not contain the text.
  [[nodiscard]] static Rs256Signer from_pem(const Secret& pem);
  ~Rs256Signer();
  Rs256Signer(Rs256Signer&&) noexcept;
  Rs256Signer& operator=(Rs256Signer&&) noexcept;

  /// As long as the modulus. The same message gives the same signature.
  [[nodiscard]] std::vector<std::byte> sign(std::string_view message) const;
  /// SubjectPublicKeyInfo as PEM.
  [[nodiscard]] std::string public_key_pem() const;

 private:
  struct Key;
  explicit Rs256Signer(std::unique_ptr<Key> key);

  std::unique_ptr<Key> key_;
};

/// Checks such signatures. Movable; verify() is thread-safe.
class Rs256Verifier {
 public:
  /// From a PEM public key (SubjectPublicKeyInfo); empty when it is anything else or of another size than above.
  [[nodiscard]] static std::optional<Rs256Verifier> from_pem(std::string_view pem);
  ~Rs256Verifier();
  Rs256Verifier(Rs256Verifier&&) noexcept;
  Rs256Verifier& operator=(Rs256Verifier&&) noexcept;

  /// False for a wrong signature and for bytes that are none at all.
  [[nodiscard]] bool verify(std::string_view message, std::span<const std::byte> signature) const;

 private:
  struct Key;
  explicit Rs256Verifier(std::unique_ptr<Key> key);

  std::unique_ptr<Key> key_;
};

}  // namespace nexus::crypto
