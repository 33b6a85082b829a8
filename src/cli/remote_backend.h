#pragma once

#include "cli/backend.h"
#include "cli/http_client.h"

#include <memory>
#include <string>

namespace nexus::cli {

/// Talks to a server. Without a key it names `tenant` in X-Tenant-Id, which a server in development bypass accepts.
[[nodiscard]] std::unique_ptr<Backend> make_remote_backend(const BaseUrl& server, const std::string& key,
                                                           const std::string& tenant);

/// What an error answer says, with the reason in its details; its code. "status N" when it is none of our answers.
struct ErrorText {
  std::string message;
  std::string code;
};
[[nodiscard]] ErrorText error_of(int status, std::string_view body);

}  // namespace nexus::cli
