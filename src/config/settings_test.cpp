#include "config/settings.h"

#include "config/settings_table.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace nexus::config {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// A folder that is removed at the end of the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::binary) << text;
    return path_ / name;
  }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(SettingsTable, NamesEverySettingOnceAndDocumentsIt) {
  std::set<std::string_view> names;
  for (const Row* row : settings_table()) {
    const About& about = row->about;
    EXPECT_TRUE(names.insert(about.name).second) << about.name;
    EXPECT_EQ(about.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), std::string_view::npos);
    EXPECT_TRUE(about.doc.ends_with('.')) << about.name;
    EXPECT_EQ(find_row(about.name), row);
    EXPECT_EQ(settings_table()[ordinal(*row)], row);
    EXPECT_TRUE(row->type != Type::kSecret || about.secret) << about.name;
  }
  EXPECT_EQ(names.size(), 359u) << "a new row must also stand in settings_table.cpp";
}

TEST(SettingsTable, RefusesARowThatIsNotListed) {
  static constexpr Setting<bool> kStranger{{.name = "STRANGER"}, true};
  EXPECT_THROW((void)ordinal(kStranger), std::logic_error);
}

TEST(SettingsTable, FindsNamesWithoutCase) {
  EXPECT_EQ(find_row("log_level"), &kLogLevel);
  EXPECT_EQ(find_row("LOG_LEVELS"), nullptr);
}

TEST(Settings, HoldTheDefaultsOfTheContractAndTheDecisions) {
  const Settings settings;
  EXPECT_EQ(settings.get(kRunMaxConcurrency), 10);
  EXPECT_EQ(settings.get(kRlKeyRunRps), 1.0);
  EXPECT_EQ(settings.get(kRlFailMode), "open");
  EXPECT_TRUE(settings.get(kAuthzDefaultDeny));
  EXPECT_EQ(settings.get(kSseFlushIntervalMs), 0);
  EXPECT_EQ(settings.get(kLlmProvider), "auto");
  EXPECT_EQ(settings.get(kEmbeddingProvider), "local");
  EXPECT_EQ(settings.get(kIngestWorkers), 2);
  EXPECT_EQ(settings.get(kRunResumeTtlS), 300);
  EXPECT_FALSE(settings.get(kPerfModeEnabled));
  EXPECT_EQ(settings.get(kApiLegacySunset), "Sun, 10 May 2026 00:00:00 GMT");
  EXPECT_EQ(settings.get(kPlatformOperatorTenants), "*");
  EXPECT_EQ(settings.get(kRunBulkheadMaxConcurrency), std::nullopt);
  EXPECT_EQ(settings.get(kOpenaiBaseUrl), "https://api.openai.com/v1");
  EXPECT_TRUE(settings.get(kOpenaiApiKey).empty());
  EXPECT_EQ(settings.origin(kRunMaxConcurrency), Origin::kDefault);
}

TEST(Settings, StartWithoutAnyConfiguration) {
  const Loaded loaded = load({});
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST(Settings, LaterSourcesWin) {
  Sources sources;
  sources.env_file = "LISTEN_PORT=1\nRUN_MAX_CONCURRENCY=2\nINGEST_WORKERS=3\n";
  sources.environment = {{"run_max_concurrency", "20"}, {"INGEST_WORKERS", "30"}, {"PATH", "/bin"}};
  sources.overrides = {"ingest_workers=300"};
  const Settings settings = review(sources).settings;
  EXPECT_EQ(settings.get(kListenPort), 1);
  EXPECT_EQ(settings.origin(kListenPort), Origin::kEnvFile);
  EXPECT_EQ(settings.get(kRunMaxConcurrency), 20);
  EXPECT_EQ(settings.origin(kRunMaxConcurrency), Origin::kEnvironment);
  EXPECT_EQ(settings.get(kIngestWorkers), 2) << "300 is out of bounds, the default stays";
  EXPECT_THAT(review(sources).problems,
              ElementsAre("INGEST_WORKERS must be between 1 and 256, not \"300\" (command line)"));
}

TEST(Settings, SecretsMayComeFromFiles) {
  const Folder folder;
  Sources sources;
  sources.environment = {{"OPENAI_API_KEY", "from-environment"},
                         {"OPENAI_API_KEY_FILE", folder.write("key", "  from-file\n").string()},
                         {"DATABASE_URL_FILE", folder.write("url", "sqlite:/tmp/x.db\n").string()}};
  Settings settings = load(sources).settings;
  EXPECT_EQ(settings.get(kOpenaiApiKey).reveal(), "from-file");
  EXPECT_EQ(settings.origin(kOpenaiApiKey), Origin::kSecretFile);
  EXPECT_EQ(settings.get(kDatabaseUrl), "sqlite:/tmp/x.db");
  sources.overrides = {"OPENAI_API_KEY=from-command-line"};
  settings = load(sources).settings;
  EXPECT_EQ(settings.get(kOpenaiApiKey).reveal(), "from-command-line");
}

TEST(Settings, OnlySecretsMayComeFromFiles) {
  const Folder folder;
  Sources sources;
  sources.overrides = {"LOG_LEVEL_FILE=" + folder.write("level", "DEBUG").string()};
  EXPECT_THAT(review(sources).problems, Contains(HasSubstr("LOG_LEVEL_FILE: is not a setting")));
}

TEST(Settings, ReportAFileThatCannotBeRead) {
  const Folder folder;
  Sources sources;
  sources.environment = {{"OPENAI_API_KEY_FILE", (folder.path() / "missing").string()},
                         {"ANTHROPIC_API_KEY_FILE", folder.path().string()}};
  EXPECT_THAT(review(sources).problems, AllOf(Contains("OPENAI_API_KEY_FILE names a file that cannot be read"),
                                              Contains("ANTHROPIC_API_KEY_FILE names a file that cannot be read")));
}

TEST(Settings, ReportEveryProblemAtOnce) {
  Sources sources;
  sources.env_file = "LISTEN_PORT=abc\nnonsense\n";
  sources.environment = {{"AUTH_ENABLED", ""}, {"RL_KEY_RUN_RPS", "-1"}, {"LLM_PROVIDER", "magic"}};
  sources.overrides = {"NO_EQUALS", "INGEST_WORKER=1"};
  try {
    (void)load(sources);
    FAIL() << "must throw";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.problems(),
                ::testing::UnorderedElementsAre(".env line 2: expected NAME=value",
                                                "LISTEN_PORT must be a whole number, not \"abc\" (.env)",
                                                "AUTH_ENABLED must be true or false, not \"\" (environment)",
                                                HasSubstr("RL_KEY_RUN_RPS must be between 0.001 and 1000000"),
                                                HasSubstr("LLM_PROVIDER must be one of auto, extractive, fake"),
                                                "--set NO_EQUALS: expected NAME=value",
                                                "--set INGEST_WORKER: is not a setting; did you mean INGEST_WORKERS?"));
    EXPECT_THAT(error.what(), HasSubstr("\n  - LISTEN_PORT"));
  }
}

TEST(Settings, WarnAboutUnknownNamesInTheFileAndNameTheNearest) {
  Sources sources;
  sources.env_file = "LOG_LEVLE=DEBUG\nCOMPLETELY_DIFFERENT_THING=1\nRECEIVER_PORT=9001\n";
  const Loaded loaded = load(sources);
  EXPECT_THAT(loaded.warnings, ElementsAre(".env line 1: LOG_LEVLE is not a setting; did you mean LOG_LEVEL?",
                                           ".env line 2: COMPLETELY_DIFFERENT_THING is not a setting"));
}

TEST(Settings, NeverRepeatASecretInAMessage) {
  Sources sources;
  sources.env_file = "OPENAI_API_KEY=\"canary\n";
  sources.environment = {{"DATABASE_URL", "mysql://u:canary@h/db"}, {"UI_CURSOR_SECRET", std::string("canary\0x", 8)}};
  const Loaded loaded = review(sources);
  EXPECT_THAT(loaded.problems, AllOf(Not(IsEmpty()), Each(Not(HasSubstr("canary")))));
}

TEST(Settings, ReadBooleansInEverySpelling) {
  for (const char* text : {"1", "true", "T", "yes", "Y", "ON", " on "})
    EXPECT_TRUE(settings_with({{"DEBUG_EVENTS", text}}).get(kDebugEvents)) << text;
  for (const char* text : {"0", "FALSE", "f", "no", "n", "Off"})
    EXPECT_FALSE(settings_with({{"AUTH_ENABLED", text}}).get(kAuthEnabled)) << text;
  for (const char* text : {"", "2", "enabled", "truee"})
    EXPECT_THROW((void)settings_with({{"AUTH_ENABLED", text}}), ConfigError) << text;
}

TEST(Settings, ReadNumbersExactly) {
  EXPECT_EQ(settings_with({{"LISTEN_PORT", " +80 "}}).get(kListenPort), 80);
  EXPECT_EQ(settings_with({{"RL_KEY_RUN_RPS", "2.5e1"}}).get(kRlKeyRunRps), 25.0);
  for (const char* text : {"", "1.0", "1e3", "0x10", "99999999999999999999", "-1", "65536", "8 0"})
    EXPECT_THROW((void)settings_with({{"LISTEN_PORT", text}}), ConfigError) << text;
  for (const char* text : {"nan", "inf", "1e999", "one"})
    EXPECT_THROW((void)settings_with({{"RL_KEY_RUN_RPS", text}}), ConfigError) << text;
}

TEST(Settings, TreatEmptyOptionalValuesAsAbsent) {
  const Settings settings = settings_with({{"RUN_BULKHEAD_MAX_CONCURRENCY", ""}, {"MODELS_DIR", " "}});
  EXPECT_EQ(settings.get(kRunBulkheadMaxConcurrency), std::nullopt);
  EXPECT_EQ(settings.get(kModelsDir), std::nullopt);
  EXPECT_EQ(settings_with({{"RUN_BULKHEAD_MAX_CONCURRENCY", "7"}}).get(kRunBulkheadMaxConcurrency), 7);
}

TEST(Settings, CompareChoicesWithoutCaseAndStoreThemLower) {
  EXPECT_EQ(settings_with({{"LLM_PROVIDER", "OpenAI"}}).get(kLlmProvider), "openai");
}

TEST(ProcessSources, ReadTheFileOfTheFolder) {
  const Folder folder;
  (void)folder.write(".env", "APP_NAME=from-file\n");
  const Sources sources = process_sources(folder.path(), {"LISTEN_PORT=0"});
  ASSERT_TRUE(sources.env_file.has_value());
  EXPECT_EQ(*sources.env_file, "APP_NAME=from-file\n");
  EXPECT_THAT(sources.overrides, ElementsAre("LISTEN_PORT=0"));
  EXPECT_FALSE(sources.environment.empty());
  const Folder empty;
  EXPECT_FALSE(process_sources(empty.path(), {}).env_file.has_value());
}

TEST(ProcessSources, RefuseAFileThatCannotBeRead) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / ".env");
  EXPECT_THROW((void)process_sources(folder.path(), {}), std::runtime_error);
}

}  // namespace
}  // namespace nexus::config
