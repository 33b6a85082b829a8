#include "modules/retrieval/postgres_text.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::retrieval::postgres {
namespace {

TEST(PostgresText, ArraysQuoteEveryElement) {
  EXPECT_EQ(array_text(std::vector<std::string>{}), "{}");
  EXPECT_EQ(array_text(std::vector<std::string>{"a", "", "NULL", R"(q"b\s,{}')"}), R"({"a","","NULL","q\"b\\s,{}'"})");
  EXPECT_EQ(bytea_array_text(std::vector<std::string>{"", std::string("\0a\xff", 3)}), R"({"\\x","\\x0061ff"})");
}

TEST(PostgresText, ALexemeBelongsToItsCorpus) {
  EXPECT_EQ(lexeme(12, "word"), "12:word");
  EXPECT_EQ(tsquery_text(lexeme(1, R"(it's\)")), R"('1:it''s\\')");
}

TEST(PostgresText, LexemesHaveNoPositions) {
  EXPECT_EQ(tsvector_text(3, std::vector<TermCount>{{"a", 1}, {"b", 3}}), "'3:a' '3:b'");
}

TEST(PostgresText, PackedTermsComeBackAsTheyWere) {
  const std::vector<TermCount> terms{{"", 1}, {"a", 127}, {"b", 128}, {std::string(300, 'c'), 4'000'000'000}};
  const std::string bytes = pack_terms(terms);
  PackedTerms packed(bytes);
  for (const TermCount& term : terms) {
    ASSERT_TRUE(packed.next());
    EXPECT_EQ(packed.term(), term.term);
    EXPECT_EQ(packed.count(), term.count);
  }
  EXPECT_FALSE(packed.next());
}

TEST(PostgresText, DamagedTermsAreRefused) {
  const auto read = [](std::string_view bytes) {
    PackedTerms packed(bytes);
    while (packed.next()) {
    }
  };
  for (const std::string_view bytes : {"\x05"
                                       "abc",
                                       "\x01"
                                       "a",
                                       "\x81",
                                       "\x01"
                                       "a\xff\xff\xff\xff\xff\xff"})
    EXPECT_THROW(read(bytes), std::runtime_error);
  EXPECT_NO_THROW(read(""));
}

}  // namespace
}  // namespace nexus::retrieval::postgres
