#include "config/settings.h"

#include "config/parse_value.h"
#include "config/settings_table.h"

namespace nexus::config {
namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text = "the configuration has problems:";
  for (const std::string& line : lines) text += "\n  - " + line;
  return text;
}

}  // namespace

std::string_view to_string(Origin origin) {
  switch (origin) {
    case Origin::kDefault:
      return "default";
    case Origin::kEnvFile:
      return ".env";
    case Origin::kEnvironment:
      return "environment";
    case Origin::kSecretFile:
      return "file";
    case Origin::kCommandLine:
      return "command line";
    case Origin::kGenerated:
      return "generated";
  }
  return "default";
}

Settings::Settings() {
  const auto rows = settings_table();
  values_.reserve(rows.size());
  for (const Row* row : rows) values_.push_back(default_value(*row));
  origins_.assign(rows.size(), Origin::kDefault);
}

const Value& Settings::value(const Row& row) const {
  return values_[ordinal(row)];
}

Origin Settings::origin(const Row& row) const {
  return origins_[ordinal(row)];
}

ConfigError::ConfigError(std::vector<std::string> problems)
    : std::runtime_error(joined(problems)), problems_(std::move(problems)) {}

}  // namespace nexus::config
