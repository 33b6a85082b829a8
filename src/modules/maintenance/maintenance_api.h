#pragma once

#include "base/time.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/auth/ports.h"
#include "modules/maintenance/maintenance.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nexus::maintenance {

struct RunMaintenance {
  std::string task;
  std::optional<std::string> tenant_id;
};

struct MaintenanceRunResponse {
  std::string task;
  std::string status = "completed";
  std::int64_t deleted_rows = 0;
  std::int64_t run_id = 0;
  std::optional<std::string> tenant_id;  ///< null: of all tenants
};

struct ConfiguredDays {
  std::int64_t audit = 0;
  std::int64_t usage = 0;
  std::int64_t ui_actions = 0;
  std::optional<std::int64_t> documents;
  std::optional<std::int64_t> backups;
};

struct RetentionStatusResponse {
  std::string tenant_id;
  ConfiguredDays configured_days;
  std::map<std::string, std::optional<Timestamp>> last_run_by_task;
  std::string next_schedule = "manual";  ///< the original's word, which its clients know
  std::int64_t interval_s = 0;
};

/// Routes of contract 05 §7. Borrows everything; must outlive its rows.
class MaintenanceApi {
 public:
  MaintenanceApi(Maintenance& maintenance, const auth::OperatorGate& operators, RetentionDays days);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  /// For platform operators. One of a named tenant cleans up after all tenants, or after the one it names; any other
  /// only after its own, as far as the task can be limited.
  MaintenanceRunResponse run_task(http::Call& call, const RunMaintenance& in) const;
  [[nodiscard]] RetentionStatusResponse retention_status(http::Call& call) const;

 private:
  [[nodiscard]] std::optional<TenantScope> extent(const http::Call& call, const RunMaintenance& in) const;

  Maintenance& maintenance_;
  const auth::OperatorGate& operators_;
  const RetentionDays days_;
};

}  // namespace nexus::maintenance

namespace nexus {
template <>
const schema::Fields<maintenance::RunMaintenance>& schema::fields_of();
template <>
const schema::Fields<maintenance::MaintenanceRunResponse>& schema::fields_of();
template <>
const schema::Fields<maintenance::ConfiguredDays>& schema::fields_of();
template <>
const schema::Fields<maintenance::RetentionStatusResponse>& schema::fields_of();
}  // namespace nexus
