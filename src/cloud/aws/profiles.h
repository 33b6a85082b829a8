#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace nexus::cloud::aws {

/// One profile: settings by lower-case name, e.g. "aws_access_key_id".
struct Profile {
  std::map<std::string, std::string, std::less<>> settings;

  /// "" when there is none.
  [[nodiscard]] std::string get(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return !get(name).empty(); }
};
using Profiles = std::map<std::string, Profile, std::less<>>;

/// How a file names its sections: the credentials file says [name], the config file [profile name] and [default].
enum class ProfileSyntax : unsigned char { kCredentials, kConfig };

/// Adds the profiles of a shared file's text; a setting that is there already is replaced. Sections of other kinds
/// (sso-session, services) and nested settings are passed over. Source: "Shared config and credentials files" of the
/// AWS SDKs and Tools guide. Throws CredentialsError with `path` and the line for what is neither a section, a setting
/// nor a comment; it never repeats the line.
void add_profiles(Profiles& profiles, std::string_view text, ProfileSyntax syntax, const std::string& path);

/// Reads the config file, then the credentials file, whose settings win. Empty paths and files that do not exist count
/// as empty. Throws CredentialsError.
[[nodiscard]] Profiles load_profiles(const std::string& credentials_file, const std::string& config_file,
                                     std::size_t max_bytes);

}  // namespace nexus::cloud::aws
