#include "db/migrator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace nexus::db {
namespace {

constexpr Statement kTableExists("migrations.table_exists", "SELECT {{table_exists schema_migrations}}");
constexpr Statement kOriginalExists("migrations.original_exists", "SELECT {{table_exists alembic_version}}");
constexpr Statement kRevisions("migrations.revisions", "SELECT version_num FROM alembic_version ORDER BY version_num");
constexpr Statement kCreateTable("migrations.create_table",
                                 "CREATE TABLE IF NOT EXISTS schema_migrations ("
                                 "number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, "
                                 "applied_at {{timestamp}} NOT NULL) {{strict}}");
constexpr Statement kList("migrations.list",
                          "SELECT number, name, checksum, applied_at FROM schema_migrations ORDER BY number");
constexpr Statement kRecord(
    "migrations.record", "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)");

/// How an engine makes programs that migrate wait for each other, until the transaction ends. An adoption may take
/// longer than a request may. An engine without a row has one writer at a time.
struct Exclusion {
  std::string_view engine;
  std::string_view sql;
};
constexpr Exclusion kExclusions[] = {
    {"postgres",
     "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '15min';"
     "SELECT pg_advisory_xact_lock(hashtextextended('nexusrag.migrations', 0))"},
};

std::string label(int number, std::string_view name) {
  return fmt::format("{:04}_{}", number, name);
}

/// Carries the end of a rehearsal out of its transaction, so that it is rolled back.
class Rehearsed : public std::exception {};

bool is_true(Snapshot& snapshot, const Statement& condition) {
  Cursor row = snapshot.query(condition);
  return row.next() && row.boolean(0);
}

std::string unfit(const std::vector<std::string>& revisions) {
  const std::string found = revisions.empty() ? "no revision" : fmt::format("revision {}", fmt::join(revisions, ", "));
  return fmt::format(
      "the database belongs to the original at {}; only {} can be adopted: bring it there with the "
      "original's own migrations (a later revision needs a newer nexusrag)",
      found, kOriginalRevision);
}

}  // namespace

Migrator::Migrator(Database& database, const Clock& clock, std::span<const Migration> steps, AfterStep after_step)
    : database_(database), clock_(clock), steps_(steps), after_step_(std::move(after_step)) {}

Migrator::History Migrator::load(Snapshot& snapshot) {
  History history;
  if (is_true(snapshot, kTableExists)) {
    Cursor rows = snapshot.query(kList);
    while (rows.next()) {
      history.applied.push_back({static_cast<int>(rows.i64(0)), rows.str(1), rows.str(2), rows.time(3)});
    }
  }
  if (is_true(snapshot, kOriginalExists)) {
    history.revisions.emplace();
    for (Cursor rows = snapshot.query(kRevisions); rows.next();) history.revisions->push_back(rows.str(0));
  }
  return history;
}

MigrationStatus Migrator::compare(History history) const {
  MigrationStatus status;
  std::vector<AppliedMigration>& applied = history.applied;
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
    if (step.number == kOriginalSchema && history.revisions) {
      status.adopts = *history.revisions == std::vector{std::string(kOriginalRevision)};
      if (!status.adopts) status.problems.push_back(unfit(*history.revisions));
    }
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

/// Waits until no other program migrates.
void Migrator::begin(Tx& tx) const {
  // The table cannot be the lock: two programs that create it at once collide in the catalogue.
  for (const Exclusion& row : kExclusions) {
    if (row.engine == database_.engine()) tx.script(row.sql);
  }
  tx.exec(kCreateTable);
}

/// False when another program has run the step meanwhile.
bool Migrator::run_step(Tx& tx, const Migration& step) {
  begin(tx);
  const MigrationStatus now = compare(load(tx));
  if (!now.problems.empty()) throw MigrationError(fmt::format("{}", fmt::join(now.problems, "; ")));
  if (std::none_of(now.pending.begin(), now.pending.end(), [&](const auto& m) { return m.number == step.number; })) {
    return false;
  }
  try {
    const bool adopted = step.number == kOriginalSchema && now.adopts;
    if (!adopted) tx.script(step.sql);
    if (after_step_) after_step_(tx, step);
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
