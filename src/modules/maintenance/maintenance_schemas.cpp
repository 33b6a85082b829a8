#include "modules/maintenance/maintenance_api.h"

namespace nexus {

using maintenance::ConfiguredDays;
using maintenance::MaintenanceRunResponse;
using maintenance::RetentionStatusResponse;
using maintenance::RunMaintenance;

template <>
const schema::Fields<RunMaintenance>& schema::fields_of() {
  using namespace schema;
  static const Fields<RunMaintenance> fields{
      query_field("task", &RunMaintenance::task, one_of(maintenance::task_names())),
      query_field("tenant_id", &RunMaintenance::tenant_id,
                  doc("Limits the run to a tenant: the caller's, or any for operators of the platform.")),
  };
  return fields;
}

template <>
const schema::Fields<MaintenanceRunResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<MaintenanceRunResponse> fields{
      field("task", &MaintenanceRunResponse::task),
      field("status", &MaintenanceRunResponse::status),
      field("deleted_rows", &MaintenanceRunResponse::deleted_rows, doc("Rows, or files, that were removed.")),
      field("run_id", &MaintenanceRunResponse::run_id),
      field("tenant_id", &MaintenanceRunResponse::tenant_id, doc("Whose rows; null: those of all tenants.")),
  };
  return fields;
}

template <>
const schema::Fields<ConfiguredDays>& schema::fields_of() {
  using namespace schema;
  static const Fields<ConfiguredDays> fields{
      field("audit", &ConfiguredDays::audit),           field("usage", &ConfiguredDays::usage),
      field("ui_actions", &ConfiguredDays::ui_actions), field("documents", &ConfiguredDays::documents),
      field("backups", &ConfiguredDays::backups),
  };
  return fields;
}

template <>
const schema::Fields<RetentionStatusResponse>& schema::fields_of() {
  using namespace schema;
  static const Fields<RetentionStatusResponse> fields{
      field("tenant_id", &RetentionStatusResponse::tenant_id),
      field("configured_days", &RetentionStatusResponse::configured_days),
      field("last_run_by_task", &RetentionStatusResponse::last_run_by_task,
            doc("Start of the last successful run for this tenant or for all; null: never.")),
      field("next_schedule", &RetentionStatusResponse::next_schedule,
            doc("Always \"manual\": tasks can be started by hand. interval_s tells what starts by itself.")),
      field("interval_s", &RetentionStatusResponse::interval_s,
            doc("Seconds between the runs that start by themselves; 0: none do.")),
  };
  return fields;
}

}  // namespace nexus
