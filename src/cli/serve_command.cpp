#include "app/app.h"
#include "app/core.h"
#include "base/version.h"
#include "cli/address.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/signals.h"
#include "config/settings_table.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "modules/audit/adoption_repository.h"
#include "observe/log.h"
#include "observe/log_settings.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

namespace nexus::cli {
namespace {

void log_loading(const config::Loaded& loaded) {
  for (const std::string& warning : loaded.warnings) observe::log_warn(warning);
  for (const std::string& notice : loaded.notices) observe::log_info(notice);
}

std::vector<std::string> listen_overrides(const ServeOptions& options) {
  if (!options.listen) return {};
  const Address address = parse_address(*options.listen);
  return {"LISTEN_HOST=" + address.host, fmt::format("LISTEN_PORT={}", address.port)};
}

/// Brings the schema up to date before anything is logged: the first line of a server's log is its address, whether the
/// database is new or not.
std::vector<db::Migration> migrate_first(const config::Settings& settings, const Clock& clock) {
  observe::Metrics metrics;
  const std::unique_ptr<db::Database> database = app::open_database(settings, clock, metrics);
  return db::Migrator(*database, clock, db::embedded_migrations(database->engine()), audit::link_after).apply();
}

void start(app::App& app, const config::Settings& settings) {
  try {
    app.start();
  } catch (const std::system_error& e) {
    const std::string where = to_string(
        Address{settings.get(config::kListenHost), static_cast<std::uint16_t>(settings.get(config::kListenPort))});
    if (e.code() == std::errc::address_in_use)
      throw Failure(where + " is taken by another program; give another with --listen HOST:PORT, or port 0 for any");
    if (e.code() == std::errc::permission_denied)
      throw Failure(where + " may not be used by this user; ports below 1024 usually need more rights");
    if (e.code() == std::errc::address_not_available) throw Failure(where + " is no address of this machine");
    throw;
  }
}

/// A file that names a server which is gone would send questions, and a key, to whoever takes its port next.
void remove_address(const config::Settings& settings, const std::string& address) {
  const std::filesystem::path file = std::filesystem::path(settings.get(config::kDataDir)) / "run" / "address";
  std::string written;
  std::getline(std::ifstream(file) >> std::ws, written);
  std::error_code ignored;  // it is a hint; what is left of it is checked before it is used
  if (written == address) std::filesystem::remove(file, ignored);
}

int serve(const Globals& globals, const ServeOptions& options) {
  StopSignals signals;
  const config::Loaded loaded = load_settings(globals, Secrets::kKept, listen_overrides(options));
  observe::configure_log(observe::log_options(loaded.settings));
  const SystemClock clock;
  const std::vector<db::Migration> migrated = migrate_first(loaded.settings, clock);
  app::App app(loaded.settings, clock);
  start(app, loaded.settings);
  for (const db::Migration& step : migrated)
    observe::log_info("migration applied", {{"number", step.number}, {"name", step.name}});
  observe::log_info("serving", {{"version", version()}, {"database", database_name(loaded.settings)}});
  log_loading(loaded);
  observe::log_info("stopping", {{"signal", signals.wait()}});
  remove_address(loaded.settings, app.address());
  const bool in_time = app.stop();
  if (!in_time) observe::log_warn("some requests were cut off when SHUTDOWN_GRACE_S had passed");
  observe::log_info("stopped");
  return kDone;
}

int work(const Globals& globals) {
  StopSignals signals;
  const config::Loaded loaded = load_settings(globals, Secrets::kKept);
  observe::configure_log(observe::log_options(loaded.settings));
  const SystemClock clock;
  app::Core core(loaded.settings, clock, {});
  core.start_ingesting();
  core.start_reembedding();
  core.start_index_upkeep();
  app::Deliveries deliveries(loaded.settings, core.shared, *core.db, *core.audit, core.outside->client, clock,
                             core.metrics);
  if (billing::problem_of(app::webhook_options(loaded.settings)).empty()) deliveries.worker.start();
  observe::log_info("worker started", {{"threads", loaded.settings.get(config::kIngestWorkers)},
                                       {"database", database_name(loaded.settings)},
                                       {"version", version()}});
  log_loading(loaded);
  observe::log_info("stopping", {{"signal", signals.wait()}});
  core.stop_workers();
  deliveries.worker.stop();
  observe::log_info("stopped");
  return kDone;
}

}  // namespace

int cmd_serve(const Globals& globals, const ServeOptions& options) {
  return guarded("serve", [&] { return serve(globals, options); });
}

int cmd_worker(const Globals& globals) {
  return guarded("worker", [&] { return work(globals); });
}

}  // namespace nexus::cli
