#include "base/encoding.h"
#include "config/derived.h"
#include "config/env_file.h"
#include "config/nearest.h"
#include "config/parse_value.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "config/start_rules.h"

#include <fmt/format.h>

#include <fstream>
#include <system_error>
#include <unistd.h>
#include <unordered_map>

namespace nexus::config {
namespace {

constexpr std::string_view kFileSuffix = "_FILE";
constexpr std::size_t kMaxEnvFile = std::size_t{1} << 20;
constexpr std::size_t kMaxSecretFile = std::size_t{64} << 10;

/// Whole file as text; empty optional when it cannot be read or is longer than `limit`.
std::optional<std::string> read_text(const std::filesystem::path& path, std::size_t limit) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string text(limit + 1, '\0');
  if (!in) return std::nullopt;
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text.size() > limit ? std::nullopt : std::optional<std::string>(std::move(text));
}

/// A foreign text for a message: short and printable.
std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string out;
  for (const char c : text.substr(0, kLongest)) out.push_back(c >= ' ' && c <= '~' ? c : '?');
  return text.size() > kLongest ? out + "…" : out;
}

std::string did_you_mean(std::string_view name) {
  const std::string_view nearest = nearest_setting(name);
  return nearest.empty() ? std::string() : fmt::format("; did you mean {}?", nearest);
}

/// The row whose secret `name` (NAME_FILE) points to; null when there is none.
const Row* row_of_file(std::string_view name) {
  if (name.size() <= kFileSuffix.size()) return nullptr;
  const std::string_view stem = name.substr(0, name.size() - kFileSuffix.size());
  if (!ascii_iequals(name.substr(stem.size()), kFileSuffix)) return nullptr;
  const Row* row = find_row(stem);
  return row != nullptr && row->about.secret ? row : nullptr;
}

}  // namespace

/// Collects texts from the sources in their order, then turns them into a Settings.
class Loader {
 public:
  void from_env_file(std::string_view text) {
    EnvFile file = parse_env_file(text);
    for (const std::string& problem : file.problems) out_.problems.push_back(".env " + problem);
    for (EnvLine& line : file.lines)
      if (!set(line.name, std::move(line.value), Origin::kEnvFile))
        out_.warnings.push_back(
            fmt::format(".env line {}: {} is not a setting{}", line.line, shown(line.name), did_you_mean(line.name)));
  }

  void from_environment(const std::vector<std::pair<std::string, std::string>>& environment) {
    for (const auto& [name, value] : environment) set(name, value, Origin::kEnvironment);
  }

  void from_overrides(const std::vector<std::string>& overrides) {
    for (const std::string& text : overrides) {
      const std::size_t equals = text.find('=');
      const std::string_view name = ascii_trim(std::string_view(text).substr(0, equals));
      if (equals == std::string::npos) {
        out_.problems.push_back(fmt::format("--set {}: expected NAME=value", shown(name)));
      } else if (!set(name, text.substr(equals + 1), Origin::kCommandLine)) {
        out_.problems.push_back(fmt::format("--set {}: is not a setting{}", shown(name), did_you_mean(name)));
      }
    }
  }

  void from_secret_files() {
    for (const auto& [row, path] : files_) {
      std::optional<std::string> text = read_text(path, kMaxSecretFile);
      if (text) {
        texts_[row] = {std::string(ascii_trim(*text)), Origin::kSecretFile};
      } else {
        out_.problems.push_back(fmt::format("{}_FILE names a file that cannot be read", row->about.name));
      }
    }
    files_.clear();
  }

  void parse() {
    const auto rows = settings_table();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto found = texts_.find(rows[i]);
      if (found == texts_.end()) continue;
      const Text& text = found->second;
      auto parsed = parse_value(*rows[i], text.value);
      if (auto* value = std::get_if<Value>(&parsed)) {
        out_.settings.values_[i] = std::move(*value);
        out_.settings.origins_[i] = text.origin;
        continue;
      }
      const std::string got = rows[i]->about.secret ? std::string() : fmt::format(", not \"{}\"", shown(text.value));
      out_.problems.push_back(
          fmt::format("{} {}{} ({})", rows[i]->about.name, std::get<std::string>(parsed), got, to_string(text.origin)));
    }
  }

  void complete_secrets(const SecretFiles& secret_files) {
    std::string created;
    const std::filesystem::path folder = secrets_dir(out_.settings);
    for (const Setting<Secret>* row : required_secrets(out_.settings)) {
      if (!out_.settings.get(*row).empty()) continue;
      const std::filesystem::path path = folder / ascii_lower(row->about.name);
      std::error_code error;
      if (!may_generate_secrets(out_.settings) && !std::filesystem::exists(path, error)) continue;
      try {
        SecretFile file = secret_files(path);
        if (file.created) created += (created.empty() ? "" : ", ") + std::string(row->about.name);
        out_.settings.values_[ordinal(*row)] = std::move(file.text);
        out_.settings.origins_[ordinal(*row)] = Origin::kGenerated;
      } catch (const std::exception& e) {
        out_.problems.push_back(fmt::format("{} cannot be kept in {}: {}", row->about.name, path.string(), e.what()));
      }
    }
    if (!created.empty())
      out_.notices.push_back(
          fmt::format("generated {} in {}: back up this folder, what is encrypted or signed is lost without it",
                      created, folder.string()));
  }

  void check() { check_start_rules(out_.settings, out_); }

  [[nodiscard]] Loaded take() { return std::move(out_); }

 private:
  struct Text {
    std::string value;
    Origin origin = Origin::kDefault;
  };

  /// False when no setting has that name.
  bool set(std::string_view name, std::string value, Origin origin) {
    if (const Row* row = find_row(name)) {
      texts_[row] = {std::move(value), origin};
      return true;
    }
    const Row* row = row_of_file(name);
    if (row != nullptr && !value.empty()) files_[row] = std::move(value);
    return row != nullptr;
  }

  Loaded out_;
  std::unordered_map<const Row*, Text> texts_;
  std::unordered_map<const Row*, std::filesystem::path> files_;
};

Sources process_sources(const std::filesystem::path& folder, std::vector<std::string> overrides) {
  Sources sources;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    sources.environment.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  const std::filesystem::path path = folder / ".env";
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    sources.env_file = read_text(path, kMaxEnvFile);
    if (!sources.env_file) throw std::runtime_error(path.string() + " cannot be read or is larger than 1 MiB");
  }
  sources.overrides = std::move(overrides);
  return sources;
}

Loaded review(const Sources& sources) {
  Loader loader;
  if (sources.env_file) loader.from_env_file(*sources.env_file);
  loader.from_environment(sources.environment);
  loader.from_secret_files();
  loader.from_overrides(sources.overrides);
  loader.from_secret_files();
  loader.parse();
  if (sources.secret_files) loader.complete_secrets(sources.secret_files);
  loader.check();
  return loader.take();
}

Loaded load(const Sources& sources) {
  Loaded loaded = review(sources);
  if (!loaded.problems.empty()) throw ConfigError(std::move(loaded.problems));
  return loaded;
}

Settings settings_with(const std::vector<std::pair<std::string, std::string>>& changes) {
  Loader loader;
  std::vector<std::string> overrides;
  overrides.reserve(changes.size());
  for (const auto& [name, value] : changes) overrides.push_back(name + "=" + value);
  loader.from_overrides(overrides);
  loader.parse();
  Loaded loaded = loader.take();
  if (!loaded.problems.empty()) throw ConfigError(std::move(loaded.problems));
  return std::move(loaded.settings);
}

}  // namespace nexus::config
