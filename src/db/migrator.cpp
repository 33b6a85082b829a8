#include "db/migrator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace nexus::db {
namespace {

constexpr Statement kTableExists("migrations.table_exists", "SELECT {{table_exists schema_migrations}}");
constexpr Statement kCreateTable("migrations.create_table",
                                 "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                 "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
                                 "applied_at {{timestamp}} NOT NULL) {{strict}}");
constexpr Statement kLockTable("migrations.lock", "{{lock_table schema_migrations}}");
constexpr Statement kList("migrations.list",
                          "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number");
constexpr Statement kRecord(
    "migrations.record", "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)");

std::string label(int number, std::string_view name) {
  return fmt::format("{:04}_{}", number, name);
}

/// Carries the end of a rehearsal out of its transaction, so that it is rolled back.
class Rehearsed : public std::exception {};

}  // namespace

Migrator::Migrator(Database& database, const Clock& clock, std::span<const Migration> steps)
    : database_(database), clock_(clock), steps_(steps) {}

std::vector<AppliedMigration> Migrator::load(Snapshot& snapshot) {
  std::vector<AppliedMigration> applied;
  Cursor exists = snapshot.query(kTableExists);
  if (!exists.next() || !exists.boolean(0)) return applied;
  Cursor rows = snapshot.query(kList);
  while (rows.next()) {
    applied.push_back({static_cast<int>(rows.i64(0)), rows.str(1), rows.str(2), rows.time(3)});
  }
  return applied;
}

MigrationStatus Migrator::compare(std::vector<AppliedMigration> applied) const {
  MigrationStatus status;
  const int newest_known = steps_.empty() ? 0 : steps_.back().number;
  for (const AppliedMigration& have : applied) {
    const auto step =
        std::find_if(steps_.begin(), steps_.end(), [&](const Migration& m) { return m.number == have.number; });
    if (step != steps_.end() && step->sha256 != have.checksum) {
      status.problems.push_back(
          fmt::format("migration {} was changed after it had been applied: restore the file and "
                      "put the change into a new migration",
                      label(have.number, step->name)));
    } else if (step == steps_.end() && have.number > newest_known) {
      status.problems.push_back(
          fmt::format("the database has migration {}, which this program does not know: it "
                      "needs a newer nexusrag",
                      label(have.number, have.name)));
    } else if (step == steps_.end()) {
      status.problems.push_back(
          fmt::format("the database has migration {}, which this program lacks", label(have.number, have.name)));
    }
  }
  const int newest_applied = applied.empty() ? 0 : applied.back().number;
  for (const Migration& step : steps_) {
    if (std::any_of(applied.begin(), applied.end(), [&](const auto& have) { return have.number == step.number; })) {
      continue;
    }
    if (step.number < newest_applied) {
      status.problems.push_back(
          fmt::format("migration {} comes before {:04}, which the database has already: give it "
                      "the next free number",
                      label(step.number, step.name), newest_applied));
    }
    status.pending.push_back(step);
  }
  status.applied = std::move(applied);
  return status;
}

MigrationStatus Migrator::status() {
  return compare(database_.read([](Snapshot& snapshot) { return load(snapshot); }));
}

std::vector<Migration> Migrator::plan() {
  MigrationStatus now = status();
  if (!now.problems.empty()) throw MigrationError(fmt::format("{}", fmt::join(now.problems, "; ")));
  return std::move(now.pending);
}

/// False when another program has run the step meanwhile.
bool Migrator::run_step(Tx& tx, const Migration& step) {
  tx.exec(kCreateTable);
  { [[maybe_unused]] Cursor locked = tx.query(kLockTable); }
  const std::vector<AppliedMigration> applied = load(tx);
  const MigrationStatus now = compare(applied);
  if (!now.problems.empty()) throw MigrationError(fmt::format("{}", fmt::join(now.problems, "; ")));
  if (std::any_of(applied.begin(), applied.end(), [&](const auto& have) { return have.number == step.number; })) {
    return false;
  }
  try {
    tx.script(step.sql);
  } catch (const Error& e) {
    throw Error(e.code(), fmt::format("migration {}: {}", label(step.number, step.name), e.what()));
  }
  tx.exec(kRecord, step.number, step.name, step.sha256, clock_.now());
  return true;
}

std::vector<Migration> Migrator::apply(bool dry_run) {
  std::vector<Migration> wanted = plan();
  if (!dry_run) {
    std::erase_if(wanted,
                  [&](const Migration& step) { return !database_.write([&](Tx& tx) { return run_step(tx, step); }); });
    return wanted;
  }
  try {
    database_.write([&](Tx& tx) {
      for (const Migration& step : wanted) run_step(tx, step);
      throw Rehearsed();
    });
  } catch (const Rehearsed&) {
    return wanted;
  }
  return wanted;
}

}  // namespace nexus::db
