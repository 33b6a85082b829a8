#include "modules/auth/keys_service.h"

#include "base/errors.h"
#include "base/ids.h"
#include "modules/auth/key_format.h"

#include <algorithm>
#include <utility>

namespace nexus::auth {
namespace {

template <class T>
boost::json::value value_or_null(const std::optional<T>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

std::string supported_role(const std::string& role) {
  const auto parsed = parse_role(role);
  if (!parsed) throw ApiError(errors::kAuthInvalidRole, "Unsupported role: " + role);
  return std::string(to_string(*parsed));
}

}  // namespace

KeysService::KeysService(db::Database& database, audit::Log& audit, const Clock& clock, Pepper pepper,
                         CredentialChanges* changes, Provision provision)
    : database_(database),
      audit_(audit),
      clock_(clock),
      pepper_(std::move(pepper)),
      changes_(changes),
      provision_(std::move(provision)) {}

IssuedKey KeysService::create(const TenantScope& tenant, const NewKey& request) {
  return database_.write([&](db::Tx& tx) {
    IssuedKey issued = issue(tx, tenant, request);
    audit(tx, "create_api_key", "auth.api_key.created", issued.key,
          {{"user_id", issued.key.user_id},
           {"key_prefix", issued.key.key_prefix},
           {"key_name", value_or_null(issued.key.name)},
           {"expires_in_days", value_or_null(request.expires_in_days)}});
    return issued;
  });
}

IssuedKey KeysService::issue(db::Tx& tx, const TenantScope& tenant, const NewKey& request,
                             std::optional<std::int64_t> most_active) {
  if (tenant.id().empty()) throw ApiError(errors::kInvalidInput, "A tenant id is required");
  const std::string role = supported_role(request.role);
  const Timestamp now = clock_.now();
  begin_change(tx, tenant.id());
  if (most_active && keys_.count_active(tx, tenant, now) >= *most_active)
    throw ApiError(errors::kKeyLimitReached, std::string(errors::kKeyLimitReached.message),
                   {{"max_active", *most_active}});
  const std::string user_id = request.user_id.value_or(hex32());
  if (const auto user = request.user_id ? keys_.find_user(tx, user_id) : std::nullopt) {
    if (user->tenant_id != tenant.id()) throw ApiError(errors::kConflict, "User belongs to a different tenant");
    keys_.update_user(tx, user_id, role, request.email);
  } else {
    keys_.insert_user(tx, {.id = user_id, .tenant_id = tenant.id(), .role = role}, request.email, now);
  }
  if (provision_) provision_(tx, tenant);
  return insert_key(
      tx, {.user_id = user_id,
           .tenant_id = tenant.id(),
           .name = request.name,
           .role = role,
           .expires_at =
               request.expires_in_days ? std::optional(now + *request.expires_in_days * Timestamp::kDay) : std::nullopt,
           .created_at = now});
}

IssuedKey KeysService::insert_key(db::Tx& tx, Key key) const {
  key.id = hex32();
  Secret plaintext = make_key(key.id);
  key.key_prefix = prefix_of(plaintext);
  const int version = pepper_.version();
  keys_.insert_key(tx, {.key = key,
                        .key_hash = *pepper_.hash(version, plaintext.reveal()),
                        .hash_version = version,
                        .user_tenant_id = key.tenant_id});
  return {std::move(key), std::move(plaintext)};
}

Key KeysService::revoke(std::string_view key_id) {
  return database_.write([&](db::Tx& tx) {
    Key key = take_key(tx, key_id);
    key.revoked_at = clock_.now();
    keys_.revoke(tx, key.id, *key.revoked_at);
    audit(tx, "revoke_api_key", "auth.api_key.revoked", key,
          {{"user_id", key.user_id}, {"key_prefix", key.key_prefix}, {"key_name", value_or_null(key.name)}});
    return key;
  });
}

RotatedKey KeysService::rotate(std::string_view old_key_id, const std::optional<std::string>& name,
                               bool keep_old_active) {
  return database_.write([&](db::Tx& tx) {
    const Key old = take_key(tx, old_key_id);
    if (old.revoked_at) throw ApiError(errors::kConflict, "API key is already revoked");
    const Timestamp now = clock_.now();
    RotatedKey rotated{.old_key_id = old.id,
                       .old_key_revoked = !keep_old_active,
                       .issued = insert_key(tx, {.user_id = old.user_id,
                                                 .tenant_id = old.tenant_id,
                                                 .name = name ? name : old.name,
                                                 .role = old.role,
                                                 .user_active = old.user_active,
                                                 .expires_at = old.expires_at,
                                                 .created_at = now})};
    if (!keep_old_active) keys_.revoke(tx, old.id, now);
    const Key& fresh = rotated.issued.key;
    audit(tx, "rotate_api_key", "auth.api_key.rotated", fresh,
          {{"rotated_from", old.id},
           {"new_key_id", fresh.id},
           {"user_id", fresh.user_id},
           {"name", value_or_null(fresh.name)},
           {"old_key_revoked", rotated.old_key_revoked}});
    return rotated;
  });
}

std::vector<ListedKey> KeysService::list(const TenantScope& tenant, std::int64_t inactive_days,
                                         bool inactive_only) const {
  if (inactive_days < 1) throw ApiError(errors::kInvalidInput, "inactive-days must be at least 1");
  const Timestamp now = clock_.now();
  KeyFilter filter;
  if (inactive_only) filter.idle = KeyFilter::Idle{.since = now - inactive_days * Timestamp::kDay, .now = now};
  auto keys = database_.read([&](db::Snapshot& db) { return keys_.list(db, tenant, filter); });
  std::vector<ListedKey> listed;
  listed.reserve(keys.size());
  for (Key& key : keys) listed.push_back(listed_at(now, std::move(key)));
  return listed;
}

bool KeysService::has_several_tenants() const {
  return database_.read([&](db::Snapshot& db) { return keys_.has_several_tenants(db); });
}

/// The key as it is while the changes of its tenant's keys are ours.
Key KeysService::take_key(db::Tx& tx, std::string_view key_id) {
  const auto seen = keys_.find_by_id(tx, key_id);
  if (!seen) throw ApiError(errors::kNotFound, "API key not found");
  begin_change(tx, seen->key.tenant_id);
  return keys_.find_by_id(tx, key_id).value().key;  // again: another change may have been in progress; keys stay
}

void KeysService::begin_change(db::Tx& tx, std::string_view tenant_id) {
  if (changes_ != nullptr)
    changes_->changed(tx, tenant_id);
  else
    versions_.bump(tx, tenant_id);
}

void KeysService::audit(db::Tx& tx, std::string_view tool, std::string_view event_type, const Key& key,
                        boost::json::object metadata) {
  audit_.record(tx, {.occurred_at = clock_.now(),
                     .tenant_id = key.tenant_id,
                     .actor_type = "system",
                     .actor_id = std::string(tool),
                     .actor_role = key.role,
                     .event_type = std::string(event_type),
                     .resource_type = "api_key",
                     .resource_id = key.id,
                     .metadata = std::move(metadata)});
}

}  // namespace nexus::auth
