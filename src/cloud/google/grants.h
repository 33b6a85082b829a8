#pragma once

#include "base/time.h"
#include "cloud/google/credentials_file.h"
#include "cloud/google/wire.h"

#include <cstdint>
#include <stop_token>
#include <string>

namespace nexus::cloud::google {

/// The signed statement that a service account trades for a token (RFC 7523; Google Identity, "Using OAuth 2.0 for
/// Server to Server Applications"): good from `now` for an hour. Throws CredentialsError when the key is none.
[[nodiscard]] std::string service_account_assertion(const ServiceAccount& account, Timestamp now);

/// A token for whom the file speaks for, impersonations included. Blocks. Throws CredentialsError,
/// outbound::Error(kCancelled).
[[nodiscard]] AccessToken token_for(const CredentialsFile& file, const Wire& wire, const std::stop_token& stop);

/// A token for the service account of the machine this runs on, from its metadata server (Google Cloud, "About VM
/// metadata"). `host` is a host with or without port; `timeout_ms` bounds one attempt, short because outside of Google
/// Cloud nobody answers. Blocks. Throws as above.
[[nodiscard]] AccessToken token_of_machine(const std::string& host, std::int64_t timeout_ms, const Wire& wire,
                                           const std::stop_token& stop);

}  // namespace nexus::cloud::google
