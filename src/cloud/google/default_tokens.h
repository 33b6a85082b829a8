#pragma once

#include "base/time.h"
#include "cloud/google/cached_tokens.h"
#include "cloud/google/tokens.h"
#include "cloud/google/wire.h"
#include "outbound/client.h"

#include <cstdint>
#include <memory>
#include <string>

namespace nexus::cloud::google {

struct DefaultTokensOptions {
  std::string credentials_file;  ///< GOOGLE_APPLICATION_CREDENTIALS; empty: not set
  std::string gcloud_file;       ///< see gcloud_credentials_path(); empty or not there: passed over
  std::string metadata_host = "metadata.google.internal";  ///< GCE_METADATA_HOST: a host with or without port
  std::string quota_project;                 ///< GOOGLE_CLOUD_QUOTA_PROJECT; goes before the one of the file
  std::int64_t metadata_timeout_ms = 3'000;  ///< of one attempt; outside of Google Cloud nobody answers
  WireOptions wire;
  CacheOptions cache;
};

/// Where `gcloud auth application-default login` leaves its file: in `cloudsdk_config` (CLOUDSDK_CONFIG), or in
/// .config/gcloud of `home` (HOME). Empty when both are.
[[nodiscard]] std::string gcloud_credentials_path(const std::string& cloudsdk_config, const std::string& home);

/// Application default credentials (Google Cloud, "How Application Default Credentials works"), cached: the file that
/// was named, else gcloud's file, else the metadata server. Nothing is read or asked before the first token(). Each
/// fetch decides anew and reads the file again, so a replaced key needs no restart. `client` and `clock` must outlive
/// the result.
[[nodiscard]] std::unique_ptr<TokenSource> default_tokens(const DefaultTokensOptions& options, outbound::Client& client,
                                                          const Clock& clock);

}  // namespace nexus::cloud::google
