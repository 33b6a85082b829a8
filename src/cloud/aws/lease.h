#pragma once

#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "outbound/client.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::cloud::aws {

/// Credentials and how long they serve.
struct Lease {
  Credentials credentials;
  std::optional<Timestamp> expires = std::nullopt;   ///< none: they stay good
  std::optional<Timestamp> renew_at = std::nullopt;  ///< none: chosen by the expiry
};

/// Puts a pair of keys together. Throws CredentialsError, in the name of `whence`, when one is missing or holds
/// characters that no header can carry.
[[nodiscard]] Credentials make_credentials(std::string_view whence, std::string access_key_id, Secret secret_access_key,
                                           Secret session_token);

/// Sends a request for credentials. Any status is an answer; no answer is a CredentialsError that names `whence`.
/// outbound::Error(kCancelled) passes through.
[[nodiscard]] outbound::Response ask(outbound::Client& client, const outbound::Request& request,
                                     std::string_view whence);

/// Reads {"AccessKeyId","SecretAccessKey","Token","Expiration"} as containers and instances get it. Throws
/// CredentialsError.
[[nodiscard]] Lease read_machine_keys(std::string_view json, std::string_view whence);

/// Whether the text can be the value of a header.
[[nodiscard]] bool fits_header(std::string_view text);

/// A code that a peer sent, such as "AccessDenied", if it looks like one: fit for an error message. Else "".
[[nodiscard]] std::string_view plain_code(std::string_view text);

}  // namespace nexus::cloud::aws
