#include "modules/auth/key_format.h"

#include "base/encoding.h"
#include "base/ids.h"

#include <algorithm>
#include <array>

namespace nexus::auth {
namespace {

constexpr std::size_t kIdSize = 32;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretSize = 43;
constexpr std::size_t kPrefixSize = 12;

bool is_lower_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_base64url(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

}  // namespace

Secret make_key(std::string_view key_id) {
  std::array<std::byte, kSecretBytes> random{};
  random_bytes(random);
  std::string text(kKeyMark);
  text.append(key_id).append("_").append(base64url_encode(random));
  return Secret(std::move(text));
}

std::string prefix_of(const Secret& key) {
  return std::string(key.reveal().substr(0, kPrefixSize));
}

std::optional<std::string_view> embedded_id(std::string_view credential) {
  if (credential.size() != kKeyMark.size() + kIdSize + 1 + kSecretSize || !credential.starts_with(kKeyMark))
    return std::nullopt;
  const std::string_view id = credential.substr(kKeyMark.size(), kIdSize);
  const std::string_view secret = credential.substr(kKeyMark.size() + kIdSize + 1);
  if (credential[kKeyMark.size() + kIdSize] != '_' || !std::all_of(id.begin(), id.end(), is_lower_hex) ||
      !std::all_of(secret.begin(), secret.end(), is_base64url))
    return std::nullopt;
  return id;
}

}  // namespace nexus::auth
