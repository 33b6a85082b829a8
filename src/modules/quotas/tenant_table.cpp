#include "modules/quotas/tenant_table.h"

#include <algorithm>
#include <utility>

namespace nexus::quotas {

TenantTable::TenantTable(const LeasePolicy& policy, std::size_t most)
    : policy_(policy), most_in_shard_(std::max<std::size_t>(1, most / kShards)) {}

std::shared_ptr<LedgerTenant> TenantTable::find_or_make(const TenantScope& scope, std::int64_t steady_us) {
  Shard& shard = shard_of(scope.id());
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.tenants.find(std::string_view(scope.id()));
  if (at != shard.tenants.end()) return at->second;
  if (shard.tenants.size() >= most_in_shard_) forget_in(shard, steady_us);
  auto made = std::make_shared<LedgerTenant>(scope, policy_);
  shard.tenants.emplace(scope.id(), made);
  size_.fetch_add(1, std::memory_order_relaxed);
  return made;
}

std::shared_ptr<LedgerTenant> TenantTable::find(std::string_view tenant_id) {
  Shard& shard = shard_of(tenant_id);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.tenants.find(tenant_id);
  return at == shard.tenants.end() ? nullptr : at->second;
}

void TenantTable::enqueue(const std::shared_ptr<LedgerTenant>& tenant) {
  if (std::exchange(tenant->queued, true)) return;
  const std::lock_guard lock(queue_mutex_);
  queue_.push_back(tenant);
}

std::vector<std::shared_ptr<LedgerTenant>> TenantTable::take_queue() {
  const std::lock_guard lock(queue_mutex_);
  return std::exchange(queue_, {});
}

void TenantTable::forget(std::int64_t since_us) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    forget_in(shard, since_us);
  }
}

void TenantTable::forget_in(Shard& shard, std::int64_t since_us) {
  const std::size_t gone = std::erase_if(shard.tenants, [&](const auto& entry) {
    const std::shared_ptr<LedgerTenant>& tenant = entry.second;
    // Under the shard's lock nobody new can find it: one owner means that nobody uses it, and that it is not queued.
    if (tenant.use_count() > 1) return false;
    const std::lock_guard lock(tenant->mutex);
    return !tenant->queued && !tenant->on_trip && !tenant->book.needs_flush() &&
           tenant->book.last_used_us() <= since_us;
  });
  size_.fetch_sub(gone, std::memory_order_relaxed);
}

}  // namespace nexus::quotas
