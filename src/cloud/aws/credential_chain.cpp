#include "cloud/aws/credential_chain.h"

#include "base/encoding.h"
#include "cloud/aws/profile_keys.h"
#include "cloud/small_file.h"

namespace nexus::cloud::aws {
namespace {

constexpr std::string_view kNoCredentials =
    "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the "
    "container or instance a role";

}  // namespace

CredentialChain::CredentialChain(outbound::Client& client, const Clock& clock, ChainOptions options)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      cache_([this](const std::stop_token& stop) { return find(stop); }, clock, options_.cache) {}

Lease CredentialChain::find(const std::stop_token& stop) const {
  if (auto lease = from_environment()) return *std::move(lease);
  const Profiles profiles = load_profiles(options_.credentials_file, options_.config_file, options_.max_file_bytes);
  const Profile* profile = chosen(profiles);
  Sts sts = sts_for(profile);
  const bool role_first = profile != nullptr && assumes_role(*profile);
  if (!role_first)
    if (auto lease = from_web_identity(sts, stop)) return *std::move(lease);
  if (profile != nullptr)
    if (auto lease = from_profile(profiles, sts, stop)) return *std::move(lease);
  if (options_.container.configured()) return container_keys(client_, options_.container, stop);
  return from_instance_or_nowhere(stop);
}

std::optional<Lease> CredentialChain::from_environment() const {
  if (options_.access_key_id.empty() && options_.secret_access_key.empty()) return std::nullopt;
  return Lease{make_credentials("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", options_.access_key_id,
                                options_.secret_access_key, options_.session_token)};
}

std::optional<Lease> CredentialChain::from_web_identity(Sts& sts, const std::stop_token& stop) const {
  // AWS_ROLE_ARN alone is no error: other tools use it too.
  if (options_.web_identity_token_file.empty()) return std::nullopt;
  if (options_.web_identity_role.arn.empty())
    throw CredentialsError("AWS_WEB_IDENTITY_TOKEN_FILE needs AWS_ROLE_ARN beside it");
  const std::string token = read_small_file(options_.web_identity_token_file, options_.max_token_bytes);
  return sts.assume_role_with_web_identity(options_.web_identity_role, Secret(std::string(ascii_trim(token))), stop);
}

std::optional<Lease> CredentialChain::from_profile(const Profiles& profiles, Sts& sts,
                                                   const std::stop_token& stop) const {
  const ProfileContext context{.profiles = profiles,
                               .sts = sts,
                               .from_machine = [&](std::string_view source) { return from_machine(source, stop); },
                               .max_token_bytes = options_.max_token_bytes};
  auto lease = profile_keys(context, profile_name(), stop);
  if (lease && !lease->expires) lease->renew_at = clock_.now() + options_.file_recheck_s * Timestamp::kSecond;
  return lease;
}

Lease CredentialChain::from_machine(std::string_view source, const std::stop_token& stop) const {
  if (source == "EcsContainer") return container_keys(client_, options_.container, stop);
  if (source == "Ec2InstanceMetadata") return instance_keys(client_, options_.instance, stop);
  if (source != "Environment")
    throw CredentialsError("credential_source must be Environment, EcsContainer or Ec2InstanceMetadata");
  if (auto lease = from_environment()) return *std::move(lease);
  throw CredentialsError("credential_source is Environment, but AWS_ACCESS_KEY_ID is not set");
}

Lease CredentialChain::from_instance_or_nowhere(const std::stop_token& stop) const {
  if (options_.instance.disabled) throw CredentialsError(std::string(kNoCredentials));
  try {
    return instance_keys(client_, options_.instance, stop);
  } catch (const CredentialsError& error) {
    throw CredentialsError(std::string(kNoCredentials) + " (" + error.what() + ")");
  }
}

Sts CredentialChain::sts_for(const Profile* profile) const {
  StsOptions options = options_.sts;
  if (options.region.empty() && profile != nullptr) options.region = profile->get("region");
  return {client_, clock_, std::move(options)};
}

const Profile* CredentialChain::chosen(const Profiles& profiles) const {
  const auto found = profiles.find(profile_name());
  if (found != profiles.end()) return &found->second;
  if (options_.profile.empty()) return nullptr;
  throw CredentialsError("AWS_PROFILE names the profile \"" + options_.profile +
                         "\", which neither the credentials file nor the config file has");
}

std::string CredentialChain::profile_name() const {
  return options_.profile.empty() ? "default" : options_.profile;
}

}  // namespace nexus::cloud::aws
