#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/maintenance/maintenance_types.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::maintenance {

/// All SQL on `retention_runs`. An empty tenant means a run of all tenants; these queries are maintenance. Stateless.
class RetentionRunsRepository {
 public:
  /// The id of the new run, or nothing while another run of the same task and extent goes on. A run whose lease ended
  /// is taken for dead: its row becomes `interrupted`.
  [[nodiscard]] std::optional<std::int64_t> begin(db::Tx& tx, std::string_view task,
                                                  const std::optional<TenantScope>& tenant, Timestamp now,
                                                  Timestamp lease_until) const;
  void finish(db::Tx& tx, std::int64_t id, RunOutcome outcome, std::string_view details_json, Timestamp now) const;
  /// Removes runs of a task that began before `before`.
  void forget(db::Tx& tx, std::string_view task, Timestamp before) const;

  /// When the last successful run of a task for all tenants began.
  [[nodiscard]] std::optional<Timestamp> last_for_all(db::Snapshot& db, std::string_view task) const;
  /// The same by task, counting runs for this tenant and for all.
  [[nodiscard]] std::map<std::string, Timestamp> last_by_task(db::Snapshot& db, const TenantScope& tenant) const;
};

[[nodiscard]] db::StatementList maintenance_statements();

}  // namespace nexus::maintenance
