#include "cloud/aws/profiles.h"

#include "base/encoding.h"
#include "cloud/aws/credentials.h"
#include "cloud/aws/lease.h"
#include "cloud/small_file.h"

#include <filesystem>
#include <optional>
#include <system_error>

namespace nexus::cloud::aws {
namespace {

/// A comment starts a line or follows a blank.
std::string_view without_comment(std::string_view value) {
  for (std::size_t i = 0; i + 1 < value.size(); ++i)
    if ((value[i] == ' ' || value[i] == '\t') && (value[i + 1] == '#' || value[i + 1] == ';'))
      return value.substr(0, i);
  return value;
}

std::string_view unquoted(std::string_view name) {
  const bool quoted = name.size() >= 2 && (name.front() == '"' || name.front() == '\'') && name.back() == name.front();
  return quoted ? name.substr(1, name.size() - 2) : name;
}

/// The profile that a section's name stands for; none when it is a section of another kind.
std::optional<std::string> profile_of(std::string_view section, ProfileSyntax syntax) {
  section = ascii_trim(section);
  if (syntax == ProfileSyntax::kCredentials) return std::string(unquoted(section));
  if (section == "default") return std::string(section);
  const std::size_t blank = section.find_first_of(" \t");
  if (blank == std::string_view::npos || section.substr(0, blank) != "profile") return std::nullopt;
  return std::string(unquoted(ascii_trim(section.substr(blank))));
}

class Reader {
 public:
  Reader(Profiles& profiles, ProfileSyntax syntax, const std::string& path)
      : profiles_(profiles), syntax_(syntax), path_(path) {}

  void line(std::string_view line) {
    ++number_;
    // Indented lines belong to the setting above: nested settings, which say nothing about credentials.
    const bool nested = line.starts_with(' ') || line.starts_with('\t');
    line = ascii_trim(line);
    if (nested || line.empty() || line.front() == '#' || line.front() == ';') return;
    if (line.front() == '[')
      section(line);
    else
      setting(line);
  }

 private:
  void section(std::string_view line) {
    const std::size_t end = line.find(']');
    if (end == std::string_view::npos) fail();
    const auto name = profile_of(line.substr(1, end - 1), syntax_);
    profile_ = name ? &profiles_[*name] : nullptr;
    inside_ = true;
  }
  void setting(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0 || !inside_) fail();
    if (profile_ == nullptr) return;
    profile_->settings[ascii_lower(ascii_trim(line.substr(0, equals)))] =
        std::string(ascii_trim(without_comment(line.substr(equals + 1))));
  }
  [[noreturn]] void fail() const {
    throw CredentialsError(path_ + ": line " + std::to_string(number_) +
                           " is neither a section, a setting in one, nor a comment");
  }

  Profiles& profiles_;
  ProfileSyntax syntax_;
  const std::string& path_;
  Profile* profile_ = nullptr;
  bool inside_ = false;
  std::size_t number_ = 0;
};

void add_file(Profiles& profiles, const std::string& path, ProfileSyntax syntax, std::size_t max_bytes) {
  if (path.empty()) return;
  std::error_code error;
  if (std::filesystem::status(path, error).type() == std::filesystem::file_type::not_found) return;
  add_profiles(profiles, read_small_file(path, max_bytes), syntax, path);
}

}  // namespace

std::string Profile::get(std::string_view name) const {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

void add_profiles(Profiles& profiles, std::string_view text, ProfileSyntax syntax, const std::string& path) {
  Reader reader(profiles, syntax, path);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    reader.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Profiles load_profiles(const std::string& credentials_file, const std::string& config_file, std::size_t max_bytes) {
  Profiles profiles;
  add_file(profiles, config_file, ProfileSyntax::kConfig, max_bytes);
  add_file(profiles, credentials_file, ProfileSyntax::kCredentials, max_bytes);
  return profiles;
}

}  // namespace nexus::cloud::aws
