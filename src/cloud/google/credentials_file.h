#pragma once

#include "base/secret.h"
#include "outbound/client.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nexus::cloud::google {

/// A robot account with a key of its own.
struct ServiceAccount {
  std::string client_email;
  std::string private_key_id;
  Secret private_key;  ///< PEM
  std::string token_uri;
};

/// A person, as `gcloud auth application-default login` leaves it.
struct AuthorizedUser {
  std::string client_id;
  Secret client_secret;
  Secret refresh_token;
  std::string token_uri;
};

/// Where the token of the foreign identity lies: a file that something keeps fresh, or an address to ask.
struct SubjectSource {
  std::string file;           ///< empty when `url` is set
  std::string url;            ///< asked with GET
  outbound::Headers headers;  ///< for `url`
  std::string json_field;     ///< the member that holds the token; empty: the whole text is the token
};

/// Workload identity federation: a token of another provider is exchanged (RFC 8693).
struct ExternalAccount {
  std::string audience;
  std::string subject_token_type;
  std::string token_url;
  SubjectSource source;
  std::string client_id;  ///< empty: the exchange needs no client
  Secret client_secret;
  std::string user_project;  ///< of workforce pools
};

/// A service account that the holder of a token may act as.
struct Impersonation {
  std::string url;  ///< …:generateAccessToken
  std::vector<std::string> delegates;
  std::int64_t lifetime_s = 3600;
};

/// What a file of application default credentials says.
struct CredentialsFile {
  std::variant<ServiceAccount, AuthorizedUser, ExternalAccount> identity;
  std::vector<Impersonation> impersonations;  ///< in order, each with the token of the one before; at most two
  std::string quota_project;                  ///< for the header x-goog-user-project; empty: none
};

/// Bounds of reading; the answers of token services are measured by them, too.
struct ReadLimits {
  std::size_t max_bytes = std::size_t{64} * 1024;
  std::size_t max_depth = 8;
};

/// Reads the JSON text of such a file: `service_account`, `authorized_user`, `external_account` and
/// `impersonated_service_account` (Google Cloud, "How Application Default Credentials works"; AIP-4112 to 4117). Every
/// address must be https, or http on this machine; the subject's address may also be a link-local one, where clouds
/// answer their machines. Throws CredentialsError that begins with `name` and says which field is wrong, never what it
/// holds.
[[nodiscard]] CredentialsFile parse_credentials(std::string_view text, std::string_view name,
                                                const ReadLimits& limits = {});

/// Visible ASCII without blanks, up to 16 KiB: what may stand behind `Bearer `.
[[nodiscard]] bool is_token_text(std::string_view text);

}  // namespace nexus::cloud::google
