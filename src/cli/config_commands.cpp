#include "app/app.h"
#include "base/ids.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "config/report.h"
#include "http/openapi.h"
#include "json/json.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>

namespace nexus::cli {
namespace {

/// Everything that is said about the configuration, good or bad, without touching the data folder.
config::Loaded review(const Globals& globals) {
  return config::review(config::process_sources(std::filesystem::current_path(), globals.overrides));
}

int print_settings(const Globals& globals, const ConfigOptions& options) {
  const config::Loaded loaded = review(globals);
  if (globals.json) {
    print(json::write(config::print_json(loaded.settings, options.changed_only)) + "\n");
  } else {
    print(config::print_text(loaded.settings, options.changed_only));
  }
  for (const std::string& problem : loaded.problems) print_error("problem: " + problem);
  return loaded.problems.empty() ? kDone : kUsage;
}

void append_list(json::Writer& w, std::string_view name, const std::vector<std::string>& items) {
  w.key(name).begin_array();
  for (const std::string& item : items) w.value(item);
  w.end_array();
}

int check(const Globals& globals) {
  const config::Loaded loaded = review(globals);
  const std::size_t count = loaded.problems.size();
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("ok", count == 0);
    append_list(w, "problems", loaded.problems);
    append_list(w, "warnings", loaded.warnings);
    w.end_object();
    print(out + "\n");
    return count == 0 ? kDone : kUsage;
  }
  for (const std::string& problem : loaded.problems) print("problem: " + problem + "\n");
  for (const std::string& warning : loaded.warnings) print("warning: " + warning + "\n");
  print(count == 0 ? std::string("The configuration is good.\n")
                   : fmt::format("{} problem{}; the server would not start.\n", count, count == 1 ? "" : "s"));
  return count == 0 ? kDone : kUsage;
}

/// The description depends on the program alone: default settings, a database in memory, secrets of the moment.
int openapi() {
  config::Sources sources;
  sources.overrides = {"DATABASE_URL=sqlite::memory:", "LOG_LEVEL=ERROR"};
  sources.secret_files = [](const std::filesystem::path&) {
    return config::SecretFile{Secret(hex32() + hex32()), false};
  };
  const config::Loaded loaded = config::load(sources);
  quiet_log(loaded);
  const SystemClock clock;
  const app::App app(loaded.settings, clock);
  print(json::write(http::openapi_document(app.endpoints())) + "\n");
  return kDone;
}

}  // namespace

int cmd_config_print(const Globals& globals, const ConfigOptions& options) {
  return guarded("config print", [&] { return print_settings(globals, options); });
}
int cmd_config_check(const Globals& globals) {
  return guarded("config check", [&] { return check(globals); });
}
int cmd_config_docs(const Globals& /*globals*/, const ConfigOptions& options) {
  return guarded("config docs", [&] {
    print(options.env_example ? config::env_example() : config::docs_markdown());
    return kDone;
  });
}
int cmd_openapi(const Globals& /*globals*/) {
  return guarded("openapi", [] { return openapi(); });
}

}  // namespace nexus::cli
