#include "config/start_rules.h"

#include "base/encoding.h"
#include "config/derived.h"
#include "config/settings_table.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

namespace nexus::config {
namespace {

constexpr std::string_view kExampleCursorSecret = "dev-ui-cursor-secret";
constexpr std::int64_t kRunCost = 3;  // rate tokens of one run, contract 01 §6.1

std::string named(const Row& row, std::string_view text) {
  return fmt::format("{} {}", row.about.name, text);
}

void check_secrets(const Settings& s, Loaded& out) {
  if (s.get(kAuthDevBypass)) return;
  if (!may_generate_secrets(s)) {
    for (const Setting<Secret>* row : required_secrets(s))
      if (s.get(*row).empty())
        out.problems.push_back(named(*row, fmt::format("is missing; set it (for example to the output of `openssl rand "
                                                       "-hex 32`), or name a file in {}_FILE",
                                                       row->about.name)));
  }
  if (s.get(kUiCursorSecret).reveal() == kExampleCursorSecret)
    out.problems.push_back(
        named(kUiCursorSecret, "is the published example; set another (AUTH_DEV_BYPASS=true suppresses this check)"));
  if (s.get(kBillingWebhookEnabled) && s.get(kBillingWebhookSecret).empty())
    out.problems.push_back(named(kBillingWebhookSecret, "is required while BILLING_WEBHOOK_ENABLED is true"));
  if (s.get(kBillingWebhookEnabled) && s.get(kBillingWebhookUrl).value_or("").empty())
    out.warnings.push_back(named(kBillingWebhookUrl, "is empty: billing events are neither kept nor sent"));
}

void check_environment(const Settings& s, Loaded& out) {
  if (s.get(kAuthDevBypass) && is_production(s))
    out.problems.push_back(named(kAuthDevBypass, "is refused while NEXUSRAG_ENV is production"));
  if (s.get(kAuthDevBypass) && !listens_on_loopback(s))
    out.problems.push_back(named(kAuthDevBypass, "is refused unless LISTEN_HOST is a loopback address"));
  if (s.get(kPerfModeEnabled) && is_production(s))
    out.problems.push_back(named(kPerfModeEnabled, "is refused while NEXUSRAG_ENV is production"));
  if (s.get(kAuthDevBypass))
    out.warnings.push_back(named(kAuthDevBypass, "is on: whoever reaches this port acts for any tenant it names"));
  if (const std::string& provider = s.get(kEmbeddingProvider);
      provider != "local" && provider != "fake" && provider != "none")
    out.warnings.push_back(named(kEmbeddingProvider, "names a provider of a later version: search goes by words only"));
  if (!s.get(kAuthEnabled) && !s.get(kAuthDevBypass))
    out.warnings.push_back(named(kAuthEnabled, "is false without AUTH_DEV_BYPASS: every request will be refused"));
}

void check_addresses(const Settings& s, Loaded& out) {
  const std::string url = ascii_lower(ascii_trim(s.get(kDatabaseUrl)));
  const bool postgres =
      url.starts_with("postgresql://") || url.starts_with("postgres://") || url.starts_with("postgresql+asyncpg://");
  if (!is_embedded(s) && !postgres)
    out.problems.push_back(named(kDatabaseUrl, "must be empty, sqlite:PATH or a postgresql:// address"));
  if (s.get(kSearchEngine) == "opensearch" && ascii_trim(s.get(kOpensearchUrl)).empty())
    out.problems.push_back(named(kOpensearchUrl, "is required while SEARCH_ENGINE is opensearch"));
  if (s.get(kOpensearchUrl).find('@') != std::string::npos)
    out.problems.push_back(named(kOpensearchUrl, "must hold no user or password; they have settings of their own"));
  const std::string redis = ascii_lower(ascii_trim(s.get(kRedisUrl)));
  const std::string_view scheme = std::string_view(redis).substr(0, redis.find("://"));
  if (!redis.empty() && scheme != "redis" && scheme != "rediss" && scheme != "redis+sentinel" &&
      scheme != "rediss+sentinel" && scheme != "redis+cluster" && scheme != "rediss+cluster")
    out.problems.push_back(
        named(kRedisUrl, "must be empty or a redis://, rediss://, redis+sentinel:// or redis+cluster:// address"));
  if (ascii_trim(s.get(kListenHost)).empty()) out.problems.push_back(named(kListenHost, "must not be empty"));
  if (ascii_trim(s.get(kDataDir)).empty()) out.problems.push_back(named(kDataDir, "must not be empty"));
}

void check_json_list(const Settings& s, const Setting<std::string>& row, Loaded& out) {
  const std::string_view text = ascii_trim(s.get(row));
  if (text.empty()) return;
  boost::system::error_code error;
  const boost::json::value parsed = boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
  if (error || !parsed.is_array()) out.problems.push_back(named(row, "must be a JSON list"));
}

/// Requires lower <= upper.
void check_order(const Settings& s, const Setting<std::int64_t>& lower, const Setting<std::int64_t>& upper,
                 Loaded& out) {
  if (s.get(lower) > s.get(upper))
    out.problems.push_back(named(lower, fmt::format("must not be above {}", upper.about.name)));
}

void check_bounds(const Settings& s, Loaded& out) {
  check_order(s, kHttpEarlyBodyBytes, kHttpMaxBodyBytes, out);
  check_order(s, kScimDefaultPageSize, kScimMaxPageSize, out);
  check_order(s, kNotifyBackoffMs, kNotifyBackoffMaxMs, out);
  check_order(s, kJobBackoffMs, kJobBackoffMaxMs, out);
  if (s.get(kJobHeartbeatS) * 2 > s.get(kJobLeaseS))
    out.problems.push_back(named(kJobHeartbeatS, "must be at most half of JOB_LEASE_S"));
  if (s.get(kWorkerHeartbeatIntervalS) >= s.get(kWorkerHeartbeatStaleAfterS))
    out.problems.push_back(named(kWorkerHeartbeatIntervalS, "must be below WORKER_HEARTBEAT_STALE_AFTER_S"));
  if (s.get(kChunkOverlapChars) >= s.get(kChunkSizeChars))
    out.problems.push_back(named(kChunkOverlapChars, "must be below CHUNK_SIZE_CHARS"));
  if (!s.get(kRateLimitEnabled)) return;
  if (const std::string mode = ascii_lower(s.get(kRlFailMode)); mode != "open" && mode != "closed")
    out.warnings.push_back(named(kRlFailMode, "is neither open nor closed and counts as open"));
  for (const auto* row : {&kRlKeyRunBurst, &kRlTenantRunBurst})
    if (s.get(*row) < kRunCost)
      out.problems.push_back(named(*row, fmt::format("must be at least {}, the cost of one run", kRunCost)));
}

}  // namespace

bool may_generate_secrets(const Settings& settings) {
  return is_embedded(settings) && !is_production(settings);
}

std::vector<const Setting<Secret>*> required_secrets(const Settings& settings) {
  std::vector<const Setting<Secret>*> rows;
  const auto need = [&rows](const Setting<Secret>& row, bool condition) {
    if (condition) rows.push_back(&row);
  };
  need(kApiKeyPepper, settings.get(kAuthEnabled));
  need(kAuditSigningKey, true);
  need(kKeyringMasterKey, settings.get(kKeyringMasterKeyRequired));
  need(kCryptoLocalMasterKey, settings.get(kCryptoEnabled) && settings.get(kCryptoProvider) == "local_kms");
  need(kUiCursorSecret, true);
  need(kBackupEncryptionKey, settings.get(kBackupEncryptionEnabled));
  need(kBackupSigningKey, settings.get(kBackupSigningEnabled));
  return rows;
}

void check_start_rules(const Settings& settings, Loaded& loaded) {
  check_environment(settings, loaded);
  check_secrets(settings, loaded);
  check_addresses(settings, loaded);
  check_json_list(settings, kNotifyWebhookUrlsJson, loaded);
  check_json_list(settings, kPeerRegionsJson, loaded);
  check_bounds(settings, loaded);
}

}  // namespace nexus::config
