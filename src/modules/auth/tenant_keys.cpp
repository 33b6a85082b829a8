#include "modules/auth/tenant_keys.h"

#include "base/errors.h"

#include <algorithm>
#include <utility>

namespace nexus::auth {
namespace {

boost::json::value iso_or_null(const std::optional<Timestamp>& time) {
  return time ? boost::json::value(iso(*time)) : boost::json::value(nullptr);
}

boost::json::value text_or_null(const std::optional<std::string>& text) {
  return text ? boost::json::value(*text) : boost::json::value(nullptr);
}

ApiError limit_reached(std::int64_t most) {
  return {errors::kKeyLimitReached, std::string(errors::kKeyLimitReached.message), {{"max_active", most}}};
}

/// What a change does to a key, and the last event that applies to it.
struct Applied {
  std::string_view event = "auth.api_key.updated";
  std::optional<Timestamp> used_at;
};

Applied apply(const KeyChange& change, Timestamp now, Key& key) {
  Applied applied;
  change.expires_at.apply_to(key.expires_at);
  if (change.name) key.name = change.name;
  if (change.active == false && !key.revoked_at) {
    key.revoked_at = now;
    applied.event = "auth.api_key.deactivated";
  } else if (change.active == true) {
    key.revoked_at.reset();
    key.last_used_at = now;  // else the gate would refuse it as idle
    applied.used_at = now;
    applied.event = "auth.api_key.reactivated";
  }
  if (change.revoke) {
    key.revoked_at = now;
    applied.event = "auth.api_key.revoked";
  }
  return applied;
}

}  // namespace

TenantKeys::TenantKeys(db::Database& database, audit::Log& audit, const Clock& clock, KeysService& keys, KeyRules rules)
    : database_(database), audit_(audit), clock_(clock), keys_(keys), rules_(rules) {}

IssuedKey TenantKeys::create(const http::Call& call, const NewKey& request) {
  audit::Event event = audit::event_of(call, "selfserve.api_key.created");
  try {
    return database_.write([&](db::Tx& tx) {
      IssuedKey issued = keys_.issue(tx, call.tenant(), request, rules_.most_active);
      const Key& key = issued.key;
      event.resource_type = "api_key";
      event.resource_id = key.id;
      event.metadata = {{"key_id", key.id}, {"name", text_or_null(key.name)}, {"role", key.role}};
      audit_.record(tx, event);
      return issued;
    });
  } catch (const ApiError& e) {
    if (!(e.kind() == errors::kKeyLimitReached)) throw;
    // Nothing was changed, so there is no transaction to share.
    event.success = false;
    event.error_code = std::string(e.kind().code);
    event.resource_type.reset();
    event.resource_id.reset();
    event.metadata = {{"reason", "limit_reached"}, {"max_active", rules_.most_active}};
    audit_.record_soon(std::move(event));
    throw;
  }
}

ListedKey TenantKeys::revoke(const http::Call& call, std::string_view key_id) {
  return database_.write([&](db::Tx& tx) {
    const TenantScope& tenant = call.tenant();
    const Timestamp now = clock_.now();
    keys_.begin_change(tx, tenant.id());
    Key key = own(tx, tenant, key_id);
    if (!key.revoked_at) {
      const bool opened = opens_admin_doors(key, now);
      key.revoked_at = now;
      repository_.revoke(tx, key.id, now);
      if (opened) require_admin_left(tx, tenant, now);
    }
    audit::Event event = audit::event_of(call, "selfserve.api_key.revoked");
    event.resource_type = "api_key";
    event.resource_id = key.id;
    event.metadata = {{"key_id", key.id}};
    audit_.record(tx, event);
    return listed_at(now, std::move(key));
  });
}

ListedKey TenantKeys::change(const http::Call& call, const TenantScope& tenant, std::string_view key_id,
                             const KeyChange& change) {
  return database_.write([&](db::Tx& tx) {
    const Timestamp now = clock_.now();
    keys_.begin_change(tx, tenant.id());
    Key key = own(tx, tenant, key_id);
    const bool was_active = key.is_active(now);
    const bool opened = opens_admin_doors(key, now);
    const Applied applied = apply(change, now, key);
    repository_.update(tx, tenant, key, applied.used_at);
    if (opened && !opens_admin_doors(key, now)) require_admin_left(tx, tenant, now);
    if (!was_active && key.is_active(now)) require_room(tx, tenant, now);

    audit::Event event = audit::event_of(call, applied.event);
    event.tenant_id = tenant.id();
    event.resource_type = "api_key";
    event.resource_id = key.id;
    event.metadata = {{"target_api_key_id", key.id},
                      {"expires_at", iso_or_null(key.expires_at)},
                      {"revoked_at", iso_or_null(key.revoked_at)},
                      {"last_used_at", iso_or_null(key.last_used_at)},
                      {"name", text_or_null(key.name)}};
    if (tenant.id() != call.tenant().id()) event.metadata["operator_tenant"] = call.tenant().id();
    audit_.record(tx, event);
    return listed_at(now, std::move(key));
  });
}

KeyPage TenantKeys::list(const TenantScope& tenant, KeyFilter filter, std::optional<std::int64_t> limit,
                         const std::optional<std::string>& cursor) const {
  const std::int64_t size = std::min(limit.value_or(kMostListed), kMostListed);
  auto keys = database_.read([&](db::Snapshot& db) {
    if (cursor) {
      const auto last = repository_.find(db, tenant, *cursor);
      if (!last) throw ApiError(errors::kInvalidCursor);
      filter.after = KeyPosition{last->created_at, last->id};
    }
    filter.limit = size + 1;
    return repository_.list(db, tenant, filter);
  });
  KeyPage page;
  if (std::cmp_greater(keys.size(), size)) {
    keys.pop_back();
    page.next_cursor = keys.back().id;
  }
  const Timestamp now = clock_.now();
  page.items.reserve(keys.size());
  for (Key& key : keys) page.items.push_back(listed_at(now, std::move(key)));
  return page;
}

std::optional<std::string> TenantKeys::tenant_of(std::string_view key_id) const {
  const auto record = database_.read([&](db::Snapshot& db) { return repository_.find_by_id(db, key_id); });
  return record ? std::optional(record->key.tenant_id) : std::nullopt;
}

Key TenantKeys::own(db::Snapshot& db, const TenantScope& tenant, std::string_view key_id) const {
  auto key = repository_.find(db, tenant, key_id);
  if (!key) throw ApiError(errors::kNotFound, "API key not found");
  return std::move(*key);
}

bool TenantKeys::opens_admin_doors(const Key& key, Timestamp now) const {
  return key.is_active(now) && parse_role(key.role) == Role::kAdmin &&
         (!rules_.idle_days || now - key.last_sign_of_life() < *rules_.idle_days * Timestamp::kDay);
}

void TenantKeys::require_admin_left(db::Tx& tx, const TenantScope& tenant, Timestamp now) const {
  std::optional<Timestamp> idle_before;
  if (rules_.idle_days) idle_before = now - *rules_.idle_days * Timestamp::kDay;
  if (repository_.count_usable_admins(tx, tenant, now, idle_before) == 0)
    throw ApiError(errors::kConflict, "This is the last active admin key of the tenant; create another one first");
}

void TenantKeys::require_room(db::Tx& tx, const TenantScope& tenant, Timestamp now) const {
  if (repository_.count_active(tx, tenant, now) > rules_.most_active) throw limit_reached(rules_.most_active);
}

}  // namespace nexus::auth
