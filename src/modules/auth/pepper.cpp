#include "modules/auth/pepper.h"

#include "base/encoding.h"

#include <stdexcept>

namespace nexus::auth {
namespace {

constexpr std::size_t kLeastPepperBytes = 16;

}  // namespace

Pepper::Pepper(const Secret& current, int version) {
  add(version, current);
}

Pepper&& Pepper::with_older(int version, const Secret& secret) && {
  add(version, secret);
  return std::move(*this);
}

void Pepper::add(int version, const Secret& secret) {
  if (version < 1) throw std::invalid_argument("pepper versions start at 1");
  if (secret.reveal().size() < kLeastPepperBytes) throw std::invalid_argument("the API key pepper is too short");
  versions_.emplace_back(version, crypto::HmacKey(secret.reveal()));
}

std::optional<std::string> Pepper::hash(int version, std::string_view credential) const {
  if (version == 0) return crypto::sha256_hex(credential);
  for (const auto& [known, key] : versions_) {
    if (known == version) return hex_encode(key.sign(credential));
  }
  return std::nullopt;
}

std::vector<int> Pepper::known_versions() const {
  std::vector<int> versions;
  for (const auto& [version, key] : versions_) versions.push_back(version);
  versions.push_back(0);
  return versions;
}

}  // namespace nexus::auth
