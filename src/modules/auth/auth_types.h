#pragma once

#include "base/principal.h"
#include "base/secret.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace nexus::auth {

/// A key with its user, as people may see it: never the key itself, never its hash.
struct Key {
  std::string id;  ///< 32 hexadecimal characters
  std::string user_id;
  std::string tenant_id;
  std::string key_prefix;  ///< first 12 characters of the plaintext
  std::optional<std::string> name;
  std::string role;  ///< as stored with the user; may be outside the vocabulary in an adopted database
  bool user_active = true;
  std::optional<Timestamp> expires_at;
  std::optional<Timestamp> last_used_at;
  std::optional<Timestamp> revoked_at;
  Timestamp created_at;

  [[nodiscard]] bool is_expired(Timestamp now) const { return expires_at && *expires_at <= now; }
  [[nodiscard]] bool is_active(Timestamp now) const { return user_active && !revoked_at && !is_expired(now); }
  [[nodiscard]] Timestamp last_sign_of_life() const { return last_used_at.value_or(created_at); }
  /// Whole days, never negative.
  [[nodiscard]] std::int64_t idle_days(Timestamp now) const {
    const std::int64_t idle = now - last_sign_of_life();
    return idle > 0 ? idle / Timestamp::kDay : 0;
  }
};

/// What the gate needs beside it.
struct KeyRecord {
  Key key;
  std::string key_hash;  ///< lower-case hex
  int hash_version = 0;  ///< 0: SHA-256(key); n >= 1: HMAC-SHA-256(pepper n, key)
  std::string user_tenant_id;
};

/// A key at the only moment when its plaintext exists.
struct IssuedKey {
  Key key;
  Secret plaintext;  ///< nrgk_<key id>_<43 characters>
};

struct NewKey {
  std::string role;
  std::optional<std::string> name;
  std::optional<std::string> user_id;  ///< existing user to bind to (its role and e-mail are updated), or id to create
  std::optional<std::string> email;
  std::optional<std::int64_t> expires_in_days;
};

struct RotatedKey {
  std::string old_key_id;
  bool old_key_revoked = true;
  IssuedKey issued;
};

struct ListedKey {
  Key key;
  bool is_active = false;
  bool is_expired = false;
  std::int64_t inactive_days = 0;
};

[[nodiscard]] inline ListedKey listed_at(Timestamp now, Key key) {
  ListedKey item{.key = {},
                 .is_active = key.is_active(now),
                 .is_expired = key.is_expired(now),
                 .inactive_days = key.idle_days(now)};
  item.key = std::move(key);
  return item;
}

/// Where a list of keys, newest first, goes on.
struct KeyPosition {
  Timestamp created_at;
  std::string id;
};

/// Which keys a list holds.
struct KeyFilter {
  struct Idle {
    Timestamp since;  ///< not used since then,
    Timestamp now;    ///< or expired by now
  };
  std::optional<Idle> idle;
  bool with_revoked = true;
  std::optional<KeyPosition> after;
  std::optional<std::int64_t> limit;
};

}  // namespace nexus::auth
