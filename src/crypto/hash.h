#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace nexus::crypto {

/// A SHA-256 digest (FIPS 180-4), also the tag of HMAC-SHA-256.
using Digest = std::array<std::byte, 32>;

/// A digest in pieces. Movable; after finish() it starts over. Not thread-safe.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Digest sha256(std::span<const std::byte> bytes);
[[nodiscard]] Digest sha256(std::string_view text);
/// Lower-case hexadecimal of it.
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// HMAC-SHA-256 (RFC 2104).
[[nodiscard]] Digest hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> message);
[[nodiscard]] Digest hmac_sha256(std::string_view key, std::string_view message);

/// HMAC-SHA-256 under one key, with the key's share of the work done once. Copyable; sign() is thread-safe.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  [[nodiscard]] Digest sign(std::string_view message) const;

 private:
  std::array<std::byte, 64> inner_{};  // key xor ipad, key xor opad
  std::array<std::byte, 64> outer_{};
};

}  // namespace nexus::crypto
