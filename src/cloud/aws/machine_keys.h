#pragma once

#include "cloud/aws/lease.h"

#include <cstdint>
#include <stop_token>
#include <string>

/// Credentials that the place gives where the process runs.
namespace nexus::cloud::aws {

/// ECS, EKS Pod Identity, Greengrass. Source: "Container credential provider" of the AWS SDKs and Tools guide.
struct ContainerOptions {
  std::string relative_uri;  ///< AWS_CONTAINER_CREDENTIALS_RELATIVE_URI; wins over full_uri
  std::string full_uri;      ///< AWS_CONTAINER_CREDENTIALS_FULL_URI
  std::string token_file;    ///< AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, read at each call; wins over token
  Secret token;              ///< AWS_CONTAINER_AUTHORIZATION_TOKEN
  std::string host = "http://169.254.170.2";
  std::int64_t timeout_ms = 2'000;
  int attempts = 3;
  std::size_t max_answer_bytes = 64u * 1024;

  [[nodiscard]] bool configured() const { return !relative_uri.empty() || !full_uri.empty(); }
};

/// Instance metadata, version 2 only. Source: "Use the Instance Metadata Service" of the EC2 guide.
struct InstanceOptions {
  bool disabled = false;  ///< AWS_EC2_METADATA_DISABLED
  std::string endpoint = "http://169.254.169.254";
  std::int64_t timeout_ms = 1'000;
  int attempts = 2;
  std::size_t max_answer_bytes = 64u * 1024;
};

/// Throws CredentialsError, also for a full_uri that is neither https nor an address of a known agent: the token must
/// not travel in the clear to another machine. outbound::Error(kCancelled) passes through.
[[nodiscard]] Lease container_keys(outbound::Client& client, const ContainerOptions& options,
                                   const std::stop_token& stop);
/// Token, name of the role, its credentials. Throws CredentialsError, outbound::Error(kCancelled).
[[nodiscard]] Lease instance_keys(outbound::Client& client, const InstanceOptions& options,
                                  const std::stop_token& stop);

}  // namespace nexus::cloud::aws
