#pragma once

#include "base/principal.h"
#include "base/time.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::maintenance {

/// One kind of cleaning. The names are promises (contract 05 §11); tasks of areas that do not exist yet are not here.
struct TaskRow {
  std::string_view name;
  std::string_view removes;
  bool by_tenant = false;     ///< can be limited to one tenant
  bool is_retention = false;  ///< part of prune_retention_all
};

inline constexpr std::string_view kPruneRetentionAll = "prune_retention_all";

inline constexpr std::array kTasks = std::to_array<TaskRow>({
    {"prune_idempotency", "stored answers of idempotent requests past IDEMPOTENCY_TTL_HOURS", true, true},
    {"prune_audit", "audit events older than AUDIT_RETENTION_DAYS, behind their last signed checkpoint", true, true},
    {"prune_usage", "usage counters older than USAGE_COUNTER_RETENTION_DAYS", true, true},
    {"prune_billing_deliveries", "ended billing deliveries older than BILLING_WEBHOOK_RETENTION_DAYS"},
    {"prune_jobs", "finished jobs older than JOB_RETENTION_DAYS"},
    {"sweep_objects", "source files that no document names, a day after they were stored"},
    {kPruneRetentionAll, "everything that has a retention period", true},
});

/// Null when unknown.
[[nodiscard]] const TaskRow* find_task(std::string_view name);
[[nodiscard]] std::vector<std::string> task_names();

enum class RunOutcome : std::uint8_t { kSuccess, kFailure, kInterrupted };
[[nodiscard]] std::string_view to_string(RunOutcome outcome);

/// A run that has ended without failure.
struct FinishedRun {
  std::int64_t id = 0;
  std::int64_t removed = 0;
  bool interrupted = false;                      ///< the program ends; the rest waits for the next run
  std::map<std::string, std::int64_t> counters;  ///< of prune_retention_all, by its part
};

/// Ages that the status shows. Documents and backups have none until governance brings them.
struct RetentionDays {
  std::int64_t audit = 90;       ///< AUDIT_RETENTION_DAYS
  std::int64_t usage = 120;      ///< USAGE_COUNTER_RETENTION_DAYS
  std::int64_t ui_actions = 30;  ///< UI_ACTION_RETENTION_DAYS
};

}  // namespace nexus::maintenance
