#pragma once

#include "base/time.h"
#include "db/database.h"
#include "db/embedded_migrations.h"

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

struct MigrationStatus {
  std::vector<AppliedMigration> applied;  ///< by number
  std::vector<Migration> pending;         ///< by number; views into the program's own steps
  std::vector<std::string> problems;      ///< changed, unknown, out of order; empty: apply() would run

  [[nodiscard]] bool up_to_date() const { return pending.empty() && problems.empty(); }
};

/// Brings the schema to the state this program was written for. Its own table is schema_migrations(number, name,
/// checksum, applied_at).
class Migrator {
 public:
  /// `steps` ascend by number and, with `database` and `clock`, outlive the migrator.
  Migrator(Database& database, const Clock& clock, std::span<const Migration> steps);

  [[nodiscard]] MigrationStatus status();
  /// The steps that apply() would run; throws MigrationError when it would refuse.
  [[nodiscard]] std::vector<Migration> plan();
  /// Runs the plan, each step in a transaction of its own that looks again, under the lock, whether it is still
  /// wanted: several programs may start at once. `dry_run` runs all of it in one transaction and rolls that back.
  /// Returns the steps it ran. Throws MigrationError, or Error from a step (the steps before it stay).
  std::vector<Migration> apply(bool dry_run = false);

 private:
  [[nodiscard]] MigrationStatus compare(std::vector<AppliedMigration> applied) const;
  [[nodiscard]] static std::vector<AppliedMigration> load(Snapshot& snapshot);
  bool run_step(Tx& tx, const Migration& step);

  Database& database_;
  const Clock& clock_;
  std::span<const Migration> steps_;
};

}  // namespace nexus::db
