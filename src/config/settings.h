#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nexus::config {

/// Where a value came from; later ones win.
enum class Origin : std::uint8_t { kDefault, kEnvFile, kEnvironment, kSecretFile, kCommandLine, kGenerated };
[[nodiscard]] std::string_view to_string(Origin origin);

/// A value of some row: monostate when it is absent.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Secret>;

/// One consistent set of values for every row of the table. Immutable: reading it is thread-safe, and a reload makes a
/// new one. A default-constructed one holds the defaults, which is what most tests want.
class Settings {
 public:
  Settings();

  /// The value of a row, in constant time. References live as long as this object.
  [[nodiscard]] bool get(const Setting<bool>& row) const { return std::get<bool>(value(row)); }
  [[nodiscard]] std::int64_t get(const Setting<std::int64_t>& row) const { return std::get<std::int64_t>(value(row)); }
  [[nodiscard]] double get(const Setting<double>& row) const { return std::get<double>(value(row)); }
  [[nodiscard]] const std::string& get(const Setting<std::string>& row) const {
    return std::get<std::string>(value(row));
  }
  [[nodiscard]] const Secret& get(const Setting<Secret>& row) const { return std::get<Secret>(value(row)); }
  [[nodiscard]] std::optional<std::int64_t> get(const Setting<std::optional<std::int64_t>>& row) const {
    const auto* number = std::get_if<std::int64_t>(&value(row));
    return number ? std::optional<std::int64_t>(*number) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> get(const Setting<std::optional<std::string>>& row) const {
    const auto* text = std::get_if<std::string>(&value(row));
    return text ? std::optional<std::string>(*text) : std::nullopt;
  }

  [[nodiscard]] const Value& value(const Row& row) const;
  [[nodiscard]] Origin origin(const Row& row) const;

 private:
  friend class Loader;

  std::vector<Value> values_;  // by ordinal
  std::vector<Origin> origins_;
};

/// What a create-once secret file gave.
struct SecretFile {
  Secret text;
  bool created = false;  ///< it did not exist before
};
/// Reads the secret in that file, or creates the file with a fresh one (64 hex characters, mode 0600, durable).
/// crypto::load_or_create_secret is the real one. Throws when it can do neither.
using SecretFiles = std::function<SecretFile(const std::filesystem::path&)>;

/// Everything that values may come from. A default-constructed one gives the defaults.
struct Sources {
  std::vector<std::pair<std::string, std::string>> environment;  ///< unknown names are ignored
  std::optional<std::string> env_file;                           ///< text of `.env`; unknown names warn
  std::vector<std::string> overrides;  ///< `NAME=value` of `--set`; unknown names are problems
  SecretFiles secret_files;            ///< empty: missing secrets are neither read nor generated (config check, tests)
};

/// The environment of this process and the file `.env` of `folder` when there is one. Throws std::runtime_error when
/// the file exists and cannot be read.
[[nodiscard]] Sources process_sources(const std::filesystem::path& folder, std::vector<std::string> overrides);

/// The outcome of reading all sources. Only without problems are the settings fit for use.
struct Loaded {
  Settings settings;
  std::vector<std::string> problems;  ///< each names its setting and what to do
  std::vector<std::string> warnings;
  std::vector<std::string> notices;  ///< for the log: generated secrets
};

/// Reads and checks everything (types, bounds, choices, the start-up rules of contract 01 §3.1 and 00-decisions) and
/// reports all problems at once. Names are compared without case. Texts of secrets appear in no message.
[[nodiscard]] Loaded review(const Sources& sources);

/// All problems of a configuration, one a line.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<std::string> problems);
  [[nodiscard]] const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  std::vector<std::string> problems_;
};

/// review(), but throws ConfigError when there is any problem.
[[nodiscard]] Loaded load(const Sources& sources);

/// Defaults with a few values changed, given as text: for tests and tools. No start-up rules.
[[nodiscard]] Settings settings_with(const std::vector<std::pair<std::string, std::string>>& changes);

}  // namespace nexus::config
