#include "modules/plans/entitlement_cache.h"

#include "base/errors.h"

#include <algorithm>
#include <utility>

namespace nexus::plans {

EntitlementCache::EntitlementCache(db::Database& database, const Clock& clock, CacheOptions options)
    : database_(database), clock_(clock), options_(options) {}

bool EntitlementCache::enabled(const TenantScope& tenant, std::string_view feature_key) {
  return snapshot(tenant)->of(feature_key).enabled;
}

void EntitlementCache::require(const TenantScope& tenant, std::string_view feature_key) {
  if (enabled(tenant, feature_key)) return;
  const ErrorKind& kind = is_cost_feature(feature_key) ? errors::kCostFeatureNotEnabled : errors::kFeatureNotEnabled;
  throw ApiError(kind, std::string(kind.message), {{"feature_key", feature_key}});
}

std::string EntitlementCache::plan_id(const TenantScope& tenant) {
  return snapshot(tenant)->plan_id;
}

quotas::DefaultLimits EntitlementCache::defaults(const TenantScope& tenant) {
  return snapshot(tenant)->limits;
}

std::shared_ptr<const TenantEntitlements> EntitlementCache::snapshot(const TenantScope& tenant) {
  if (auto known = find(tenant.id())) return known;
  return load(tenant);
}

std::shared_ptr<const TenantEntitlements> EntitlementCache::find(std::string_view tenant_id) {
  Shard& shard = shard_of(tenant_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.entries.find(tenant_id);
  if (at == shard.entries.end() || at->second.until_us <= clock_.steady_us()) return nullptr;
  const std::optional<Timestamp>& good_until = at->second.value->good_until;
  if (good_until && *good_until <= clock_.now()) return nullptr;
  return at->second.value;
}

std::shared_ptr<const TenantEntitlements> EntitlementCache::load(const TenantScope& tenant) {
  const std::uint64_t generation = generation_.load(std::memory_order_acquire);  // before the rows are read
  auto value = std::make_shared<const TenantEntitlements>(
      database_.read([&](db::Snapshot& db) { return load_entitlements(plans_, db, tenant, clock_.now()); }));
  insert(tenant.id(), value, generation);
  return value;
}

void EntitlementCache::insert(const std::string& tenant_id, std::shared_ptr<const TenantEntitlements> value,
                              std::uint64_t generation) {
  const std::int64_t now_us = clock_.steady_us();
  const std::size_t shard_capacity = std::max<std::size_t>(1, options_.capacity / kShards);
  Shard& shard = shard_of(tenant_id);
  const std::lock_guard lock(shard.mutex);
  // Under the shard's lock: a change either is seen here or will come for the entry.
  if (generation_.load(std::memory_order_acquire) != generation) return;
  if (shard.entries.size() >= shard_capacity && !shard.entries.contains(tenant_id)) {
    std::erase_if(shard.entries, [&](const auto& entry) { return entry.second.until_us <= now_us; });
    if (shard.entries.size() >= shard_capacity) shard.entries.erase(shard.entries.begin());
  }
  shard.entries[tenant_id] = {std::move(value), now_us + options_.max_age_us};
}

void EntitlementCache::forget(std::string_view tenant_id) {
  generation_.fetch_add(1, std::memory_order_acq_rel);
  Shard& shard = shard_of(tenant_id);
  const std::lock_guard lock(shard.mutex);
  if (const auto at = shard.entries.find(tenant_id); at != shard.entries.end()) shard.entries.erase(at);
}

void EntitlementCache::changed(db::Tx& tx, const TenantScope& tenant) {
  versions_.bump(tx, tenant.id());
  tx.after_commit([this, tenant_id = tenant.id()] { forget(tenant_id); });
}

void EntitlementCache::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  const auto changes = database_.read([&](db::Snapshot& db) { return versions_.changes(db, seen_version_); });
  seen_version_ = changes.version;
  for (const std::string& tenant_id : changes.keys) forget(tenant_id);
}

}  // namespace nexus::plans
