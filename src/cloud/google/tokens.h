#pragma once

#include "cloud/credentials_error.h"

#include <stop_token>
#include <string>

namespace nexus::cloud::google {

/// Gives OAuth 2.0 access tokens for Google's APIs. Thread-safe; blocks while one is fetched.
class TokenSource {
 public:
  virtual ~TokenSource() = default;
  /// A token that is good for at least another minute, or for less while no newer one can be had. Throws
  /// CredentialsError, outbound::Error(kCancelled).
  [[nodiscard]] virtual std::string token(const std::stop_token& stop) = 0;
  /// The token was refused (401): the next call fetches another.
  virtual void forget(const std::string& token) = 0;
  /// The project that the calls count against, for the header `x-goog-user-project`; empty: send none. Known once
  /// token() has returned.
  [[nodiscard]] virtual std::string quota_project() const { return {}; }
};

}  // namespace nexus::cloud::google
