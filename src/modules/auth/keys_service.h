#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/audit/ports.h"
#include "modules/auth/auth_types.h"
#include "modules/auth/keys_repository.h"
#include "modules/auth/pepper.h"
#include "modules/auth/ports.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::auth {

/// Life of API keys as the command line sees it (contract 01 §15). Each change, its audit row and the version that
/// tells caches to forget commit together. Failures are ApiErrors whose messages are fit for a terminal. Thread-safe.
class KeysService {
 public:
  /// Called in the transaction that makes a key, so that a new tenant gets what it needs (baseline policies).
  using Provision = std::function<void(db::Tx&, const TenantScope&)>;

  /// `changes` is the authenticator of this process, when it has one; without it only versions are bumped.
  KeysService(db::Database& database, audit::Log& audit, const Clock& clock, Pepper pepper,
              CredentialChanges* changes = nullptr, Provision provision = {});

  /// AUTH_INVALID_ROLE "Unsupported role: x"; CONFLICT when the user belongs to another tenant. An existing user takes
  /// the given role and e-mail.
  IssuedKey create(const TenantScope& tenant, const NewKey& request);
  /// NOT_FOUND "API key not found". A revoked key is revoked again, now.
  Key revoke(std::string_view key_id);
  /// A new key for the same user, tenant and expiry. NOT_FOUND when unknown, CONFLICT when already revoked.
  RotatedKey rotate(std::string_view old_key_id, const std::optional<std::string>& name, bool keep_old_active);
  /// Newest first. `inactive_days` (at least 1) is the threshold of `inactive_only`, which keeps idle and expired keys.
  [[nodiscard]] std::vector<ListedKey> list(const TenantScope& tenant, std::int64_t inactive_days,
                                            bool inactive_only) const;

  /// Where every admin is a platform operator, this is worth a warning (PLATFORM_OPERATOR_TENANTS=*).
  [[nodiscard]] bool has_several_tenants() const;

  /// The part of create() that others (self-serve, seeding) build on: user, key and version, no audit row. With
  /// `most_active`, KEY_LIMIT_REACHED when the tenant already has that many active keys; two callers cannot both take
  /// the last place.
  IssuedKey issue(db::Tx& tx, const TenantScope& tenant, const NewKey& request,
                  std::optional<std::int64_t> most_active = {});

  /// First step of every transaction that changes keys or users of a tenant: caches forget them when it commits, and
  /// the row of the tenant's version is locked until then. So whoever counts keys after it counts alone, also on an
  /// engine with many writers.
  void begin_change(db::Tx& tx, std::string_view tenant_id);

 private:
  [[nodiscard]] Key take_key(db::Tx& tx, std::string_view key_id);
  [[nodiscard]] IssuedKey insert_key(db::Tx& tx, Key key) const;
  void audit(db::Tx& tx, std::string_view tool, std::string_view event_type, const Key& key,
             boost::json::object metadata);

  db::Database& database_;
  audit::Log& audit_;
  const Clock& clock_;
  const Pepper pepper_;
  CredentialChanges* const changes_;
  const Provision provision_;
  KeysRepository keys_;
  AuthVersions versions_;
};

}  // namespace nexus::auth
