#pragma once

#include "base/secret.h"
#include "crypto/hash.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::auth {

/// Server-side key of the stored credential hashes: hash = HMAC-SHA-256(pepper, credential). Versions allow a change of
/// pepper: new hashes use the current one, older ones stay valid until their keys are used again. Version 0 is the bare
/// SHA-256 of adopted databases. Immutable after construction; thread-safe.
class Pepper {
 public:
  using Digest = crypto::Digest;

  /// Throws std::invalid_argument when the secret is shorter than 16 bytes or the version is below 1.
  explicit Pepper(const Secret& current, int version = 1);
  /// Adds a pepper that stored hashes may still use.
  Pepper&& with_older(int version, const Secret& secret) &&;

  [[nodiscard]] int version() const { return versions_.front().first; }
  /// HMAC under the current pepper.
  [[nodiscard]] Digest digest(std::string_view credential) const { return versions_.front().second.sign(credential); }
  /// Stored form (lower-case hex) under a version; empty when this process does not know that pepper.
  [[nodiscard]] std::optional<std::string> hash(int version, std::string_view credential) const;
  /// Current first, the bare hash last.
  [[nodiscard]] std::vector<int> known_versions() const;

 private:
  void add(int version, const Secret& secret);

  std::vector<std::pair<int, crypto::HmacKey>> versions_;  ///< current first
};

}  // namespace nexus::auth
