#include "modules/auth/keys_repository.h"

#include <algorithm>
#include <limits>

namespace nexus::auth {
namespace {

using db::Statement;

constexpr std::string_view kAuthScope = "auth:";

constexpr Statement kFindById{"auth.key_by_id", R"(
  SELECT k.id, k.user_id, k.tenant_id, k.key_prefix, k.name, u.role, u.is_active, k.expires_at, k.last_used_at,
    k.revoked_at, k.created_at, k.key_hash, k.hash_version, u.tenant_id
  FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.id = $1)"};

constexpr Statement kFindByHash{"auth.key_by_hash", R"(
  SELECT k.id, k.user_id, k.tenant_id, k.key_prefix, k.name, u.role, u.is_active, k.expires_at, k.last_used_at,
    k.revoked_at, k.created_at, k.key_hash, k.hash_version, u.tenant_id
  FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.key_hash = $1)"};

constexpr Statement kFindOfTenant{"auth.key_of_tenant", R"(
  SELECT k.id, k.user_id, k.tenant_id, k.key_prefix, k.name, u.role, u.is_active, k.expires_at, k.last_used_at,
    k.revoked_at, k.created_at
  FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.tenant_id = $1 AND k.id = $2)"};

// Newest first after the position ($2, $3); idle since $4 or expired by $5; $6: revoked ones too.
constexpr Statement kList{"auth.keys_of_tenant", R"(
  SELECT k.id, k.user_id, k.tenant_id, k.key_prefix, k.name, u.role, u.is_active, k.expires_at, k.last_used_at,
    k.revoked_at, k.created_at
  FROM api_keys k JOIN users u ON u.id = k.user_id
  WHERE k.tenant_id = $1 AND k.created_at <= $2 AND (k.created_at < $2 OR k.id > $3)
    AND (COALESCE(k.last_used_at, k.created_at) <= $4 OR k.expires_at <= $5) AND (k.revoked_at IS NULL OR $6)
  ORDER BY k.created_at DESC, k.id LIMIT $7)"};

constexpr Statement kCountActive{"auth.count_active_keys", R"(
  SELECT count(*) FROM api_keys k JOIN users u ON u.id = k.user_id
  WHERE k.tenant_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) AND u.is_active)"};

constexpr Statement kCountUsableAdmins{"auth.count_usable_admin_keys", R"(
  SELECT count(*) FROM api_keys k JOIN users u ON u.id = k.user_id
  WHERE k.tenant_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2) AND u.is_active
    AND u.role = 'admin' AND COALESCE(k.last_used_at, k.created_at) > $3)"};

constexpr Statement kSeveralTenants{"auth.several_tenants", R"(
  SELECT CASE WHEN (SELECT min(tenant_id) FROM users) <> (SELECT max(tenant_id) FROM users) THEN 1 ELSE 0 END)"};

constexpr Statement kFindUser{"auth.user", R"(SELECT id, tenant_id, role, is_active FROM users WHERE id = $1)"};

constexpr Statement kInsertUser{"auth.insert_user", R"(
  INSERT INTO users (id, tenant_id, email, role, is_active, created_at) VALUES ($1, $2, $3, $4, $5, $6))"};

constexpr Statement kUpdateUser{"auth.update_user", R"(UPDATE users SET role = $2, email = $3 WHERE id = $1)"};

constexpr Statement kInsertKey{"auth.insert_key", R"(
  INSERT INTO api_keys (id, user_id, tenant_id, key_prefix, key_hash, hash_version, name, expires_at, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9))"};

constexpr Statement kRevoke{"auth.revoke_key", R"(UPDATE api_keys SET revoked_at = $2 WHERE id = $1)"};

constexpr Statement kUpdateKey{"auth.update_key", R"(
  UPDATE api_keys SET name = $3, expires_at = $4, revoked_at = $5, last_used_at = COALESCE($6, last_used_at)
  WHERE tenant_id = $1 AND id = $2)"};

constexpr Statement kTouch{"auth.touch_key", R"(
  UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2))"};

constexpr Statement kUpgradeHash{"auth.upgrade_hash", R"(
  UPDATE api_keys SET key_hash = $3, hash_version = $4 WHERE id = $1 AND key_hash = $2)"};

constexpr Statement kNextVersion{"auth.next_version", R"(
  INSERT INTO cache_versions (scope, version) VALUES ('#', 1)
  ON CONFLICT (scope) DO UPDATE SET version = cache_versions.version + 1 RETURNING version)"};

constexpr Statement kSetVersion{"auth.set_version", R"(
  INSERT INTO cache_versions (scope, version) VALUES ($1, $2)
  ON CONFLICT (scope) DO UPDATE SET version = excluded.version)"};

constexpr Statement kChanges{"auth.changed_scopes", R"(
  SELECT scope, version FROM cache_versions WHERE version > $1)"};

constexpr const Statement* kAuthStatements[] = {
    &kFindById,       &kFindByHash, &kFindOfTenant, &kList,        &kCountActive, &kCountUsableAdmins,
    &kSeveralTenants, &kFindUser,   &kInsertUser,   &kUpdateUser,  &kInsertKey,   &kRevoke,
    &kUpdateKey,      &kTouch,      &kUpgradeHash,  &kNextVersion, &kSetVersion,  &kChanges};

/// Bounds that leave nothing out: no clock is set that far.
constexpr Timestamp kAlways{253'402'300'799 * Timestamp::kSecond};  // 9999-12-31T23:59:59Z
constexpr Timestamp kNever{0};
constexpr std::int64_t kAllRows = std::numeric_limits<std::int64_t>::max();

Key key_of(const db::Cursor& row) {
  return {.id = row.str(0),
          .user_id = row.str(1),
          .tenant_id = row.str(2),
          .key_prefix = row.str(3),
          .name = row.opt_str(4),
          .role = row.str(5),
          .user_active = row.boolean(6),
          .expires_at = row.opt_time(7),
          .last_used_at = row.opt_time(8),
          .revoked_at = row.opt_time(9),
          .created_at = row.time(10)};
}

std::optional<KeyRecord> record_of(db::Cursor row) {
  if (!row.next()) return std::nullopt;
  return KeyRecord{.key = key_of(row),
                   .key_hash = row.str(11),
                   .hash_version = static_cast<int>(row.i64(12)),
                   .user_tenant_id = row.str(13)};
}

}  // namespace

std::optional<KeyRecord> KeysRepository::find_by_id(db::Snapshot& db, std::string_view key_id) const {
  return record_of(db.query(kFindById, key_id));
}

std::optional<KeyRecord> KeysRepository::find_by_hash(db::Snapshot& db, std::string_view key_hash) const {
  return record_of(db.query(kFindByHash, key_hash));
}

std::optional<Key> KeysRepository::find(db::Snapshot& db, const TenantScope& tenant, std::string_view key_id) const {
  auto row = db.query(kFindOfTenant, tenant.id(), key_id);
  return row.next() ? std::optional(key_of(row)) : std::nullopt;
}

std::vector<Key> KeysRepository::list(db::Snapshot& db, const TenantScope& tenant, const KeyFilter& filter) const {
  const KeyPosition after = filter.after.value_or(KeyPosition{kAlways, ""});
  const KeyFilter::Idle idle = filter.idle.value_or(KeyFilter::Idle{.since = kAlways, .now = kAlways});
  auto rows = db.query(kList, tenant.id(), after.created_at, after.id, idle.since, idle.now, filter.with_revoked,
                       filter.limit.value_or(kAllRows));
  std::vector<Key> keys;
  while (rows.next()) keys.push_back(key_of(rows));
  return keys;
}

std::int64_t KeysRepository::count_active(db::Snapshot& db, const TenantScope& tenant, Timestamp now) const {
  auto row = db.query(kCountActive, tenant.id(), now);
  return row.next() ? row.i64(0) : 0;
}

std::int64_t KeysRepository::count_usable_admins(db::Snapshot& db, const TenantScope& tenant, Timestamp now,
                                                 std::optional<Timestamp> idle_before) const {
  auto row = db.query(kCountUsableAdmins, tenant.id(), now, idle_before.value_or(kNever));
  return row.next() ? row.i64(0) : 0;
}

bool KeysRepository::has_several_tenants(db::Snapshot& db) const {
  auto row = db.query(kSeveralTenants);
  return row.next() && row.boolean(0);
}

std::optional<KeysRepository::User> KeysRepository::find_user(db::Snapshot& db, std::string_view user_id) const {
  auto row = db.query(kFindUser, user_id);
  if (!row.next()) return std::nullopt;
  return User{row.str(0), row.str(1), row.str(2), row.boolean(3)};
}

void KeysRepository::insert_user(db::Tx& tx, const User& user, const std::optional<std::string>& email,
                                 Timestamp now) const {
  tx.exec(kInsertUser, user.id, user.tenant_id, email, user.role, user.is_active, now);
}

void KeysRepository::update_user(db::Tx& tx, std::string_view user_id, std::string_view role,
                                 const std::optional<std::string>& email) const {
  tx.exec(kUpdateUser, user_id, role, email);
}

void KeysRepository::insert_key(db::Tx& tx, const KeyRecord& record) const {
  const Key& key = record.key;
  tx.exec(kInsertKey, key.id, key.user_id, key.tenant_id, key.key_prefix, record.key_hash, record.hash_version,
          key.name, key.expires_at, key.created_at);
}

void KeysRepository::revoke(db::Tx& tx, std::string_view key_id, Timestamp at) const {
  tx.exec(kRevoke, key_id, at);
}

void KeysRepository::update(db::Tx& tx, const TenantScope& tenant, const Key& key,
                            std::optional<Timestamp> used_at) const {
  tx.exec(kUpdateKey, tenant.id(), key.id, key.name, key.expires_at, key.revoked_at, used_at);
}

void KeysRepository::touch(db::Tx& tx, std::string_view key_id, Timestamp at) const {
  tx.exec(kTouch, key_id, at);
}

void KeysRepository::upgrade_hash(db::Tx& tx, std::string_view key_id, std::string_view old_hash,
                                  std::string_view new_hash, int version) const {
  tx.exec(kUpgradeHash, key_id, old_hash, new_hash, version);
}

void AuthVersions::bump(db::Tx& tx, std::string_view tenant_id) const {
  std::int64_t version = 0;
  {
    auto next = tx.query(kNextVersion);
    if (!next.next()) throw db::Error(db::ErrorCode::kOther, "no cache version");
    version = next.i64(0);
  }
  tx.exec(kSetVersion, std::string(kAuthScope) + std::string(tenant_id), version);
}

AuthVersions::Changes AuthVersions::changes(db::Snapshot& db, std::int64_t since) const {
  Changes changes{.version = since, .tenants = {}};
  auto rows = db.query(kChanges, since);
  while (rows.next()) {
    changes.version = std::max(changes.version, rows.i64(1));
    const std::string_view scope = rows.text(0);
    if (scope.starts_with(kAuthScope)) changes.tenants.emplace_back(scope.substr(kAuthScope.size()));
  }
  return changes;
}

db::StatementList auth_statements() {
  return kAuthStatements;
}

}  // namespace nexus::auth
