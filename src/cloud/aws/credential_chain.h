#pragma once

#include "cloud/aws/credentials.h"
#include "cloud/aws/lease_cache.h"
#include "cloud/aws/machine_keys.h"
#include "cloud/aws/profiles.h"
#include "cloud/aws/sts.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::cloud::aws {

struct ChainOptions {
  std::string access_key_id;  ///< AWS_ACCESS_KEY_ID
  Secret secret_access_key;
  Secret session_token;

  std::string profile;           ///< AWS_PROFILE or AWS_DEFAULT_PROFILE; empty: "default", which need not exist
  std::string credentials_file;  ///< empty: none
  std::string config_file;       ///< empty: none
  std::size_t max_file_bytes = 256u * 1024;
  std::int64_t file_recheck_s = 60;  ///< keys of a file are read again after that time, since others rotate them

  std::string web_identity_token_file;  ///< read at each renewal, since the platform rotates it
  RoleRequest web_identity_role;        ///< AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME
  std::size_t max_token_bytes = 64u * 1024;

  StsOptions sts;  ///< its region, when empty, is that of the profile
  ContainerOptions container;
  InstanceOptions instance;
  LeaseCacheOptions cache;
};

/// Reads the variables that the SDKs of AWS read. `variable` gives the value of a name, or nothing; the product's
/// settings may answer before the environment does. A variable that is empty counts as not set.
[[nodiscard]] ChainOptions read_chain_options(
    const std::function<std::optional<std::string>(std::string_view name)>& variable);

/// The region that Bedrock is asked in: AWS_REGION, AWS_DEFAULT_REGION; "" when neither is set.
[[nodiscard]] std::string read_region(const std::function<std::optional<std::string>(std::string_view name)>& variable);

/// The standard chain, first match wins: keys of the environment; a profile that takes a role; web identity; keys of
/// the profile; container; instance metadata. A place that is configured and fails ends the search with its reason.
/// Caches and renews as LeaseCache says. Source: "Standardized credential providers" of the AWS SDKs and Tools guide.
class CredentialChain final : public CredentialSource {
 public:
  /// Client and clock must outlive it. Asks nobody yet.
  CredentialChain(outbound::Client& client, const Clock& clock, ChainOptions options);

  [[nodiscard]] Credentials credentials(const std::stop_token& stop) override { return cache_.get(stop); }

 private:
  [[nodiscard]] Lease find(const std::stop_token& stop) const;
  [[nodiscard]] std::optional<Lease> from_environment() const;
  [[nodiscard]] std::optional<Lease> from_web_identity(Sts& sts, const std::stop_token& stop) const;
  [[nodiscard]] std::optional<Lease> from_profile(const Profiles& profiles, Sts& sts,
                                                  const std::stop_token& stop) const;
  [[nodiscard]] Lease from_machine(std::string_view source, const std::stop_token& stop) const;
  [[nodiscard]] Lease from_instance_or_nowhere(const std::stop_token& stop) const;
  [[nodiscard]] Sts sts_for(const Profile* profile) const;
  [[nodiscard]] const Profile* chosen(const Profiles& profiles) const;
  [[nodiscard]] std::string profile_name() const;

  outbound::Client& client_;
  const Clock& clock_;
  const ChainOptions options_;
  LeaseCache cache_;
};

}  // namespace nexus::cloud::aws
