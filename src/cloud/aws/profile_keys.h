#pragma once

#include "cloud/aws/lease.h"
#include "cloud/aws/profiles.h"
#include "cloud/aws/sts.h"

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::cloud::aws {

/// What a profile needs besides its file.
struct ProfileContext {
  const Profiles& profiles;
  Sts& sts;
  /// The credentials that `credential_source` names: "Environment", "EcsContainer" or "Ec2InstanceMetadata".
  std::function<Lease(std::string_view source)> from_machine;
  std::size_t max_token_bytes = 64u * 1024;  ///< of a web identity token's file
};

/// Whether the profile takes a role with the keys of another one.
[[nodiscard]] bool assumes_role(const Profile& profile);

/// The credentials of a profile: its keys, or those of a role, whose source may be a profile again. None when it says
/// nothing about credentials. Throws CredentialsError for a profile that does not exist, contradicts itself, refers to
/// itself in a circle, or needs what a server cannot do: a browser (sso), a one-time code (mfa_serial) or another
/// program (credential_process). outbound::Error(kCancelled) passes through.
[[nodiscard]] std::optional<Lease> profile_keys(const ProfileContext& context, const std::string& name,
                                                const std::stop_token& stop);

}  // namespace nexus::cloud::aws
