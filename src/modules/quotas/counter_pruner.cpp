#include "modules/quotas/counter_pruner.h"

#include <algorithm>

namespace nexus::quotas {

CounterPruner::Bounds CounterPruner::bounds(std::int64_t retention_days) const {
  const Timestamp now = clock_.now();
  const Timestamp cutoff = now - retention_days * Timestamp::kDay;
  const Periods current = periods_of(now);
  return {.days = std::min(cutoff, current.day), .months = std::min(cutoff, current.month)};
}

std::int64_t CounterPruner::prune(const TenantScope& tenant, std::int64_t retention_days) const {
  const Bounds before = bounds(retention_days);
  return database_.write([&](db::Tx& tx) { return repository_.prune(tx, tenant, before.days, before.months); });
}

std::int64_t CounterPruner::prune_all(std::int64_t retention_days) const {
  const Bounds before = bounds(retention_days);
  return database_.write([&](db::Tx& tx) {
    repository_.drop_expired_leases(tx, clock_.now());
    return repository_.prune_all(tx, before.days, before.months);
  });
}

}  // namespace nexus::quotas
