#include "modules/maintenance/maintenance_api.h"

#include "base/errors.h"
#include "http/plain.h"
#include "modules/audit/ports.h"

namespace nexus::maintenance {

MaintenanceApi::MaintenanceApi(Maintenance& maintenance, const auth::OperatorGate& operators, RetentionDays days)
    : maintenance_(maintenance), operators_(operators), days_(days) {}

std::vector<http::Endpoint> MaintenanceApi::endpoints() const {
  return {
      http::plain<&MaintenanceApi::run_task>(*this, {.verb = http::Verb::kPost,
                                                     .path = "/admin/maintenance/run",
                                                     .operation = "run_maintenance_task",
                                                     .role = Role::kAdmin,
                                                     .route_class = http::RouteClass::kMutation,
                                                     .idempotency = http::Idempotency::kOptional,
                                                     .lane = http::LaneKind::kBulk,
                                                     .tag = "admin",
                                                     .summary = "Run a maintenance task now (platform operators)"}),
      http::plain<&MaintenanceApi::retention_status>(*this, {.verb = http::Verb::kGet,
                                                             .path = "/admin/retention/status",
                                                             .operation = "get_retention_status",
                                                             .role = Role::kAdmin,
                                                             .route_class = http::RouteClass::kRead,
                                                             .tag = "admin",
                                                             .summary = "Show retention periods and when rows were "
                                                                        "last pruned"}),
  };
}

std::optional<TenantScope> MaintenanceApi::extent(const http::Call& call, const RunMaintenance& in) const {
  if (in.tenant_id) return operators_.scope_for(call, *in.tenant_id);
  const TaskRow* row = find_task(in.task);
  const bool own_only = row != nullptr && row->by_tenant && !operators_.spans_tenants(call);
  return own_only ? std::optional(call.tenant()) : std::nullopt;
}

MaintenanceRunResponse MaintenanceApi::run_task(http::Call& call, const RunMaintenance& in) const {
  operators_.require(call);
  const std::optional<TenantScope> tenant = extent(call, in);
  const FinishedRun done = maintenance_.run(in.task, tenant, audit::event_of(call, ""));
  if (done.interrupted) throw ApiError(errors::kServiceUnavailable, "The server is stopping; run the task again");
  return {.task = in.task,
          .status = "completed",
          .deleted_rows = done.removed,
          .run_id = done.id,
          .tenant_id = tenant ? std::optional(tenant->id()) : std::nullopt};
}

RetentionStatusResponse MaintenanceApi::retention_status(http::Call& call) const {
  return {.tenant_id = call.tenant().id(),
          .configured_days = {.audit = days_.audit,
                              .usage = days_.usage,
                              .ui_actions = days_.ui_actions,
                              .documents = {},
                              .backups = {}},
          .last_run_by_task = maintenance_.last_runs(call.tenant()),
          .next_schedule = "manual",
          .interval_s = maintenance_.interval_s()};
}

}  // namespace nexus::maintenance
