#pragma once

#include "base/time.h"
#include "db/database.h"
#include "db/embedded_migrations.h"

#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::db {

/// The database and this program disagree about the schema's history; `what()` says how and what to do.
class MigrationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A step that the database has.
struct AppliedMigration {
  int number = 0;
  std::string name;
  std::string checksum;
  Timestamp applied_at;
};

/// The step that is the whole schema of the product this one replaces. Only an engine that the original runs on has it.
inline constexpr int kOriginalSchema = 0;
/// Revision of the original whose schema that step is; the only one that is adopted. As its own tool writes it into
/// alembic_version.
inline constexpr std::string_view kOriginalRevision = "0032_benchmark_runs";

struct MigrationStatus {
  std::vector<AppliedMigration> applied;  ///< by number
  std::vector<Migration> pending;         ///< by number; views into the program's own steps
  std::vector<std::string> problems;      ///< changed, unknown, out of order, unfit to adopt; empty: apply() would run
  bool adopts =
      false;  ///< a database of the original: step kOriginalSchema is pending, and is recorded without running

  [[nodiscard]] bool up_to_date() const { return pending.empty() && problems.empty(); }
};

/// Brings the schema to the state this program was written for. Its own table is schema_migrations(number, name,
/// checksum, applied_at).
///
/// A database of the original (it has alembic_version, and no step kOriginalSchema) is adopted when its revision is
/// kOriginalRevision, and refused otherwise: its tables stay, and the steps behind add what is ours.
class Migrator {
 public:
  /// What only the program can do to rows, not SQL: called after each step, in its transaction.
  using AfterStep = std::function<void(Tx&, const Migration&)>;

  /// `steps` ascend by number and, with `database` and `clock`, outlive the migrator.
  Migrator(Database& database, const Clock& clock, std::span<const Migration> steps, AfterStep after_step = nullptr);

  [[nodiscard]] MigrationStatus status();
  /// The steps that apply() would run; throws MigrationError when it would refuse.
  [[nodiscard]] std::vector<Migration> plan();
  /// Runs the plan, each step in a transaction of its own that looks again, under the lock, whether it is still
  /// wanted: several programs may start at once. `dry_run` runs all of it in one transaction, with the locks and the
  /// time that takes, and rolls that back.
  /// Returns the steps it ran. Throws MigrationError, or Error from a step (the steps before it stay).
  std::vector<Migration> apply(bool dry_run = false);

 private:
  /// What a database says about its history.
  struct History {
    std::vector<AppliedMigration> applied;
    std::optional<std::vector<std::string>> revisions;  ///< of the original; empty optional: it was never here
  };

  [[nodiscard]] MigrationStatus compare(History history) const;
  [[nodiscard]] static History load(Snapshot& snapshot);
  void begin(Tx& tx) const;
  bool run_step(Tx& tx, const Migration& step);

  Database& database_;
  const Clock& clock_;
  std::span<const Migration> steps_;
  AfterStep after_step_;
};

}  // namespace nexus::db
