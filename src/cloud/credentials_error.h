#pragma once

#include <stdexcept>

namespace nexus::cloud {

/// No credentials can be had. `what()` says what to do and names no secret.
class CredentialsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace nexus::cloud
