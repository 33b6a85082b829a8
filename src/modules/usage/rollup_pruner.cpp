#include "modules/usage/rollup_pruner.h"

#include "modules/quotas/quotas_types.h"

#include <algorithm>

namespace nexus::usage {
namespace {

Timestamp first_kept(Timestamp now, std::int64_t retention_days) {
  return std::min(now - retention_days * Timestamp::kDay, quotas::periods_of(now).day);
}

}  // namespace

std::int64_t RollUpPruner::prune(const TenantScope& tenant, std::int64_t retention_days) const {
  const Timestamp kept = first_kept(clock_.now(), retention_days);
  return database_.write([&](db::Tx& tx) { return repository_.prune(tx, tenant, kept); });
}

std::int64_t RollUpPruner::prune_all(std::int64_t retention_days) const {
  const Timestamp kept = first_kept(clock_.now(), retention_days);
  return database_.write([&](db::Tx& tx) { return repository_.prune_all(tx, kept); });
}

}  // namespace nexus::usage
