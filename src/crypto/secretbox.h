#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::crypto {

using AesKey = std::array<std::byte, 32>;

/// Seals short texts with AES-256-GCM under a random nonce and remembers in the sealed bytes which key it used, so that
/// keys can be rotated: seal with the current one, open with any known one.
///
///   0x01 | length of key id (1) | key id | nonce (12) | ciphertext | tag (16)
///
/// Everything before the nonce and the caller's additional data are authenticated. Random nonces bound one key to 2^32
/// messages (NIST SP 800-38D §8.3). Thread-safe once built.
class SecretBox {
 public:
  /// `key_id`: 1 to 255 bytes; it is not secret. Throws std::invalid_argument otherwise.
  SecretBox(std::string key_id, const AesKey& key);
  ~SecretBox();
  SecretBox(SecretBox&&) noexcept = default;
  SecretBox& operator=(SecretBox&&) noexcept = default;

  /// A former key: opens, never seals.
  void add_former_key(std::string key_id, const AesKey& key);

  /// `context` binds the sealed bytes to their place (tenant, table, row): opening elsewhere fails.
  [[nodiscard]] std::vector<std::byte> seal(std::string_view plaintext, std::string_view context) const;
  /// Empty when the bytes are malformed, altered, of another context or of an unknown key.
  [[nodiscard]] std::optional<std::string> open(std::span<const std::byte> sealed, std::string_view context) const;

  /// The key that sealed the bytes; empty when they are malformed.
  [[nodiscard]] static std::optional<std::string> key_id(std::span<const std::byte> sealed);

 private:
  std::string current_;
  std::map<std::string, AesKey, std::less<>> keys_;
};

/// A key for one purpose from a master secret: HKDF-SHA-256 (RFC 5869) with `purpose` as info and no salt.
[[nodiscard]] AesKey derive_key(std::string_view master, std::string_view purpose);

}  // namespace nexus::crypto
