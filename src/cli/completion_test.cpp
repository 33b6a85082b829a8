#include "cli/completion.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

CommandNode sample() {
  return {.name = "prog",
          .about = "A program",
          .options = {{.name = "--json", .about = "Print JSON"}},
          .commands = {{.name = "keys",
                        .about = "Keys",
                        .commands = {{.name = "create",
                                      .about = "Create: it's easy",
                                      .options = {{.name = "--tenant", .about = "Tenant", .takes_value = true}}}}},
                       {.name = "ingest", .about = "Files", .takes_files = true}}};
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Completion, KnowsThreeShells) {
  EXPECT_EQ(parse_shell("fish"), Shell::kFish);
  EXPECT_FALSE(parse_shell("tcsh").has_value());
}

TEST(Completion, BashOffersWhatStandsBehindEachPath) {
  const std::string script = completion_script(Shell::kBash, sample());
  EXPECT_TRUE(holds(script, "'') words='keys ingest --json' ;;"));
  EXPECT_TRUE(holds(script, "'/keys') words='create' ;;"));
  EXPECT_TRUE(holds(script, "'/keys/create') words='--tenant' ;;"));
  EXPECT_TRUE(holds(script, "'/ingest') files=1 ;;"));
  EXPECT_TRUE(holds(script, "/keys | /keys/create | /ingest) path="));
}

TEST(Completion, ZshEscapesColonsAndQuotes) {
  const std::string script = completion_script(Shell::kZsh, sample());
  EXPECT_TRUE(script.starts_with("#compdef prog\n"));
  EXPECT_TRUE(holds(script, R"('create:Create\: it'\''s easy')"));
}

TEST(Completion, FishNamesThePlaceOfEachWord) {
  const std::string script = completion_script(Shell::kFish, sample());
  EXPECT_TRUE(holds(script, R"(complete -c prog -n "__prog_at '/keys/create'" -l tenant -r -d 'Tenant')"));
  EXPECT_TRUE(holds(script, R"(complete -c prog -n "__prog_at ''" -f -a keys -d 'Keys')"));
}

}  // namespace
}  // namespace nexus::cli
