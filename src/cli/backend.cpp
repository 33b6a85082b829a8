#include "cli/backend.h"

#include "base/encoding.h"
#include "cli/context.h"
#include "cli/embedded_backend.h"
#include "cli/failure.h"
#include "cli/remote_backend.h"
#include "config/derived.h"
#include "config/settings_table.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

namespace nexus::cli {
namespace {

/// The first line of a small file, trimmed; empty when there is none.
std::string first_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return std::string(ascii_trim(line));
}

/// The server of this data folder, when it is up.
std::optional<BaseUrl> running_server(const std::filesystem::path& run_folder) {
  const std::string text = first_line(run_folder / "address");
  if (text.empty()) return std::nullopt;
  try {
    BaseUrl server = parse_base_url(text);
    if (!is_reachable(server.address)) return std::nullopt;
    return server;
  } catch (const UsageError&) {
    return std::nullopt;  // whatever wrote this file, it was no server of ours
  }
}

std::string key_for(const TargetOptions& target, const std::filesystem::path& run_folder, bool own_server) {
  if (target.key) return *target.key;
  if (const char* key = std::getenv("NEXUSRAG_API_KEY"); key != nullptr && *key != '\0') return key;
  // The key of this folder's server is shown to no other one.
  return own_server ? first_line(run_folder / "dev-key") : std::string{};
}

}  // namespace

std::string no_corpus(std::string_view corpus, std::string_view where) {
  return fmt::format(
      "there is no corpus {0} in {1}; `nexusrag seed-demo` makes the demo corpus c1, "
      "`nexusrag ingest --create --corpus {0} PATH` one of your own",
      corpus, where);
}

std::unique_ptr<Backend> open_backend(const Globals& globals, const TargetOptions& target, bool must_exist) {
  if (target.local && target.url) throw UsageError("--local and --url exclude each other");
  const config::Loaded loaded = load_settings(globals, Secrets::kNotNeeded);
  const std::filesystem::path run_folder = std::filesystem::path(loaded.settings.get(config::kDataDir)) / "run";
  if (!target.local) {
    const std::optional<BaseUrl> own = running_server(run_folder);
    const std::optional<BaseUrl> server = target.url ? parse_base_url(*target.url) : own;
    if (server) {
      const bool own_server = own && own->address == server->address;
      return make_remote_backend(*server, key_for(target, run_folder, own_server), target.tenant);
    }
  }
  if (must_exist && config::is_embedded(loaded.settings) &&
      !std::filesystem::exists(config::sqlite_path(loaded.settings)))
    throw Failure(
        fmt::format("no server runs here and there is no database {}; `nexusrag seed-demo` makes one with a "
                    "demo corpus, --url names a server elsewhere",
                    config::sqlite_path(loaded.settings).string()));
  return make_embedded_backend(globals, target.tenant);
}

}  // namespace nexus::cli
