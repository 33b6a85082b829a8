#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/jobs/jobs_types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::jobs {

/// All SQL on `jobs`, `job_turns` and `worker_heartbeats`. Stateless.
class JobsRepository {
 public:
  /// False when an equal dedupe key is already waiting or running.
  bool enqueue(db::Tx& tx, const NewJob& job, Timestamp now) const;

  /// Takes the oldest due job of the tenant whose turn is the longest ago: queued jobs whose time has come and leased
  /// ones whose holder has gone. Counts the attempt.
  std::optional<Job> claim(db::Tx& tx, std::string_view kind, std::string_view owner, Timestamp now,
                           Timestamp lease_until) const;

  /// Takes this job, whoever's turn it is; empty when it is not queued.
  std::optional<Job> claim_by_id(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now,
                                 Timestamp lease_until) const;
  /// Waiting or running.
  bool is_open(db::Snapshot& db, std::string_view id) const;

  /// The holder's own calls; each answers false when the lease has been lost to somebody else.
  bool extend(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp lease_until) const;
  bool complete(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now) const;
  bool retry(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error, Timestamp run_at,
             Timestamp now) const;
  bool bury(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error, Timestamp now) const;
  /// Gives the job back without counting the attempt (shut-down).
  bool release(db::Tx& tx, std::string_view id, std::string_view owner, Timestamp now) const;
  /// Gives the job back for later without counting the attempt (the database could not take the result).
  bool postpone(db::Tx& tx, std::string_view id, std::string_view owner, std::string_view error, Timestamp run_at,
                Timestamp now) const;

  std::optional<Job> find(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  std::int64_t waiting(db::Snapshot& db, std::string_view kind) const;
  /// Waiting jobs of a tenant, counted up to `most`.
  std::int64_t waiting_of(db::Snapshot& db, const TenantScope& tenant, std::string_view kind, std::int64_t most) const;
  /// When the next queued job of the kind is due; empty when none waits.
  std::optional<Timestamp> next_due(db::Snapshot& db, std::string_view kind) const;
  struct Depth {
    std::string kind;
    std::string state;  ///< "queued" or "leased"
    std::int64_t jobs = 0;
  };
  /// Maintenance, of all tenants: the open jobs of each kind and state that has any.
  std::vector<Depth> depths(db::Snapshot& db) const;
  /// Most rows that one prune() removes: a transaction of some milliseconds. Call again while it returns that many.
  static constexpr std::int64_t kPruneBatch = 1000;
  /// Maintenance, of all tenants: removes jobs that were finished before `before`, oldest first; returns how many.
  std::int64_t prune(db::Tx& tx, Timestamp before, std::int64_t at_most = kPruneBatch) const;

  /// Forgets workers that were last seen before `before`.
  void forget_workers(db::Tx& tx, Timestamp before) const;
  void heartbeat(db::Tx& tx, std::string_view worker_id, std::string_view kinds, Timestamp started,
                 Timestamp now) const;
};

[[nodiscard]] db::StatementList jobs_statements();

}  // namespace nexus::jobs
