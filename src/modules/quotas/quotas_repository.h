#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/quotas/quotas_types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::quotas {

/// All SQL of the room, on plan_limits, usage_counters, quota_leases and quota_soft_cap_events. Throws db::Error.
class QuotasRepository {
 public:
  /// The tenant's row; empty when it has none.
  [[nodiscard]] std::optional<Limits> limits(db::Snapshot& db, const TenantScope& tenant) const;
  void set_limits(db::Tx& tx, const TenantScope& tenant, const Limits& limits, Timestamp now) const;

  struct Use {
    Counted day;
    Counted month;
  };
  [[nodiscard]] Use use(db::Snapshot& db, const TenantScope& tenant, const Periods& periods) const;
  [[nodiscard]] Counted counted(db::Snapshot& db, const TenantScope& tenant, Period period, Timestamp start) const;
  /// Adds to day and month in one statement and returns what stands there now, others' additions included. Locks both
  /// rows until the transaction ends, on engines with more than one writer. 0 tokens leave the token columns alone.
  Use add(db::Tx& tx, const TenantScope& tenant, const Periods& periods, std::int64_t units, std::int64_t tokens,
          Timestamp now) const;

  struct Leased {
    std::int64_t day = 0;
    std::int64_t month = 0;
  };
  /// Units that others hold: unexpired leases of other owners.
  [[nodiscard]] Leased leased_to_others(db::Snapshot& db, const TenantScope& tenant, const Periods& periods,
                                        std::string_view owner, Timestamp now) const;
  void set_lease(db::Tx& tx, const TenantScope& tenant, const Periods& periods, std::string_view owner,
                 std::int64_t units, Timestamp expires_at) const;
  void drop_lease(db::Tx& tx, const TenantScope& tenant, const Periods& periods, std::string_view owner) const;

  /// True for the first time of this tenant, period and metric; on all processes.
  bool mark_once(db::Tx& tx, const TenantScope& tenant, Period period, Timestamp start, std::string_view metric,
                 Timestamp now) const;

  /// Counters and marks of periods that began before `days_before` (days) or `months_before` (months); returns how many
  /// counters went. The second form is maintenance: it takes the rows of all tenants.
  std::int64_t prune(db::Tx& tx, const TenantScope& tenant, Timestamp days_before, Timestamp months_before) const;
  std::int64_t prune_all(db::Tx& tx, Timestamp days_before, Timestamp months_before) const;
  /// Maintenance: leases that ended before `now`, which nothing counts any more.
  void drop_expired_leases(db::Tx& tx, Timestamp now) const;
};

/// Versions of limits (scope `quota:<tenant>` of cache_versions): each change bumps its tenant's scope in its own
/// transaction, and processes look for versions above the last that they saw.
class LimitVersions {
 public:
  void bump(db::Tx& tx, std::string_view tenant_id) const;

  struct Changes {
    std::int64_t version = 0;
    std::vector<std::string> tenants;
  };
  [[nodiscard]] Changes changes(db::Snapshot& db, std::int64_t since) const;
};

[[nodiscard]] db::StatementList quotas_statements();

}  // namespace nexus::quotas
