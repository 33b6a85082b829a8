#include "modules/maintenance/retention_runs_repository.h"

namespace nexus::maintenance {
namespace {

using db::Statement;

constexpr Statement kBuryDead{"maintenance.bury_dead_runs", R"(
  UPDATE retention_runs SET outcome = 'interrupted', completed_at = $2, lease_until = NULL
  WHERE task = $1 AND outcome = 'running' AND lease_until <= $2)"};

constexpr Statement kBegin{"maintenance.begin_run", R"(
  INSERT INTO retention_runs (tenant_id, task, last_run_at, outcome, lease_until) VALUES ($1, $2, $3, 'running', $4)
  ON CONFLICT DO NOTHING RETURNING id)"};

constexpr Statement kFinish{"maintenance.finish_run", R"(
  UPDATE retention_runs SET outcome = $2, details_json = $3, completed_at = $4, lease_until = NULL WHERE id = $1)"};

constexpr Statement kForget{"maintenance.forget_runs", R"(
  DELETE FROM retention_runs WHERE task = $1 AND last_run_at < $2 AND outcome <> 'running')"};

constexpr Statement kLastForAll{"maintenance.last_run_for_all", R"(
  SELECT max(last_run_at) FROM retention_runs WHERE task = $1 AND tenant_id IS NULL AND outcome = 'success')"};

constexpr Statement kLastByTask{"maintenance.last_run_by_task", R"(
  SELECT task, max(last_run_at) FROM retention_runs
  WHERE (tenant_id = $1 OR tenant_id IS NULL) AND outcome = 'success' GROUP BY task)"};

constexpr const Statement* kMaintenanceStatements[] = {&kBuryDead, &kBegin,      &kFinish,
                                                       &kForget,   &kLastForAll, &kLastByTask};

}  // namespace

std::optional<std::int64_t> RetentionRunsRepository::begin(db::Tx& tx, std::string_view task,
                                                           const std::optional<TenantScope>& tenant, Timestamp now,
                                                           Timestamp lease_until) const {
  tx.exec(kBuryDead, task, now);
  const std::optional<std::string> tenant_id = tenant ? std::optional(tenant->id()) : std::nullopt;
  auto row = tx.query(kBegin, tenant_id, task, now, lease_until);
  return row.next() ? std::optional(row.i64(0)) : std::nullopt;
}

void RetentionRunsRepository::finish(db::Tx& tx, std::int64_t id, RunOutcome outcome, std::string_view details_json,
                                     Timestamp now) const {
  tx.exec(kFinish, id, to_string(outcome), db::Json{details_json}, now);
}

void RetentionRunsRepository::forget(db::Tx& tx, std::string_view task, Timestamp before) const {
  tx.exec(kForget, task, before);
}

std::optional<Timestamp> RetentionRunsRepository::last_for_all(db::Snapshot& db, std::string_view task) const {
  auto row = db.query(kLastForAll, task);
  return row.next() ? row.opt_time(0) : std::nullopt;
}

std::map<std::string, Timestamp> RetentionRunsRepository::last_by_task(db::Snapshot& db,
                                                                       const TenantScope& tenant) const {
  std::map<std::string, Timestamp> last;
  auto rows = db.query(kLastByTask, tenant.id());
  while (rows.next()) last.emplace(rows.str(0), rows.time(1));
  return last;
}

db::StatementList maintenance_statements() {
  return kMaintenanceStatements;
}

}  // namespace nexus::maintenance
