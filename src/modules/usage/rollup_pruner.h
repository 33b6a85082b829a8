#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/usage/usage_repository.h"

#include <cstdint>

namespace nexus::usage {

/// Deletes roll-ups of days older than USAGE_COUNTER_RETENTION_DAYS; today's always stay.
class RollUpPruner {
 public:
  RollUpPruner(db::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  /// How many rows went. Throws db::Error.
  std::int64_t prune(const TenantScope& tenant, std::int64_t retention_days) const;
  /// Maintenance: of all tenants.
  std::int64_t prune_all(std::int64_t retention_days) const;

 private:
  db::Database& database_;
  const Clock& clock_;
  UsageRepository repository_;
};

}  // namespace nexus::usage
