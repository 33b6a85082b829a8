#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "http/call.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/auth/auth_types.h"
#include "modules/auth/keys_repository.h"
#include "modules/auth/keys_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::auth {

struct KeyRules {
  std::int64_t most_active = 20;  ///< SELF_SERVE_MAX_ACTIVE_KEYS
  /// AUTH_API_KEY_INACTIVE_DAYS where the gate enforces it: a key that idle is refused, so it does not count as a way
  /// in.
  std::optional<std::int64_t> idle_days;
};

/// Absent members stay as they are. `active` false and `revoke` both end the key, true brings it back; an expiry of
/// null lifts the expiry.
struct KeyChange {
  schema::Patch<Timestamp> expires_at;
  std::optional<std::string> name;
  std::optional<bool> active;
  bool revoke = false;
};

struct KeyPage {
  std::vector<ListedKey> items;
  std::optional<std::string> next_cursor;
};

/// Keys as the admins of a tenant manage them over the API (contract 01 §11.2, §11.3). Beyond what KeysService does for
/// the command line it keeps two promises, each checked in the transaction of the change:
///   - whoever takes a tenant's last usable admin key away, by revocation or expiry, gets 409 CONFLICT: a tenant cannot
///     lock itself out. A caller may revoke the key it calls with while another one remains;
///   - no key becomes active beyond `most_active`: 409 KEY_LIMIT_REACHED.
/// A key of another tenant is unknown: 404 NOT_FOUND "API key not found". Thread-safe.
class TenantKeys {
 public:
  static constexpr std::int64_t kMostListed = 10'000;  ///< keys of a page when nobody asked for fewer

  TenantKeys(db::Database& database, audit::Log& audit, const Clock& clock, KeysService& keys, KeyRules rules);

  /// A key of a new user. Audits `selfserve.api_key.created`, also when the limit refuses it.
  IssuedKey create(const http::Call& call, const NewKey& request);
  /// Keeps the time of the first revocation. Audits `selfserve.api_key.revoked` each time.
  ListedKey revoke(const http::Call& call, std::string_view key_id);
  /// Audits `auth.api_key.updated`, `.deactivated`, `.reactivated` or `.revoked` in the key's tenant, which may be
  /// another than the caller's.
  ListedKey change(const http::Call& call, const TenantScope& tenant, std::string_view key_id, const KeyChange& change);

  /// `filter` without position and limit; these are `cursor`, the id of the last key of the page before, and `limit`.
  /// Throws INVALID_CURSOR.
  [[nodiscard]] KeyPage list(const TenantScope& tenant, KeyFilter filter, std::optional<std::int64_t> limit = {},
                             const std::optional<std::string>& cursor = {}) const;
  /// Whom a key belongs to, for those who may act for any tenant.
  [[nodiscard]] std::optional<std::string> tenant_of(std::string_view key_id) const;

 private:
  [[nodiscard]] Key own(db::Snapshot& db, const TenantScope& tenant, std::string_view key_id) const;
  [[nodiscard]] bool opens_admin_doors(const Key& key, Timestamp now) const;
  void require_admin_left(db::Tx& tx, const TenantScope& tenant, Timestamp now) const;
  void require_room(db::Tx& tx, const TenantScope& tenant, Timestamp now) const;

  db::Database& database_;
  audit::Log& audit_;
  const Clock& clock_;
  KeysService& keys_;
  const KeyRules rules_;
  KeysRepository repository_;
};

}  // namespace nexus::auth
