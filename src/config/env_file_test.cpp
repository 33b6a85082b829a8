#include "config/env_file.h"

#include "config/nearest.h"

#include <gmock/gmock.h>

#include <random>

namespace nexus::config {
namespace {

std::string value_of(std::string_view line) {
  const EnvFile file = parse_env_file(line);
  if (!file.problems.empty()) return "problem: " + file.problems[0];
  return file.lines.empty() ? "none" : file.lines[0].name + "|" + file.lines[0].value;
}

TEST(EnvFile, ReadsPlainLinesCommentsAndExports) {
  EXPECT_EQ(value_of("A=b"), "A|b");
  EXPECT_EQ(value_of("  export A = b c \r\n"), "A|b c");
  EXPECT_EQ(value_of("A="), "A|");
  EXPECT_EQ(value_of("# A=b"), "none");
  EXPECT_EQ(value_of("\xEF\xBB\xBF"
                     "A=b"),
            "A|b");
  EXPECT_EQ(value_of("A=b=c"), "A|b=c");
}

TEST(EnvFile, EndsUnquotedValuesAtACommentBehindABlank) {
  EXPECT_EQ(value_of("A=b # comment"), "A|b");
  EXPECT_EQ(value_of("A=b#c"), "A|b#c");
  EXPECT_EQ(value_of("A=#c"), "A|");
}

TEST(EnvFile, ReadsQuotes) {
  EXPECT_EQ(value_of("A='b # \\n c' # comment"), "A|b # \\n c");
  EXPECT_EQ(value_of(R"(A="b\n\"c\" \$d \x")"), "A|b\n\"c\" $d \\x");
  EXPECT_EQ(value_of("A=\"\""), "A|");
}

TEST(EnvFile, ReportsWhatItCannotReadWithoutTheValue) {
  EXPECT_EQ(value_of("just text"), "problem: line 1: expected NAME=value");
  EXPECT_EQ(value_of("=b"), "problem: line 1: expected NAME=value");
  EXPECT_EQ(value_of("1A=b"), "problem: line 1: expected NAME=value");
  EXPECT_EQ(value_of("A='secret"), "problem: line 1: A: the closing quote is missing or followed by more text");
  EXPECT_EQ(value_of("A=\"b\" c"), "problem: line 1: A: the closing quote is missing or followed by more text");
}

TEST(EnvFile, CountsLines) {
  const EnvFile file = parse_env_file("\n# x\nA=1\n\nB=2");
  ASSERT_EQ(file.lines.size(), 2u);
  EXPECT_EQ(file.lines[0].line, 3);
  EXPECT_EQ(file.lines[1].line, 5);
}

TEST(EnvFile, SurvivesArbitraryBytes) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "A=\"'\\# \n\r\t\xFF$";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto i = random() % 40; i > 0; --i) text.push_back(kAlphabet[random() % kAlphabet.size()]);
    const EnvFile file = parse_env_file(text);
    for (const EnvLine& line : file.lines) EXPECT_FALSE(line.name.empty());
  }
}

TEST(Nearest, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("levle", "level"), 1u);
}

TEST(Nearest, SuggestsOnlyCloseNames) {
  EXPECT_EQ(nearest_setting("runmaxconcurrency"), "RUN_MAX_CONCURRENCY");
  EXPECT_EQ(nearest_setting("DATABASE_URI"), "DATABASE_URL");
  EXPECT_EQ(nearest_setting("HOME"), "");
  EXPECT_EQ(nearest_setting(std::string(1000, 'A')), "");
}

}  // namespace
}  // namespace nexus::config
