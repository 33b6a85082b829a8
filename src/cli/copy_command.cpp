#include "base/encoding.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/copy_index.h"
#include "cli/copy_repository.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "config/report.h"
#include "db/copy/copier.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "db/open.h"
#include "json/json.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cli {
namespace {

/// A URL holds a password, and arguments are seen by everybody on a machine: "env:NAME" and "file:PATH" name a place.
std::string url_of(const std::string& given, std::string_view option) {
  if (given.starts_with("env:")) {
    const char* value = std::getenv(given.c_str() + 4);
    if (value == nullptr) throw UsageError(fmt::format("{}: the environment has no {}", option, given.substr(4)));
    return value;
  }
  if (!given.starts_with("file:")) return given;
  std::ifstream file(given.substr(5));
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) throw UsageError(fmt::format("{}: {} cannot be read", option, given.substr(5)));
  return std::string(ascii_trim(text));
}

/// One side of the copy.
struct Side {
  std::string name;  ///< redacted
  observe::Metrics metrics;
  std::unique_ptr<db::Database> db;

  Side(const std::string& url, std::string_view role, const Clock& clock) : name(config::redact_url(url)) {
    // A count of a large table takes longer than a request may.
    db = db::open_database(url, {.statement_timeout_ms = 0}, clock, metrics);
    const db::MigrationStatus status = db::Migrator(*db, clock, db::embedded_migrations(db->engine())).status();
    if (!status.up_to_date())
      throw Failure(
          fmt::format("the {} {} is not at this program's schema; run `nexusrag migrate --set DATABASE_URL=…` "
                      "on it first",
                      role, name));
  }
};

void refuse_when_running(Side& side, const Clock& clock, bool force) {
  const std::string who = side.db->read([&](db::Snapshot& s) { return CopyRepository().who_runs(s, clock.now()); });
  if (!who.empty() && !force)
    throw Failure(
        fmt::format("{} on {} within the last two minutes: what it writes meanwhile would be missing. Stop it "
                    "and try again, or add --force when you know that it is quiet",
                    who, side.name));
}

std::string report_json(const db::copy::CopyReport& report, std::size_t indexed) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("equal", report.equal()).field("resumed", report.resumed);
  w.field("rows_copied", report.copied_rows).field("chunks_indexed", static_cast<std::uint64_t>(indexed));
  w.key("tables").begin_array();
  for (const db::copy::TableReport& table : report.tables)
    w.begin_object()
        .field("table", table.table)
        .field("equal", table.equal())
        .field("source_rows", table.source_rows)
        .field("target_rows", table.target_rows)
        .field("source_checksum", table.source_sum.hex())
        .field("target_checksum", table.target_sum.hex())
        .end_object();
  w.end_array().end_object();
  return out + "\n";
}

std::string report_text(const db::copy::CopyReport& report) {
  std::vector<std::vector<std::string>> rows{{"table", "rows", "in the target", "checksum", "in the target", ""}};
  for (const db::copy::TableReport& table : report.tables)
    rows.push_back({table.table, std::to_string(table.source_rows), std::to_string(table.target_rows),
                    table.source_sum.hex().substr(0, 16), table.target_sum.hex().substr(0, 16),
                    table.equal() ? "equal" : "DIFFERENT"});
  return render_table(rows, {Align::kLeft, Align::kRight, Align::kRight});
}

int copy(const Globals& globals, const CopyOptions& options) {
  quiet_log(load_settings(globals, Secrets::kNotNeeded));
  const std::string from = url_of(options.from, "--from");
  const std::string to = url_of(options.to, "--to");
  if (from == to) throw UsageError("--from and --to name the same database");
  const SystemClock clock;
  db::copy::Texts texts;  // before the databases, which keep what they prepared
  Side source(from, "source", clock);
  Side target(to, "target", clock);
  refuse_when_running(source, clock, options.force);

  std::size_t indexed = 0;
  const bool needs_segments = target.db->engine() == "sqlite" && source.db->engine() != "sqlite";
  db::copy::CopyOptions how{.page_rows = static_cast<std::size_t>(options.batch)};
  if (needs_segments) how.after_rows = [&] { indexed = rebuild_segments(*target.db, clock, target.metrics); };
  db::copy::Copier copier(*source.db, *target.db, CopyRepository::rules(source.db->engine(), target.db->engine()),
                          texts, how);
  db::copy::CopyReport report;
  {
    Progress bar(options.check_only ? "Comparing" : "Copying");
    const auto show = [&](const db::copy::Progress& p) {
      bar.show(p.done, p.total, fmt::format("{} {}", p.stage, p.table));
    };
    report = options.check_only ? copier.compare(show) : copier.run(show);
    bar.clear();
  }
  if (globals.json) {
    print(report_json(report, indexed));
    return report.equal() ? kDone : kNo;
  }
  print(report_text(report));
  if (!report.equal()) {
    print(
        fmt::format("{} and {} differ: was something written meanwhile? What was copied stays; start again with an "
                    "empty target.\n",
                    source.name, target.name));
    return kNo;
  }
  print(fmt::format("{} and {} hold the same rows{}.\n", source.name, target.name,
                    report.resumed ? " (an earlier run had begun)" : ""));
  if (!options.check_only)
    print(
        "Not copied: the files in DATA_DIR. Move DATA_DIR/objects (uploads), DATA_DIR/secrets and DATA_DIR/models "
        "yourself.\n");
  return kDone;
}

}  // namespace

int cmd_copy(const Globals& globals, const CopyOptions& options) {
  return guarded("copy", [&] { return copy(globals, options); });
}

}  // namespace nexus::cli
