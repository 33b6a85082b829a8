#pragma once

#include "base/secret.h"
#include "cloud/credentials_error.h"

#include <stop_token>
#include <string>

namespace nexus::cloud::aws {

struct Credentials {
  std::string access_key_id;
  Secret secret_access_key;
  Secret session_token;  ///< empty for long-lived keys
};

/// Gives AWS credentials. Thread-safe; blocks while they are fetched.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Good for at least another minute. Throws CredentialsError, outbound::Error(kCancelled) when stopped.
  [[nodiscard]] virtual Credentials credentials(const std::stop_token& stop) = 0;
};

}  // namespace nexus::cloud::aws
