#include "db/copy/row.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace nexus::db::copy {
namespace {

std::string sum(const std::vector<Row>& rows, std::vector<Kind> kinds) {
  TablePlan table{.name = "t"};
  for (const Kind kind : kinds) table.columns.push_back({"c", kind});
  Checksum checksum;
  for (const Row& row : rows) checksum.add(row, table);
  return checksum.hex();
}

std::string sum_of(Cell cell, Kind kind) {
  return sum({Row{std::move(cell)}}, {kind});
}

TEST(CopyChecksum, DoesNotDependOnTheOrderOfRows) {
  const Row a{std::int64_t{1}, std::string("x")};
  const Row b{std::int64_t{2}, std::string("y")};
  const std::vector<Kind> kinds{Kind::kInt, Kind::kText};
  EXPECT_EQ(sum({a, b}, kinds), sum({b, a}, kinds));
  EXPECT_NE(sum({a, b}, kinds), sum({a, a}, kinds));
  EXPECT_NE(sum({a, a}, kinds), sum({}, kinds));  // two equal rows do not cancel each other
}

TEST(CopyChecksum, TellsValuesApartThatRunTogether) {
  EXPECT_NE(sum({Row{std::string("ab"), std::string("c")}}, {Kind::kText, Kind::kText}),
            sum({Row{std::string("a"), std::string("bc")}}, {Kind::kText, Kind::kText}));
  EXPECT_NE(sum_of({}, Kind::kText), sum_of(std::string(), Kind::kText));
  EXPECT_NE(sum_of(std::int64_t{1}, Kind::kInt), sum_of(std::string("1"), Kind::kText));
}

TEST(CopyChecksum, TakesWhatMeansTheSameForTheSame) {
  EXPECT_EQ(sum_of(std::string(R"({"b": 1.0, "a": [1,2]})"), Kind::kJson),
            sum_of(std::string(R"({"a":[1, 2],"b":1})"), Kind::kJson));
  EXPECT_EQ(sum_of(std::string("1.50"), Kind::kDecimal), sum_of(std::string("1.5"), Kind::kDecimal));
  EXPECT_EQ(sum_of(std::string("-0.00"), Kind::kDecimal), sum_of(std::string("0"), Kind::kDecimal));
  EXPECT_EQ(sum_of(std::string("007"), Kind::kDecimal), sum_of(std::string("7"), Kind::kDecimal));
  EXPECT_NE(sum_of(std::string("100"), Kind::kDecimal), sum_of(std::string("1"), Kind::kDecimal));
  EXPECT_EQ(sum_of(std::string("ABCDEF00-0000-4000-8000-000000000000"), Kind::kUuid),
            sum_of(std::string("abcdef00-0000-4000-8000-000000000000"), Kind::kUuid));
  EXPECT_EQ(sum_of(std::vector<float>{1.0F, 0.0F, 0.0F}, Kind::kVector),
            sum_of(std::vector<float>{1.0F}, Kind::kVector));
  EXPECT_NE(sum_of(std::vector<float>{0.0F, 1.0F}, Kind::kVector), sum_of(std::vector<float>{1.0F}, Kind::kVector));
  EXPECT_EQ(sum_of(-0.0, Kind::kReal), sum_of(0.0, Kind::kReal));
}

TEST(CopyKeys, ComeBackAsTheyWere) {
  TablePlan table{
      .name = "t", .columns = {{"at", Kind::kTime}, {"v", Kind::kReal}, {"id", Kind::kText}}, .source_key = {2, 0}};
  const Row row{std::numeric_limits<std::int64_t>::min(), 1.5, std::string("a\"b\nü")};
  const Row key = key_values(key_text(row, table), table);
  EXPECT_EQ(key, (Row{row[2], row[0]}));
}

TEST(CopyKeys, AreRefusedWhenTheyAreOfAnotherTable) {
  const TablePlan table{.name = "t", .columns = {{"n", Kind::kInt}}, .source_key = {0}};
  EXPECT_THROW((void)key_values(R"(["1","2"])", table), std::invalid_argument);
  EXPECT_THROW((void)key_values(R"(["x"])", table), std::invalid_argument);
  EXPECT_THROW((void)key_values("{}", table), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::db::copy
