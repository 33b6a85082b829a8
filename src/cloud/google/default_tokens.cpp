#include "cloud/google/default_tokens.h"

#include "cloud/google/credentials_file.h"
#include "cloud/google/grants.h"
#include "cloud/small_file.h"

#include <filesystem>
#include <stop_token>
#include <system_error>
#include <utility>

namespace nexus::cloud::google {
namespace {

constexpr const char* kNoneFound =
    "There are no Google credentials: name a file in GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth "
    "application-default login`, or run on Google Cloud. ";

bool is_there(const std::string& path) {
  // A folder that this account may not enter is as good as none.
  std::error_code ignored;
  return !path.empty() && std::filesystem::exists(path, ignored);
}

AccessToken token_from_file(const std::string& path, const Wire& wire, const std::stop_token& stop) {
  const std::size_t most = wire.options().max_bytes;
  return token_for(parse_credentials(read_small_file(path, most), path, {.max_bytes = most}), wire, stop);
}

AccessToken token_from_machine(const DefaultTokensOptions& options, const Wire& wire, const std::stop_token& stop) {
  try {
    return token_of_machine(options.metadata_host, options.metadata_timeout_ms, wire, stop);
  } catch (const CredentialsError& error) {
    throw CredentialsError(kNoneFound + std::string(error.what()));
  }
}

AccessToken fetch(const DefaultTokensOptions& options, const Wire& wire, const std::stop_token& stop) {
  const auto decide = [&] {
    if (!options.credentials_file.empty()) return token_from_file(options.credentials_file, wire, stop);
    if (is_there(options.gcloud_file)) return token_from_file(options.gcloud_file, wire, stop);
    return token_from_machine(options, wire, stop);
  };
  AccessToken token = decide();
  if (!options.quota_project.empty()) token.quota_project = options.quota_project;
  return token;
}

}  // namespace

std::string gcloud_credentials_path(const std::string& cloudsdk_config, const std::string& home) {
  std::filesystem::path folder;
  if (!cloudsdk_config.empty()) {
    folder = cloudsdk_config;
  } else if (!home.empty()) {
    folder = std::filesystem::path(home) / ".config" / "gcloud";
  } else {
    return {};
  }
  return (folder / "application_default_credentials.json").string();
}

std::unique_ptr<TokenSource> default_tokens(const DefaultTokensOptions& options, outbound::Client& client,
                                            const Clock& clock) {
  auto wire = std::make_shared<const Wire>(options.wire, client, clock);
  return std::make_unique<CachedTokens>(
      options.cache, [options, wire](const std::stop_token& stop) { return fetch(options, *wire, stop); }, clock);
}

}  // namespace nexus::cloud::google
