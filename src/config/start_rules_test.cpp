#include "config/start_rules.h"

#include "config/derived.h"
#include "config/settings_table.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <set>

namespace nexus::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Changes = std::vector<std::pair<std::string, std::string>>;

Loaded reviewed(Changes environment, SecretFiles files = {}) {
  Sources sources;
  sources.environment = std::move(environment);
  sources.secret_files = std::move(files);
  return review(sources);
}

/// Every required secret, given by hand.
Changes with_secrets(Changes more) {
  for (const char* name : {"API_KEY_PEPPER", "AUDIT_SIGNING_KEY", "KEYRING_MASTER_KEY", "CRYPTO_LOCAL_MASTER_KEY",
                           "UI_CURSOR_SECRET", "BACKUP_ENCRYPTION_KEY", "BACKUP_SIGNING_KEY"})
    more.emplace_back(name, "given");
  return more;
}

TEST(StartRules, AnEmbeddedInstallationGeneratesItsSecretsOnce) {
  std::set<std::string> asked;
  const SecretFiles files = [&asked](const std::filesystem::path& path) {
    EXPECT_EQ(path.parent_path(), std::filesystem::path("data/secrets"));
    asked.insert(path.filename().string());
    return SecretFile{Secret("generated"), true};
  };
  const Loaded loaded = reviewed({{"DATA_DIR", "data"}, {"BACKUP_SIGNING_KEY", "given"}}, files);
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_THAT(asked, ElementsAre("api_key_pepper", "audit_signing_key", "backup_encryption_key",
                                 "crypto_local_master_key", "keyring_master_key", "ui_cursor_secret"));
  EXPECT_EQ(loaded.settings.get(kApiKeyPepper).reveal(), "generated");
  EXPECT_EQ(loaded.settings.origin(kApiKeyPepper), Origin::kGenerated);
  EXPECT_EQ(loaded.settings.get(kBackupSigningKey).reveal(), "given");
  ASSERT_THAT(loaded.notices, SizeIs(1));
  EXPECT_THAT(loaded.notices[0], HasSubstr("back up"));
}

TEST(StartRules, SaysNothingAboutSecretsThatWereThere) {
  const SecretFiles files = [](const auto&) { return SecretFile{Secret("kept"), false}; };
  EXPECT_THAT(reviewed({}, files).notices, IsEmpty());
}

TEST(StartRules, AFailingSecretFolderIsAProblem) {
  const SecretFiles files = [](const auto&) -> SecretFile { throw std::runtime_error("disk full"); };
  EXPECT_THAT(reviewed({}, files).problems, Contains(HasSubstr("API_KEY_PEPPER cannot be kept in")));
}

TEST(StartRules, ProductionGeneratesNothingAndListsEveryMissingSecret) {
  const SecretFiles files = [](const auto&) -> SecretFile {
    ADD_FAILURE() << "must not be asked";
    return {};
  };
  const Loaded loaded = reviewed({{"NEXUSRAG_ENV", "production"}, {"DATA_DIR", "/nonexistent"}}, files);
  EXPECT_THAT(loaded.problems,
              ElementsAre(StartsWith("API_KEY_PEPPER is missing"), StartsWith("AUDIT_SIGNING_KEY is missing"),
                          StartsWith("KEYRING_MASTER_KEY is missing"), StartsWith("CRYPTO_LOCAL_MASTER_KEY is missing"),
                          StartsWith("UI_CURSOR_SECRET is missing"), StartsWith("BACKUP_ENCRYPTION_KEY is missing"),
                          StartsWith("BACKUP_SIGNING_KEY is missing")));
  EXPECT_THAT(reviewed(with_secrets({{"NEXUSRAG_ENV", "production"}})).problems, IsEmpty());
}

TEST(StartRules, PostgresNeedsItsSecretsUnlessDevBypassIsOn) {
  const std::string url = "postgresql+asyncpg://nexusrag:nexusrag@localhost:5432/nexusrag";
  EXPECT_THAT(reviewed({{"DATABASE_URL", url}}).problems, SizeIs(7));
  EXPECT_THAT(reviewed({{"DATABASE_URL", url}, {"AUTH_DEV_BYPASS", "true"}}).problems, IsEmpty());
  EXPECT_THAT(reviewed(with_secrets({{"DATABASE_URL", url}})).problems, IsEmpty());
  EXPECT_THAT(reviewed({{"DATABASE_URL", url},
                        {"AUTH_ENABLED", "false"},
                        {"KEYRING_MASTER_KEY_REQUIRED", "false"},
                        {"CRYPTO_ENABLED", "false"},
                        {"BACKUP_ENCRYPTION_ENABLED", "false"},
                        {"BACKUP_SIGNING_ENABLED", "false"}})
                  .problems,
              SizeIs(2));
}

TEST(StartRules, RefusesThePublishedCursorSecret) {
  const Loaded loaded = reviewed({{"UI_CURSOR_SECRET", "dev-ui-cursor-secret"}});
  EXPECT_THAT(loaded.problems, ElementsAre(HasSubstr("AUTH_DEV_BYPASS=true suppresses this check")));
  EXPECT_THAT(reviewed({{"UI_CURSOR_SECRET", "dev-ui-cursor-secret"}, {"AUTH_DEV_BYPASS", "1"}}).problems, IsEmpty());
}

TEST(StartRules, AWebhookNeedsItsSecretEverywhere) {
  EXPECT_THAT(reviewed({{"BILLING_WEBHOOK_ENABLED", "true"}}).problems,
              ElementsAre(StartsWith("BILLING_WEBHOOK_SECRET is required")));
  EXPECT_THAT(reviewed({{"BILLING_WEBHOOK_ENABLED", "true"}}).warnings,
              Contains(StartsWith("BILLING_WEBHOOK_URL is empty")));
}

TEST(StartRules, DevBypassNeedsLoopbackAndIsRefusedInProduction) {
  EXPECT_THAT(reviewed({{"AUTH_DEV_BYPASS", "true"}, {"LISTEN_HOST", "0.0.0.0"}}).problems,
              ElementsAre(StartsWith("AUTH_DEV_BYPASS is refused unless LISTEN_HOST")));
  EXPECT_THAT(reviewed({{"AUTH_DEV_BYPASS", "true"}, {"NEXUSRAG_ENV", "production"}}).problems,
              ElementsAre(StartsWith("AUTH_DEV_BYPASS is refused while NEXUSRAG_ENV")));
  for (const char* host : {"127.0.0.1", "127.8.8.8", "localhost", "::1"})
    EXPECT_THAT(reviewed({{"AUTH_DEV_BYPASS", "true"}, {"LISTEN_HOST", host}}).problems, IsEmpty()) << host;
  for (const char* host : {"127.evil.example", "10.0.0.1", "::", "1127.0.0.1"})
    EXPECT_THAT(reviewed({{"AUTH_DEV_BYPASS", "true"}, {"LISTEN_HOST", host}}).problems, SizeIs(1)) << host;
}

TEST(StartRules, ProductionRefusesThePerfMode) {
  EXPECT_THAT(reviewed(with_secrets({{"NEXUSRAG_ENV", "production"}, {"PERF_MODE_ENABLED", "true"}})).problems,
              ElementsAre(StartsWith("PERF_MODE_ENABLED is refused")));
}

TEST(StartRules, WarnsWhenNobodyCouldEnter) {
  EXPECT_THAT(reviewed({{"AUTH_ENABLED", "false"}}).warnings, ElementsAre(StartsWith("AUTH_ENABLED is false")));
}

TEST(StartRules, ChecksAddressesAndLists) {
  EXPECT_THAT(reviewed(with_secrets({{"DATABASE_URL", "mysql://h/db"}})).problems,
              ElementsAre(StartsWith("DATABASE_URL must be empty")));
  EXPECT_THAT(reviewed({{"REDIS_URL", "localhost:6379"}}).problems, ElementsAre(StartsWith("REDIS_URL must be")));
  for (const char* url : {"rediss://h", "redis+sentinel://a,b/main", "rediss+cluster://a,b"})
    EXPECT_THAT(reviewed({{"REDIS_URL", url}}).problems, IsEmpty()) << url;
  EXPECT_THAT(reviewed({{"NOTIFY_WEBHOOK_URLS_JSON", "{}"}, {"PEER_REGIONS_JSON", "[1"}}).problems,
              ElementsAre("NOTIFY_WEBHOOK_URLS_JSON must be a JSON list", "PEER_REGIONS_JSON must be a JSON list"));
}

TEST(StartRules, ChecksBoundsThatDependOnEachOther) {
  EXPECT_THAT(reviewed({{"RL_KEY_RUN_BURST", "2"}}).problems,
              ElementsAre("RL_KEY_RUN_BURST must be at least 3, the cost of one run"));
  EXPECT_THAT(reviewed({{"RL_KEY_RUN_BURST", "2"}, {"RATE_LIMIT_ENABLED", "false"}}).problems, IsEmpty());
  EXPECT_THAT(reviewed({{"RL_TENANT_RUN_BURST", "2"}}).problems,
              ElementsAre(StartsWith("RL_TENANT_RUN_BURST must be")));
  EXPECT_THAT(reviewed({{"RL_FAIL_MODE", "close"}}).warnings, ElementsAre(StartsWith("RL_FAIL_MODE is neither")));
  EXPECT_THAT(reviewed({{"RL_FAIL_MODE", "Closed"}}).warnings, IsEmpty());
  EXPECT_THAT(reviewed({{"SCIM_DEFAULT_PAGE_SIZE", "300"}}).problems, SizeIs(1));
  EXPECT_THAT(reviewed({{"JOB_HEARTBEAT_S", "40"}}).problems, SizeIs(1));
  EXPECT_THAT(reviewed({{"CHUNK_OVERLAP_CHARS", "1200"}}).problems, SizeIs(1));
}

TEST(Derived, FindsTheEmbeddedDatabase) {
  const auto path = [](const char* url) { return sqlite_path(settings_with({{"DATABASE_URL", url}})).string(); };
  EXPECT_EQ(path(""), "var/nexusrag.db");
  EXPECT_EQ(path("sqlite:"), "var/nexusrag.db");
  EXPECT_EQ(path("sqlite:other.db"), "other.db");
  EXPECT_EQ(path("SQLite:///srv/n.db"), "/srv/n.db");
  EXPECT_EQ(path("sqlite::memory:"), ":memory:");
  EXPECT_FALSE(is_embedded(settings_with({{"DATABASE_URL", "postgresql://h/db"}})));
}

TEST(Derived, PlacesFoldersInTheDataFolderUnlessTold) {
  const Settings settings = settings_with({{"DATA_DIR", "/data"}, {"MODELS_DIR", "/models"}});
  EXPECT_EQ(secrets_dir(settings), "/data/secrets");
  EXPECT_EQ(spool_dir(settings), "/data/spool");
  EXPECT_EQ(models_dir(settings), "/models");
}

TEST(Derived, ResolvesThreadsForTheMachine) {
  const Settings settings;
  EXPECT_EQ(io_threads(settings, 2), 1);
  EXPECT_EQ(io_threads(settings, 64), 8);
  EXPECT_EQ(db_lane_threads(settings, 0), 2);
  EXPECT_EQ(db_lane_threads(settings, 2), 4);
  EXPECT_EQ(db_lane_threads(settings, 64), 32);
  EXPECT_EQ(sqlite_readers(settings_with({{"LANE_DB_THREADS", "7"}}), 2), 7);
}

TEST(Derived, OverridesBulkheadsOnlyWithMoreThanZero) {
  EXPECT_EQ(run_concurrency(Settings()), 10);
  EXPECT_EQ(run_concurrency(settings_with({{"RUN_BULKHEAD_MAX_CONCURRENCY", "0"}})), 10);
  EXPECT_EQ(run_concurrency(settings_with({{"RUN_BULKHEAD_MAX_CONCURRENCY", "25"}})), 25);
  EXPECT_EQ(ingest_concurrency(settings_with({{"INGEST_BULKHEAD_MAX_CONCURRENCY", "9"}})), 9);
}

TEST(Derived, SplitsLists) {
  EXPECT_THAT(split_list(" a, b ,,c,"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(split_list(""), IsEmpty());
}

}  // namespace
}  // namespace nexus::config
