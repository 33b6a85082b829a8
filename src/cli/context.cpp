#include "cli/context.h"

#include "app/core.h"
#include "cli/terminal.h"
#include "config/derived.h"
#include "config/report.h"
#include "config/settings_table.h"
#include "crypto/keyfile.h"
#include "observe/log.h"
#include "observe/log_settings.h"

#include <filesystem>
#include <utility>

namespace nexus::cli {

config::Loaded load_settings(const Globals& globals, Secrets secrets, const std::vector<std::string>& more) {
  std::vector<std::string> overrides = globals.overrides;
  overrides.insert(overrides.end(), more.begin(), more.end());
  config::Sources sources = config::process_sources(std::filesystem::current_path(), std::move(overrides));
  if (secrets == Secrets::kKept) {
    sources.secret_files = [](const std::filesystem::path& path) {
      crypto::KeyFile file = crypto::load_or_create_secret(path);
      return config::SecretFile{std::move(file.text), file.created};
    };
    return config::load(sources);
  }
  // Rules about secrets that were not read would only confuse here; the server's own start states them.
  sources.secret_files = [](const std::filesystem::path&) { return config::SecretFile{Secret("not read"), false}; };
  return config::load(sources);
}

void quiet_log(const config::Loaded& loaded, std::string_view least) {
  const config::Settings& settings = loaded.settings;
  observe::LogOptions options = observe::log_options(settings);
  if (settings.origin(config::kLogLevel) == config::Origin::kDefault) options.level = least;
  if (settings.get(config::kLogFormat) == "auto") options.json = false;
  observe::configure_log(options);
  for (const std::string& warning : loaded.warnings) print_error("warning: " + warning);
  for (const std::string& notice : loaded.notices) print_error("note: " + notice);
}

std::string database_name(const config::Settings& settings) {
  return config::is_embedded(settings) ? config::sqlite_path(settings).string()
                                       : config::redact_url(settings.get(config::kDatabaseUrl));
}

Session::Session(const Globals& globals, const Options& options) : loaded_(load_settings(globals, Secrets::kKept)) {
  quiet_log(loaded_, options.log_least);
  core_ = std::make_unique<app::Core>(loaded_.settings, clock_, app::Core::Options{.migrate = options.migrate});
}

Session::~Session() = default;

std::string Session::where() const {
  return database_name(loaded_.settings);
}

}  // namespace nexus::cli
