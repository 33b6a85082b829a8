#include "app/core.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/operator.h"
#include "cli/terminal.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "json/json.h"
#include "modules/audit/adoption_repository.h"
#include "modules/demo/seed.h"
#include "modules/plans/plans_service.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

namespace nexus::cli {
namespace {

void append_steps(json::Writer& w, std::string_view name, const std::vector<db::Migration>& steps) {
  w.key(name).begin_array();
  for (const db::Migration& step : steps)
    w.begin_object().field("number", step.number).field("name", step.name).end_object();
  w.end_array();
}

std::string status_json(const db::MigrationStatus& status) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("up_to_date", status.up_to_date()).field("adopts", status.adopts);
  w.key("applied").begin_array();
  for (const db::AppliedMigration& step : status.applied)
    w.begin_object()
        .field("number", step.number)
        .field("name", step.name)
        .field("applied_at", iso(step.applied_at))
        .end_object();
  w.end_array();
  append_steps(w, "pending", status.pending);
  w.key("problems").begin_array();
  for (const std::string& problem : status.problems) w.value(problem);
  w.end_array().end_object();
  return out + "\n";
}

/// Whether the step is the schema of the original, which an adopted database has already.
bool is_adopted(const db::Migration& step, bool adopts) {
  return adopts && step.number == db::kOriginalSchema;
}

std::string status_text(const db::MigrationStatus& status) {
  std::vector<std::vector<std::string>> rows{{"step", "state", "applied at"}};
  for (const db::AppliedMigration& step : status.applied)
    rows.push_back({fmt::format("{:04}_{}", step.number, step.name), "applied", iso_z(step.applied_at)});
  for (const db::Migration& step : status.pending)
    rows.push_back({fmt::format("{:04}_{}", step.number, step.name),
                    is_adopted(step, status.adopts) ? "to be adopted" : "pending", ""});
  std::string out = render_table(rows);
  for (const std::string& problem : status.problems) out += "problem: " + problem + "\n";
  return out;
}

int show_status(const Globals& globals, const db::MigrationStatus& status) {
  print(globals.json ? status_json(status) : status_text(status));
  return status.up_to_date() ? kDone : kNo;
}

struct MigrateReport {
  std::vector<db::Migration> steps;
  bool adopts = false;      ///< the database was the original's
  std::int64_t linked = 0;  ///< audit events of the original that got their links
  bool dry_run = false;
};

std::string migrate_json(const MigrateReport& report) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("dry_run", report.dry_run).field("adopts", report.adopts);
  w.field("audit_events_linked", report.linked);
  append_steps(w, report.dry_run ? "would_apply" : "applied", report.steps);
  w.end_object();
  return out + "\n";
}

std::string migrate_text(const MigrateReport& report, const std::string& where) {
  std::string out;
  if (report.adopts) out += fmt::format("{} is a database of the original, at {}\n", where, db::kOriginalRevision);
  for (const db::Migration& step : report.steps) {
    const bool adopted = is_adopted(step, report.adopts);
    out += fmt::format("{} {:04}_{}{}\n",
                       report.dry_run ? (adopted ? "would adopt" : "would apply") : (adopted ? "adopted" : "applied"),
                       step.number, step.name, adopted ? " (its tables stay as they are)" : "");
  }
  if (report.linked > 0) {
    out += fmt::format("{} {} audit events of the original into the chains\n", report.dry_run ? "would link" : "linked",
                       report.linked);
  }
  if (report.steps.empty()) return out + where + " is up to date\n";
  if (!report.dry_run) return out + where + " is now up to date\n";
  return out + fmt::format("{}: {} step{} would run; nothing was changed\n", where, report.steps.size(),
                           report.steps.size() == 1 ? "" : "s");
}

int migrate(const Globals& globals, const MigrateOptions& options) {
  const config::Loaded loaded = load_settings(globals, Secrets::kNotNeeded);
  quiet_log(loaded);
  const SystemClock clock;
  observe::Metrics metrics;
  const std::unique_ptr<db::Database> database = app::open_database(loaded.settings, clock, metrics);
  MigrateReport report{.dry_run = options.dry_run};
  db::Migrator migrator(*database, clock, db::embedded_migrations(database->engine()),
                        [&](db::Tx& tx, const db::Migration& step) {
                          if (const std::int64_t linked = audit::link_after(tx, step); linked > 0)
                            report.linked = linked;
                        });
  const db::MigrationStatus before = migrator.status();
  if (options.status) return show_status(globals, before);

  report.adopts = before.adopts;
  report.steps = migrator.apply(options.dry_run);
  print(globals.json ? migrate_json(report) : migrate_text(report, database_name(loaded.settings)));
  return kDone;
}

int seed(const Globals& globals) {
  Session session(globals);
  const demo::SeedReport report = demo::seed_demo(*session.core().db, Operator::scope(std::string(demo::kTenant)),
                                                  session.core().embedders, *session.core().index, session.clock());
  // The demo is there to be looked at: with every feature, unless somebody has decided otherwise.
  session.core().entitled->plans.assign_first(Operator::scope(std::string(demo::kTenant)), "enterprise",
                                              plans::Actor::tool("seed_demo"));
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("tenant_id", demo::kTenant).field("corpus_id", demo::kCorpus);
    w.field("already_seeded", report.already_seeded).field("chunks", static_cast<std::int64_t>(report.chunks));
    w.key("embedding_model");
    report.embedding_model ? w.value(*report.embedding_model) : w.null();
    w.end_object();
    print(out + "\n");
    return kDone;
  }
  if (report.already_seeded) {
    print(fmt::format("Corpus {} of tenant {} is already seeded.\n", demo::kCorpus, demo::kTenant));
    return kDone;
  }
  print(fmt::format("Seeded {} chunks into corpus {} of tenant {}, {}.\n", report.chunks, demo::kCorpus, demo::kTenant,
                    report.embedding_model ? "embedded with " + *report.embedding_model
                                           : "without embeddings: search goes by words until a model is installed"));
  return kDone;
}

}  // namespace

int cmd_migrate(const Globals& globals, const MigrateOptions& options) {
  return guarded("migrate", [&] { return migrate(globals, options); });
}

int cmd_seed_demo(const Globals& globals) {
  return guarded("seed-demo", [&] { return seed(globals); });
}

}  // namespace nexus::cli
