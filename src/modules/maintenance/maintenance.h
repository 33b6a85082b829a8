#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "exec/periodic.h"
#include "modules/audit/ports.h"
#include "modules/maintenance/maintenance_types.h"
#include "modules/maintenance/ports.h"
#include "modules/maintenance/retention_runs_repository.h"
#include "observe/metrics.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::maintenance {

/// Runs tasks, on request or when they are due, and records each run: its row of `retention_runs`, its audit event and
/// its metrics. One run of a task and extent at a time, over all processes of a database. Thread-safe; blocks for the
/// length of a run.
class Maintenance {
 public:
  /// A run that has not ended by then counts as dead, and another may begin.
  static constexpr std::int64_t kLeaseUs = 3600 * Timestamp::kSecond;
  /// How long rows of runs are kept.
  static constexpr std::int64_t kKeepRunsUs = 730 * Timestamp::kDay;
  static constexpr std::int64_t kLongestPollUs = 600 * Timestamp::kSecond;

  /// `tasks` gives work to rows of kTasks, prune_retention_all excepted: that is the others in a row. `interval_s` is
  /// MAINTENANCE_INTERVAL_S; 0: nothing is ever due. Throws std::logic_error for a name that is not a row.
  Maintenance(db::Database& database, audit::Log& audit, const Clock& clock, observe::Metrics& metrics,
              std::vector<Task> tasks, std::int64_t interval_s);

  /// Runs a task in the caller's thread. `by` says who asks: actor and tenant of the audit event that ends the run
  /// (`maintenance.task.completed` or `.failed`). Throws ApiError 422 VALIDATION_ERROR for a task without work here or
  /// a tenant where the task has no such limit, 409 CONFLICT while it is running already, and what the work throws.
  FinishedRun run(std::string_view task, const std::optional<TenantScope>& tenant, audit::Event by);

  /// Runs, for all tenants, each task whose last success is an interval ago, whichever process it was in. Failures are
  /// logged and recorded, and due again at the next call.
  void run_due(const std::stop_token& stop);
  /// run_due() as an entry of a schedule. Runs may take minutes: give it a thread that has nothing urgent to do.
  [[nodiscard]] exec::PeriodicTask schedule();
  [[nodiscard]] std::int64_t interval_s() const { return interval_us_ / Timestamp::kSecond; }

  /// Asks runs in progress to end after their batch, and later ones not to begin in earnest. Does not wait.
  void stop() noexcept { stop_.request_stop(); }

  /// By the name of each task of kTasks; null: never.
  [[nodiscard]] std::map<std::string, std::optional<Timestamp>> last_runs(const TenantScope& tenant) const;

 private:
  struct Running;
  /// Empty: the task is running already.
  std::optional<FinishedRun> try_run(const TaskRow& row, const std::optional<TenantScope>& tenant, audit::Event by,
                                     const std::stop_token& stop);
  [[nodiscard]] bool is_due(std::string_view task, Timestamp now) const;
  [[nodiscard]] const Work* work_of(std::string_view task) const;
  void work(std::string_view task, const Order& order, FinishedRun& done) const;
  void finish(const Running& running, RunOutcome outcome, const FinishedRun& done, std::string_view reason);

  db::Database& database_;
  audit::Log& audit_;
  const Clock& clock_;
  observe::Metrics& metrics_;
  const std::vector<Task> tasks_;
  const std::int64_t interval_us_;
  RetentionRunsRepository runs_;
  std::stop_source stop_;
};

}  // namespace nexus::maintenance
