#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/usage/usage_types.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace nexus::usage {

/// All SQL of the room, on usage_rollups; and one count over `documents`, which the dashboard shows beside them. Throws
/// db::Error.
class UsageRepository {
 public:
  /// Maintenance: the tenant's id comes from the counters, which got it from calls.
  void add(db::Tx& tx, std::string_view tenant_id, const RollUp& row) const;
  /// Of the tenant, from that day on.
  [[nodiscard]] std::vector<RollUp> since(db::Snapshot& db, const TenantScope& tenant, Timestamp first_day) const;

  struct Documents {
    std::int64_t queued = 0;
    std::int64_t processing = 0;
    std::int64_t succeeded = 0;
    std::int64_t failed = 0;
  };
  [[nodiscard]] Documents documents(db::Snapshot& db, const TenantScope& tenant) const;

  /// Days before `first_kept`; returns how many rows went. The second form is maintenance, for all tenants.
  std::int64_t prune(db::Tx& tx, const TenantScope& tenant, Timestamp first_kept) const;
  std::int64_t prune_all(db::Tx& tx, Timestamp first_kept) const;
};

[[nodiscard]] db::StatementList usage_statements();

}  // namespace nexus::usage
