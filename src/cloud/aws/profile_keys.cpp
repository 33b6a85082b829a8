#include "cloud/aws/profile_keys.h"

#include "base/encoding.h"
#include "cloud/small_file.h"

#include <algorithm>

namespace nexus::cloud::aws {
namespace {

constexpr std::size_t kLongestChain = 8;

[[noreturn]] void fail(const std::string& name, const std::string& what) {
  throw CredentialsError("AWS profile \"" + name + "\": " + what);
}

class Resolver {
 public:
  Resolver(const ProfileContext& context, const std::stop_token& stop) : context_(context), stop_(stop) {}

  std::optional<Lease> keys(const std::string& name) {
    const Profile& profile = find(name);
    if (profile.has("role_arn")) {
      if (assumes_role(profile)) return by_role(name, profile);
      if (profile.has("web_identity_token_file")) return by_token(name, profile);
    }
    if (auto lease = own_keys(name, profile)) return lease;
    refuse_what_leads_nowhere(name, profile);
    return std::nullopt;
  }

 private:
  const Profile& find(const std::string& name) const {
    const auto found = context_.profiles.find(name);
    if (found == context_.profiles.end()) fail(name, "neither the credentials file nor the config file has it");
    return found->second;
  }

  static std::optional<Lease> own_keys(const std::string& name, const Profile& profile) {
    if (!profile.has("aws_access_key_id") && !profile.has("aws_secret_access_key")) return std::nullopt;
    return Lease{make_credentials("AWS profile \"" + name + "\"", profile.get("aws_access_key_id"),
                                  Secret(profile.get("aws_secret_access_key")),
                                  Secret(profile.get("aws_session_token")))};
  }

  static void refuse_what_leads_nowhere(const std::string& name, const Profile& profile) {
    const auto has = [&](std::string_view setting) { return profile.has(setting); };
    if (has("sso_session") || has("sso_start_url") || has("sso_account_id") || has("login_session"))
      fail(name, "a sign-in by browser (sso, login) is for people; give the server a role or keys");
    if (has("credential_process"))
      fail(name, "credential_process is refused: this server starts no programs; give it a role or keys");
    if (has("role_arn"))
      fail(name, "role_arn needs source_profile, credential_source or web_identity_token_file beside it");
  }

  RoleRequest role(const std::string& name, const Profile& profile) const {
    if (profile.has("mfa_serial")) fail(name, "mfa_serial needs a person with a one-time code");
    return {.arn = profile.get("role_arn"),
            .session_name = profile.get("role_session_name"),
            .external_id = profile.get("external_id"),
            .duration_s = profile.get("duration_seconds")};
  }

  Lease by_token(const std::string& name, const Profile& profile) {
    const std::string token = read_small_file(profile.get("web_identity_token_file"), context_.max_token_bytes);
    return context_.sts.assume_role_with_web_identity(role(name, profile), Secret(std::string(ascii_trim(token))),
                                                      stop_);
  }

  Lease by_role(const std::string& name, const Profile& profile) {
    if (profile.has("source_profile") && profile.has("credential_source"))
      fail(name, "source_profile and credential_source exclude each other");
    const RoleRequest wanted = role(name, profile);
    const Lease source = profile.has("credential_source") ? context_.from_machine(profile.get("credential_source"))
                                                          : by_source(name, profile.get("source_profile"));
    return context_.sts.assume_role(wanted, source.credentials, stop_);
  }

  Lease by_source(const std::string& name, const std::string& source) {
    std::optional<Lease> lease;
    if (source == name) {
      // A profile may take its role with its own keys.
      lease = own_keys(name, find(name));
    } else {
      visited_.push_back(name);
      if (std::find(visited_.begin(), visited_.end(), source) != visited_.end())
        fail(name, "its source_profile leads back to itself");
      if (visited_.size() > kLongestChain) fail(name, "too many profiles are behind one another");
      lease = keys(source);
    }
    if (!lease) fail(source, "it has no credentials, but another profile takes them from it");
    return *std::move(lease);
  }

  const ProfileContext& context_;
  const std::stop_token& stop_;
  std::vector<std::string> visited_;
};

}  // namespace

bool assumes_role(const Profile& profile) {
  return profile.has("role_arn") && (profile.has("source_profile") || profile.has("credential_source"));
}

std::optional<Lease> profile_keys(const ProfileContext& context, const std::string& name, const std::stop_token& stop) {
  return Resolver(context, stop).keys(name);
}

}  // namespace nexus::cloud::aws
