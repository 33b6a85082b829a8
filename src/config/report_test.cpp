#include "config/report.h"

#include "config/settings_table.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace nexus::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Every secret row set to a text that must not be printed.
Settings with_canaries() {
  std::vector<std::pair<std::string, std::string>> changes;
  for (const Row* row : settings_table())
    if (row->about.secret)
      changes.emplace_back(row->about.name,
                           row->type == Type::kSecret ? "canary" : "postgresql://user:canary@host/db?password=canary");
  return settings_with(changes);
}

TEST(Report, NeverPrintsASecret) {
  const Settings settings = with_canaries();
  EXPECT_THAT(print_text(settings), Not(HasSubstr("canary")));
  EXPECT_THAT(boost::json::serialize(print_json(settings)), Not(HasSubstr("canary")));
  EXPECT_THAT(print_text(settings), HasSubstr("OPENAI_API_KEY=********  # command line"));
  EXPECT_THAT(print_text(settings), HasSubstr("DATABASE_URL=postgresql://user:***@host/db?********"));
}

TEST(Report, RedactsPasswordsOfAddresses) {
  EXPECT_EQ(redact_url("redis://:pw@h:6379/0"), "redis://:***@h:6379/0");
  EXPECT_EQ(redact_url("postgres://u:p@ss:w@h/db"), "postgres://u:***@h/db");
  EXPECT_EQ(redact_url("postgres://u@h/db"), "postgres://u@h/db");
  EXPECT_EQ(redact_url("http://h:80/a@b:c"), "http://h:80/a@b:c");
  EXPECT_EQ(redact_url("sqlite:x.db"), "sqlite:x.db");
}

TEST(Report, PrintsOnlyChangesWhenAsked) {
  EXPECT_THAT(print_text(Settings(), true), IsEmpty());
  EXPECT_EQ(print_text(settings_with({{"LISTEN_PORT", "9"}}), true), "# HTTP server\nLISTEN_PORT=9  # command line\n");
  const auto json = print_json(settings_with({{"LISTEN_PORT", "9"}}), true);
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json.at("LISTEN_PORT").at("value").as_int64(), 9);
  EXPECT_EQ(json.at("LISTEN_PORT").at("area").as_string(), "HTTP server");
}

TEST(Report, DocumentsEveryRow) {
  const std::string docs = docs_markdown();
  for (const Row* row : settings_table())
    EXPECT_THAT(docs, HasSubstr("| `" + std::string(row->about.name) + "` |")) << row->about.name;
  EXPECT_THAT(docs, HasSubstr("## Rate limits"));
  EXPECT_THAT(docs, HasSubstr("| `RUN_MAX_CONCURRENCY` | int | `10` | 1 … 100000 |"));
  EXPECT_THAT(docs, HasSubstr("| `LLM_PROVIDER` | text | `auto` | auto, extractive, fake"));
}

TEST(EnvExample, StartsTheServerWhenCopied) {
  Sources sources;
  sources.env_file = env_example();
  const Loaded loaded = load(sources);
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST(EnvExample, HoldsUsableDefaultsBehindTheCommentSigns) {
  std::string text = env_example();
  for (std::size_t at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1))
    if (text[at + 2] >= 'A' && text[at + 2] <= 'Z') text.erase(at + 1, 1);
  Sources sources;
  sources.env_file = text;
  const Loaded loaded = load(sources);
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_EQ(loaded.settings.get(kListenPort), 8000);
  EXPECT_EQ(loaded.settings.origin(kListenPort), Origin::kEnvFile);
}

TEST(EnvExample, IsTheFileAtTheRoot) {
  const std::filesystem::path file = std::filesystem::path(__FILE__).parent_path() / "../../.env.example";
  std::ifstream in(file);
  if (!in) GTEST_SKIP() << "the sources are not beside the test";
  std::ostringstream text;
  text << in.rdbuf();
  EXPECT_EQ(text.str(), env_example()) << "write it again with `nexusrag config docs --env-example`";
}

}  // namespace
}  // namespace nexus::config
