#include "modules/jobs/jobs_repository.h"

namespace nexus::jobs {
namespace {

using db::Statement;

constexpr Statement kInsertJob{"jobs.insert", R"(
  INSERT INTO jobs (id, tenant_id, kind, payload_json, state, run_at, attempts, dedupe_key, created_at, updated_at)
  VALUES ($1, $2, $3, $4, 'queued', $5, 0, $6, $7, $7)
  ON CONFLICT DO NOTHING)"};

// A loose index scan: one index probe per tenant that has work, however many jobs each has. Here and below, the second
// condition on `state` says nothing new: it repeats the index's own, without which SQLite does not use it.
constexpr Statement kNextTenants{"jobs.next_tenants", R"(
  WITH RECURSIVE waiting(tenant_id) AS (
    SELECT min(tenant_id) FROM jobs WHERE kind = $1 AND state = 'queued' AND state IN ('queued', 'leased')
    UNION ALL
    SELECT (SELECT min(j.tenant_id) FROM jobs j WHERE j.kind = $1 AND j.state = 'queued'
              AND j.state IN ('queued', 'leased') AND j.tenant_id > waiting.tenant_id)
    FROM waiting WHERE waiting.tenant_id IS NOT NULL)
  SELECT w.tenant_id FROM waiting w LEFT JOIN job_turns t ON t.kind = $1 AND t.tenant_id = w.tenant_id
  WHERE w.tenant_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM jobs j WHERE j.kind = $1 AND j.state = 'queued' AND j.state IN ('queued', 'leased')
      AND j.tenant_id = w.tenant_id AND j.run_at <= $2)
  ORDER BY t.served_at NULLS FIRST, w.tenant_id LIMIT $3)"};

constexpr Statement kOldestQueued{"jobs.oldest_queued", R"(
  SELECT id FROM jobs WHERE kind = $1 AND state = 'queued' AND state IN ('queued', 'leased') AND tenant_id = $2
    AND run_at <= $3
  ORDER BY run_at, id LIMIT 1 {{for_update_skip_locked}})"};

constexpr Statement kOldestAbandoned{"jobs.oldest_abandoned", R"(
  SELECT id FROM jobs WHERE kind = $1 AND state = 'leased' AND state IN ('queued', 'leased') AND lease_until < $2
  ORDER BY lease_until LIMIT 1 {{for_update_skip_locked}})"};

constexpr Statement kLease{"jobs.lease", R"(
  UPDATE jobs SET state = 'leased', attempts = attempts + 1, lease_owner = $2, lease_until = $3, updated_at = $4
  WHERE id = $1
  RETURNING id, tenant_id, kind, payload_json, state, run_at, attempts, last_error, created_at, updated_at)"};

constexpr Statement kQueuedById{"jobs.queued_by_id", R"(
  SELECT id FROM jobs WHERE id = $1 AND state = 'queued' {{for_update_skip_locked}})"};

constexpr Statement kIsOpen{"jobs.is_open", R"(
  SELECT 1 FROM jobs WHERE id = $1 AND state IN ('queued', 'leased'))"};

constexpr Statement kTakeTurn{"jobs.take_turn", R"(
  INSERT INTO job_turns (kind, tenant_id, served_at) VALUES ($1, $2, $3)
  ON CONFLICT (kind, tenant_id) DO UPDATE SET served_at = excluded.served_at)"};

constexpr Statement kExtend{"jobs.extend", R"(
  UPDATE jobs SET lease_until = $3 WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kComplete{"jobs.complete", R"(
  UPDATE jobs SET state = 'done', lease_owner = NULL, lease_until = NULL, updated_at = $3
  WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kRetry{"jobs.retry", R"(
  UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until = NULL, last_error = $3, run_at = $4, updated_at = $5
  WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kBury{"jobs.bury", R"(
  UPDATE jobs SET state = 'dead', lease_owner = NULL, lease_until = NULL, last_error = $3, updated_at = $4
  WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kRelease{"jobs.release", R"(
  UPDATE jobs SET state = 'queued', attempts = attempts - 1, lease_owner = NULL, lease_until = NULL, updated_at = $3
  WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kPostpone{"jobs.postpone", R"(
  UPDATE jobs SET state = 'queued', attempts = attempts - 1, lease_owner = NULL, lease_until = NULL, last_error = $3,
    run_at = $4, updated_at = $5
  WHERE id = $1 AND lease_owner = $2 AND state = 'leased')"};

constexpr Statement kFind{"jobs.find", R"(
  SELECT id, tenant_id, kind, payload_json, state, run_at, attempts, last_error, created_at, updated_at
  FROM jobs WHERE id = $1 AND tenant_id = $2)"};

constexpr Statement kWaiting{"jobs.waiting", R"(
  SELECT count(*) FROM jobs WHERE kind = $1 AND state = 'queued' AND state IN ('queued', 'leased'))"};

constexpr Statement kWaitingOf{"jobs.waiting_of", R"(
  SELECT count(*) FROM (SELECT 1 FROM jobs WHERE kind = $1 AND state = 'queued' AND state IN ('queued', 'leased')
    AND tenant_id = $2 LIMIT $3) AS waiting)"};

constexpr Statement kNextDue{"jobs.next_due", R"(
  SELECT min(run_at) FROM jobs WHERE kind = $1 AND state = 'queued' AND state IN ('queued', 'leased'))"};

constexpr Statement kDepths{"jobs.depths", R"(
  SELECT kind, state, count(*) FROM jobs WHERE state IN ('queued', 'leased') GROUP BY kind, state)"};

constexpr Statement kPrune{"jobs.prune", R"(
  DELETE FROM jobs WHERE id IN (
    SELECT id FROM jobs WHERE state IN ('done', 'dead') AND updated_at < $1 ORDER BY updated_at LIMIT $2))"};

constexpr Statement kForgetWorkers{"jobs.forget_workers", "DELETE FROM worker_heartbeats WHERE seen_at < $1"};

constexpr Statement kHeartbeat{"jobs.heartbeat", R"(
  INSERT INTO worker_heartbeats (worker_id, started_at, seen_at, kinds) VALUES ($1, $2, $3, $4)
  ON CONFLICT (worker_id) DO UPDATE SET seen_at = excluded.seen_at)"};

constexpr const Statement* kJobsStatements[] = {
    &kInsertJob, &kNextTenants, &kOldestQueued, &kOldestAbandoned, &kLease,     &kTakeTurn,      &kExtend,
    &kComplete,  &kRetry,       &kBury,         &kRelease,         &kFind,      &kWaiting,       &kNextDue,
    &kPrune,     &kHeartbeat,   &kQueuedById,   &kIsOpen,          &kWaitingOf, &kForgetWorkers, &kPostpone,
    &kDepths};

/// More than workers that claim in the same instant.
constexpr std::int64_t kTenantsTried = 32;

Job job_from(const db::Cursor& row) {
  return {.id = row.str(0),
          .tenant_id = row.str(1),
          .kind = row.str(2),
          .payload = row.str(3),
          .state = row.str(4),
          .run_at = row.time(5),
          .attempts = static_cast<int>(row.i64(6)),
          .last_error = row.opt_str(7),
          .created_at = row.time(8),
          .updated_at = row.time(9)};
}

std::optional<std::string> first_text(db::Cursor row) {
  if (!row.next() || row.is_null(0)) return std::nullopt;
  return row.str(0);
}

}  // namespace

bool JobsRepository::enqueue(db::Tx& tx, const NewJob& job, Timestamp now) const {
  return tx.exec(kInsertJob, job.id, job.tenant_id, job.kind, db::Json{job.payload}, job.run_at, job.dedupe_key, now) ==
         1;
}

std::optional<Job> JobsRepository::claim(db::Tx& tx, std::string_view kind, std::string_view owner, Timestamp now,
                                         Timestamp lease_until) const {
  std::optional<std::string> id = first_text(tx.query(kOldestAbandoned, kind, now));
  if (!id) {
    // The jobs of the tenant whose turn it is may all be in the hands of workers that have not committed yet.
    std::vector<std::string> tenants;
    for (db::Cursor row = tx.query(kNextTenants, kind, now, kTenantsTried); row.next();) tenants.push_back(row.str(0));
    for (auto tenant = tenants.begin(); tenant != tenants.end() && !id; ++tenant)
      id = first_text(tx.query(kOldestQueued, kind, *tenant, now));
    if (!id) return std::nullopt;
  }
  db::Cursor row = tx.query(kLease, *id, owner, lease_until, now);
  if (!row.next()) return std::nullopt;
  Job job = job_from(row);
  tx.exec(kTakeTurn, kind, job.tenant_id, now);
  return job;
}

std::optional<Job> JobsRepository::claim_by_id(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now,
                                               Timestamp lease_until) const {
  if (!first_text(tx.query(kQueuedById, id))) return std::nullopt;
  db::Cursor row = tx.query(kLease, id, owner, lease_until, now);
  if (!row.next()) return std::nullopt;
  return job_from(row);
}

bool JobsRepository::is_open(db::Snapshot& db, std::string_view id) const {
  return db.query(kIsOpen, id).next();
}

bool JobsRepository::extend(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp lease_until) const {
  return tx.exec(kExtend, id, owner, lease_until) == 1;
}

bool JobsRepository::complete(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now) const {
  return tx.exec(kComplete, id, owner, now) == 1;
}

bool JobsRepository::retry(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error,
                           Timestamp run_at, Timestamp now) const {
  return tx.exec(kRetry, id, owner, error, run_at, now) == 1;
}

bool JobsRepository::bury(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error,
                          Timestamp now) const {
  return tx.exec(kBury, id, owner, error, now) == 1;
}

bool JobsRepository::release(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now) const {
  return tx.exec(kRelease, id, owner, now) == 1;
}

bool JobsRepository::postpone(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error,
                              Timestamp run_at, Timestamp now) const {
  return tx.exec(kPostpone, id, owner, error, run_at, now) == 1;
}

std::optional<Job> JobsRepository::find(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const {
  db::Cursor row = db.query(kFind, id, tenant.id());
  if (!row.next()) return std::nullopt;
  return job_from(row);
}

std::int64_t JobsRepository::waiting(db::Snapshot& db, std::string_view kind) const {
  db::Cursor row = db.query(kWaiting, kind);
  return row.next() ? row.i64(0) : 0;
}

std::int64_t JobsRepository::waiting_of(db::Snapshot& db, const TenantScope& tenant, std::string_view kind,
                                        std::int64_t most) const {
  db::Cursor row = db.query(kWaitingOf, kind, tenant.id(), most);
  return row.next() ? row.i64(0) : 0;
}

std::optional<Timestamp> JobsRepository::next_due(db::Snapshot& db, std::string_view kind) const {
  db::Cursor row = db.query(kNextDue, kind);
  return row.next() ? row.opt_time(0) : std::nullopt;
}

std::vector<JobsRepository::Depth> JobsRepository::depths(db::Snapshot& db) const {
  std::vector<Depth> out;
  for (db::Cursor row = db.query(kDepths); row.next();)
    out.push_back({.kind = row.str(0), .state = row.str(1), .jobs = row.i64(2)});
  return out;
}

std::int64_t JobsRepository::prune(db::Tx& tx, Timestamp before, std::int64_t at_most) const {
  return tx.exec(kPrune, before, at_most);
}

void JobsRepository::forget_workers(db::Tx& tx, Timestamp before) const {
  tx.exec(kForgetWorkers, before);
}

void JobsRepository::heartbeat(db::Tx& tx, std::string_view worker_id, std::string_view kinds, Timestamp started,
                               Timestamp now) const {
  tx.exec(kHeartbeat, worker_id, started, now, kinds);
}

db::StatementList jobs_statements() {
  return kJobsStatements;
}

}  // namespace nexus::jobs
