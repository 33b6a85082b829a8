#include "modules/maintenance/maintenance.h"

#include "base/errors.h"
#include "json/json.h"
#include "observe/log.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>

namespace nexus::maintenance {
namespace {

/// Counters that prune_retention_all reports, also of areas that do not exist yet (contract 05 §11).
constexpr std::string_view kAllCounters[] = {"prune_idempotency", "prune_audit",           "prune_usage",
                                             "cleanup_actions",   "cleanup_notifications", "governance_items"};

/// What a failure says in the row and the audit event: the whole reason may hold more than readers should see and is
/// in the log.
std::string_view public_reason(const std::exception& e) {
  return dynamic_cast<const db::Error*>(&e) != nullptr ? "database" : "unexpected";
}

std::string details_of(const FinishedRun& done, std::string_view reason) {
  boost::json::object details;
  if (!done.counters.empty()) {
    boost::json::object counters;
    for (const std::string_view name : kAllCounters) {
      const auto found = done.counters.find(std::string(name));
      counters[name] = found == done.counters.end() ? 0 : found->second;
    }
    details["counters"] = std::move(counters);
  }
  details["deleted_rows"] = done.removed;
  if (!reason.empty()) details["reason"] = reason;
  return json::write(details);
}

}  // namespace

const TaskRow* find_task(std::string_view name) {
  const auto* row = std::find_if(kTasks.begin(), kTasks.end(), [&](const TaskRow& one) { return one.name == name; });
  return row == kTasks.end() ? nullptr : row;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const TaskRow& row : kTasks) names.emplace_back(row.name);
  return names;
}

std::string_view to_string(RunOutcome outcome) {
  switch (outcome) {
    case RunOutcome::kSuccess:
      return "success";
    case RunOutcome::kFailure:
      return "failure";
    case RunOutcome::kInterrupted:
      return "interrupted";
  }
  return "failure";
}

std::int64_t in_batches(db::Database& database, std::int64_t full, const std::stop_token& stop,
                        const std::function<std::int64_t(db::Tx&)>& batch) {
  std::int64_t removed = 0;
  while (!stop.stop_requested()) {
    const std::int64_t went = database.write(batch, db::Durability::kRelaxed);
    removed += went;
    if (went < full) break;
  }
  return removed;
}

struct Maintenance::Running {
  std::int64_t id = 0;
  std::string_view task;
  bool all_tenants = false;
  std::int64_t began_us = 0;  ///< steady
  audit::Event by;
};

Maintenance::Maintenance(db::Database& database, audit::Log& audit, const Clock& clock, observe::Metrics& metrics,
                         std::vector<Task> tasks, std::int64_t interval_s)
    : database_(database),
      audit_(audit),
      clock_(clock),
      metrics_(metrics),
      tasks_(std::move(tasks)),
      interval_us_(interval_s * Timestamp::kSecond) {
  for (const Task& task : tasks_)
    if (find_task(task.name) == nullptr || task.name == kPruneRetentionAll)
      throw std::logic_error(task.name + " is not a maintenance task that takes work");
}

FinishedRun Maintenance::run(std::string_view task, const std::optional<TenantScope>& tenant, audit::Event by) {
  const TaskRow* row = find_task(task);
  if (row == nullptr || (task != kPruneRetentionAll && work_of(task) == nullptr))
    throw ApiError(errors::kValidationError, "Unknown maintenance task");
  if (tenant && !row->by_tenant) throw ApiError(errors::kValidationError, "This task cannot be limited to one tenant");
  std::optional<FinishedRun> done = try_run(*row, tenant, std::move(by), stop_.get_token());
  if (!done) throw ApiError(errors::kConflict, "The task is running already");
  return std::move(*done);
}

std::optional<FinishedRun> Maintenance::try_run(const TaskRow& row, const std::optional<TenantScope>& tenant,
                                                audit::Event by, const std::stop_token& stop) {
  const Timestamp now = clock_.now();
  const auto id = database_.write([&](db::Tx& tx) {
    runs_.forget(tx, row.name, now - kKeepRunsUs);
    return runs_.begin(tx, row.name, tenant, now, now + kLeaseUs);
  });
  if (!id) return std::nullopt;

  const Running running{
      .id = *id, .task = row.name, .all_tenants = !tenant, .began_us = clock_.steady_us(), .by = std::move(by)};
  FinishedRun done{.id = *id, .removed = 0, .interrupted = false, .counters = {}};
  try {
    work(row.name, {.tenant = tenant, .now = now, .stop = stop}, done);
    done.interrupted = stop.stop_requested();
  } catch (const std::exception& e) {
    try {
      finish(running, RunOutcome::kFailure, done, public_reason(e));
    } catch (const std::exception& unrecorded) {  // the failure itself is what the caller must hear of
      observe::log_error("failed maintenance run was not recorded",
                         {{"task", row.name}, {"reason", unrecorded.what()}});
    }
    throw;
  }
  finish(running, done.interrupted ? RunOutcome::kInterrupted : RunOutcome::kSuccess, done, {});
  return done;
}

void Maintenance::work(std::string_view task, const Order& order, FinishedRun& done) const {
  if (task != kPruneRetentionAll) {
    done.removed = (*work_of(task))(order);
    return;
  }
  for (const TaskRow& part : kTasks) {
    const Work* run = part.is_retention ? work_of(part.name) : nullptr;
    if (run == nullptr || order.stop.stop_requested()) continue;
    const std::int64_t removed = (*run)(order);
    done.counters[std::string(part.name)] = removed;
    done.removed += removed;
  }
}

void Maintenance::finish(const Running& running, RunOutcome outcome, const FinishedRun& done, std::string_view reason) {
  const bool failed = outcome == RunOutcome::kFailure;
  audit::Event event = running.by;
  event.event_type = failed ? "maintenance.task.failed" : "maintenance.task.completed";
  event.success = !failed;
  event.resource_type = "maintenance";
  event.resource_id = std::string(running.task);
  event.metadata = {{"task", running.task},
                    {"run_id", running.id},
                    {"outcome", to_string(outcome)},
                    {"deleted_rows", done.removed},
                    {"duration_ms", (clock_.steady_us() - running.began_us) / 1000},
                    {"all_tenants", running.all_tenants}};
  if (failed) event.metadata["reason"] = reason;
  const std::string details = details_of(done, reason);
  database_.write([&](db::Tx& tx) {
    const Timestamp now = clock_.now();
    event.occurred_at = now;
    runs_.finish(tx, running.id, outcome, details, now);
    audit_.record(tx, event);
  });
  const std::string task(running.task);
  metrics_.counter("nexusrag_maintenance_runs_total", {{"task", task}, {"outcome", std::string(to_string(outcome))}})
      .add();
  metrics_.counter("nexusrag_maintenance_removed_total", {{"task", task}})
      .add(static_cast<std::uint64_t>(std::max<std::int64_t>(done.removed, 0)));
}

void Maintenance::run_due(const std::stop_token& stop) {
  if (interval_us_ <= 0) return;
  for (const Task& task : tasks_) {
    if (stop.stop_requested()) return;
    try {
      if (!is_due(task.name, clock_.now())) continue;
      const auto done =
          try_run(*find_task(task.name), std::nullopt, {.actor_type = "system", .actor_id = "maintenance"}, stop);
      if (done && done->removed > 0)
        observe::log_info("maintenance removed what was too old", {{"task", task.name}, {"count", done->removed}});
    } catch (const std::exception& e) {  // a task that fails must not keep the others from running
      observe::log_error("maintenance task failed", {{"task", task.name}, {"reason", e.what()}});
    }
  }
}

bool Maintenance::is_due(std::string_view task, Timestamp now) const {
  const auto last = database_.read([&](db::Snapshot& db) { return runs_.last_for_all(db, task); });
  return !last || now - *last >= interval_us_;
}

exec::PeriodicTask Maintenance::schedule() {
  // Looking often costs one small query a task; waiting a whole interval would let a server that restarts daily never
  // come to it.
  const std::int64_t poll = interval_us_ > 0 ? std::min(interval_us_, kLongestPollUs) : kLongestPollUs;
  return {
      .name = "maintenance.due", .interval_us = poll, .run = [this](const std::stop_token& stop) { run_due(stop); }};
}

std::map<std::string, std::optional<Timestamp>> Maintenance::last_runs(const TenantScope& tenant) const {
  const auto known = database_.read([&](db::Snapshot& db) { return runs_.last_by_task(db, tenant); });
  std::map<std::string, std::optional<Timestamp>> last;
  for (const TaskRow& row : kTasks) {
    const auto found = known.find(std::string(row.name));
    last.emplace(row.name, found == known.end() ? std::nullopt : std::optional(found->second));
  }
  return last;
}

const Work* Maintenance::work_of(std::string_view task) const {
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const Task& one) { return one.name == task; });
  return found == tasks_.end() ? nullptr : &found->run;
}

}  // namespace nexus::maintenance
