#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/auth/auth_types.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::auth {

/// All SQL of the room. Looking a credential up happens before there is a tenant; everything else asks for the scope.
/// Throws db::Error.
class KeysRepository {
 public:
  [[nodiscard]] std::optional<KeyRecord> find_by_id(db::Snapshot& db, std::string_view key_id) const;
  [[nodiscard]] std::optional<KeyRecord> find_by_hash(db::Snapshot& db, std::string_view key_hash) const;
  [[nodiscard]] std::optional<Key> find(db::Snapshot& db, const TenantScope& tenant, std::string_view key_id) const;
  /// Newest first.
  [[nodiscard]] std::vector<Key> list(db::Snapshot& db, const TenantScope& tenant, const KeyFilter& filter) const;
  /// Neither revoked nor expired, of an active user.
  [[nodiscard]] std::int64_t count_active(db::Snapshot& db, const TenantScope& tenant, Timestamp now) const;
  /// Those of admins among them that the gate still lets in: used since `idle_before`, when there is such a limit.
  [[nodiscard]] std::int64_t count_usable_admins(db::Snapshot& db, const TenantScope& tenant, Timestamp now,
                                                 std::optional<Timestamp> idle_before) const;

  /// Whether users belong to more than one tenant. Maintenance: looks at all of them.
  [[nodiscard]] bool has_several_tenants(db::Snapshot& db) const;

  struct User {
    std::string id;
    std::string tenant_id;
    std::string role;
    bool is_active = true;
  };
  [[nodiscard]] std::optional<User> find_user(db::Snapshot& db, std::string_view user_id) const;
  void insert_user(db::Tx& tx, const User& user, const std::optional<std::string>& email, Timestamp now) const;
  void update_user(db::Tx& tx, std::string_view user_id, std::string_view role,
                   const std::optional<std::string>& email) const;
  void insert_key(db::Tx& tx, const KeyRecord& record) const;
  void revoke(db::Tx& tx, std::string_view key_id, Timestamp at) const;
  /// Stores name, expiry and revocation of `key`. `used_at` moves last_used_at; without it the column is left to
  /// touch().
  void update(db::Tx& tx, const TenantScope& tenant, const Key& key, std::optional<Timestamp> used_at) const;
  /// Moves last_used_at forward, never back.
  void touch(db::Tx& tx, std::string_view key_id, Timestamp at) const;
  /// Replaces the hash if it still is the one that was verified.
  void upgrade_hash(db::Tx& tx, std::string_view key_id, std::string_view old_hash, std::string_view new_hash,
                    int version) const;
};

/// What caches of this room hold, versioned (table cache_versions): each change bumps the tenant's scope in its own
/// transaction, and processes look for versions above the last that they saw.
class AuthVersions {
 public:
  void bump(db::Tx& tx, std::string_view tenant_id) const;

  struct Changes {
    std::int64_t version = 0;          ///< highest version there is
    std::vector<std::string> tenants;  ///< whose scope changed after `since`
  };
  [[nodiscard]] Changes changes(db::Snapshot& db, std::int64_t since) const;
};

[[nodiscard]] db::StatementList auth_statements();

}  // namespace nexus::auth
