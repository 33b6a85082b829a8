#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace nexus::crypto {

inline constexpr std::size_t kGcmNonceBytes = 12;
inline constexpr std::size_t kGcmTagBytes = 16;
using GcmNonce = std::array<std::byte, kGcmNonceBytes>;

/// AES-GCM (NIST SP 800-38D) with a key of 16, 24 or 32 bytes; returns ciphertext followed by the tag. A nonce must
/// never repeat under one key. Throws CryptoError. Thread-safe.
[[nodiscard]] std::vector<std::byte> aes_gcm_encrypt(std::span<const std::byte> key, const GcmNonce& nonce,
                                                     std::span<const std::byte> plaintext,
                                                     std::span<const std::byte> aad);

/// The plaintext; empty optional when the tag does not match (wrong key, nonce, additional data, or altered bytes).
[[nodiscard]] std::optional<std::vector<std::byte>> aes_gcm_decrypt(std::span<const std::byte> key,
                                                                    const GcmNonce& nonce,
                                                                    std::span<const std::byte> ciphertext_and_tag,
                                                                    std::span<const std::byte> aad);

}  // namespace nexus::crypto
