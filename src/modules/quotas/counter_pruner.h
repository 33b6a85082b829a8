#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/quotas/quotas_repository.h"

#include <cstdint>

namespace nexus::quotas {

/// Deletes usage counters that USAGE_COUNTER_RETENTION_DAYS have passed since the start of (contract 01 §15). The
/// current day and month stay whatever the setting: they hold quotas. Also drops leases of processes that died.
class CounterPruner {
 public:
  CounterPruner(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// How many counters went. Throws db::Error.
  std::int64_t prune(const TenantScope& tenant, std::int64_t retention_days) const;
  /// Maintenance: of all tenants.
  std::int64_t prune_all(std::int64_t retention_days) const;

 private:
  struct Bounds {
    Timestamp days;
    Timestamp months;
  };
  [[nodiscard]] Bounds bounds(std::int64_t retention_days) const;

  db::Database& database_;
  const Clock& clock_;
  QuotasRepository repository_;
};

}  // namespace nexus::quotas
