#pragma once

#include "base/encoding.h"
#include "base/ids.h"
#include "base/time.h"
#include "cloud/google/default_tokens.h"
#include "observe/metrics.h"
#include "outbound/curl_client.h"
#include "support/http_twin.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::cloud::google {

/// Moves only when told to. Thread-safe.
class ManualClock final : public Clock {
 public:
  static constexpr Timestamp kStart{1'771'322'400 * Timestamp::kSecond};  ///< 2026-02-17T10:00:00Z

  [[nodiscard]] Timestamp now() const override { return kStart + passed_us_.load(); }
  [[nodiscard]] std::int64_t steady_us() const override { return 1'000 + passed_us_.load(); }
  void advance_s(std::int64_t seconds) { passed_us_ += seconds * Timestamp::kSecond; }

 private:
  std::atomic<std::int64_t> passed_us_{0};
};

/// A folder of its own that goes with the test.
class ScratchFolder {
 public:
  ScratchFolder() { std::filesystem::create_directories(path_); }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  /// Writes a file and returns its path.
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_ = std::filesystem::temp_directory_path() / ("google_" + uuid4());
};

/// The pairs of a form or a query.
inline std::map<std::string, std::string> pairs_of(std::string_view text) {
  std::map<std::string, std::string> out;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    out[percent_decode(pair.substr(0, equals), true)] = percent_decode(pair.substr(equals + 1), true);
  }
  return out;
}

inline testing::TwinAnswer token_answer(const std::string& token, int expires_in = 3600) {
  return testing::twin_status(200, R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":)" +
                                       std::to_string(expires_in) + "}");
}

/// Application default credentials against a twin that plays Google. Write files and change `options` before token().
struct GoogleFixture : ::testing::Test {
  SystemClock system_clock;
  ManualClock clock;
  observe::Metrics metrics;
  outbound::LocalBreakerStore store{system_clock};
  outbound::CircuitBreaker breaker{store, {.failure_threshold = 1'000}, metrics};
  testing::HttpTwin twin;
  outbound::CurlClient client{
      {.timeout_ms = 20'000, .retry = {.backoff_ms = 1}}, system_clock, metrics, breaker, {.random = [] {
        return 0.5;
      }}};
  ScratchFolder folder;
  DefaultTokensOptions options{.wire = {.timeout_ms = 20'000, .deadline_ms = 20'000}};
  std::unique_ptr<TokenSource> source;

  TokenSource& tokens() {
    if (!source) source = default_tokens(options, client, clock);
    return *source;
  }
  void use_file(std::string_view json) { options.credentials_file = folder.write("credentials.json", json); }
  /// The token, or the message of the error.
  std::string outcome() {
    try {
      return tokens().token({});
    } catch (const CredentialsError& error) {
      return error.what();
    }
  }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(twin.port()); }
};

}  // namespace nexus::cloud::google
