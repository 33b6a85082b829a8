#include "db/copy/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nexus::db::copy {
namespace {

Table table(std::vector<Column> columns, std::vector<std::string> key = {"id"}) {
  columns.insert(columns.begin(), {.name = "id", .kind = Kind::kText, .not_null = true});
  return {std::move(columns), std::move(key)};
}

std::vector<std::string> names(const Plan& plan) {
  std::vector<std::string> out;
  for (const TablePlan& t : plan.tables) out.push_back(t.name);
  return out;
}

TEST(CopyPlan, PutsTablesBehindThoseTheyReferTo) {
  Catalog both;
  for (const char* name : {"a", "b", "c", "d"}) both.tables[name] = table({});
  both.references = {{"a", "c"}, {"c", "d"}, {"b", "b"}};
  EXPECT_EQ(names(make_plan(both, both, {})), (std::vector<std::string>{"b", "d", "c", "a"}));
}

TEST(CopyPlan, EndsWhenTablesReferToEachOther) {
  Catalog both;
  for (const char* name : {"a", "b"}) both.tables[name] = table({});
  both.references = {{"a", "b"}, {"b", "a"}};
  EXPECT_EQ(names(make_plan(both, both, {})).size(), 2U);
}

TEST(CopyPlan, TakesTheMoreExactTypeOfBothSides) {
  Catalog few;
  Catalog many;
  few.tables["t"] = table({{.name = "at", .kind = Kind::kInt},
                           {.name = "flag", .kind = Kind::kInt},
                           {.name = "doc", .kind = Kind::kText},
                           {.name = "embedding", .kind = Kind::kBlob}});
  many.tables["t"] = table({{.name = "at", .kind = Kind::kTime},
                            {.name = "flag", .kind = Kind::kBool},
                            {.name = "doc", .kind = Kind::kJson},
                            {.name = "embedding", .kind = Kind::kVector}});
  for (const Plan& plan : {make_plan(few, many, {}), make_plan(many, few, {})}) {
    ASSERT_TRUE(plan.problems.empty());
    std::vector<Kind> kinds;
    for (const ColumnPlan& c : plan.tables.front().columns) kinds.push_back(c.kind);
    EXPECT_EQ(kinds, (std::vector{Kind::kText, Kind::kTime, Kind::kBool, Kind::kJson, Kind::kVector}));
  }
}

TEST(CopyPlan, RefusesTypesThatDoNotFit) {
  Catalog source;
  Catalog target;
  source.tables["t"] = table({{.name = "v", .kind = Kind::kReal}});
  target.tables["t"] = table({{.name = "v", .kind = Kind::kTime}});
  const Plan plan = make_plan(source, target, {});
  ASSERT_EQ(plan.problems.size(), 1U);
  EXPECT_EQ(plan.problems.front(), "t.v: real in the source, time in the target");
}

TEST(CopyPlan, NamesWhatOneSideLacks) {
  Catalog source;
  Catalog target;
  source.tables["only_here"] = table({});
  source.tables["own"] = table({});
  source.tables["t"] = table({{.name = "extra", .kind = Kind::kText}});
  target.tables["t"] = table({{.name = "wanted", .kind = Kind::kText, .not_null = true},
                              {.name = "given", .kind = Kind::kText, .not_null = true, .has_default = true}});
  const Plan plan = make_plan(source, target, {.left_out = {"own"}});
  EXPECT_EQ(plan.unknown, std::vector<std::string>{"only_here"});
  EXPECT_EQ(plan.tables.front().lost_columns, std::set<std::string>{"extra"});
  ASSERT_EQ(plan.problems.size(), 1U);
  EXPECT_EQ(plan.problems.front(), "t.wanted: the target needs it and the source does not have it");
}

TEST(CopyPlan, EachSideIsReadByItsOwnKey) {
  Catalog source;
  Catalog target;
  source.tables["t"] = table({{.name = "a", .kind = Kind::kText}, {.name = "n", .kind = Kind::kInt}}, {"n", "a"});
  target.tables["t"] = table({{.name = "a", .kind = Kind::kText}, {.name = "n", .kind = Kind::kInt}}, {"id"});
  const Plan plan = make_plan(source, target, {});
  EXPECT_EQ(plan.tables.front().source_key, (std::vector<std::size_t>{2, 1}));
  EXPECT_EQ(plan.tables.front().target_key, (std::vector<std::size_t>{0}));
}

TEST(CopyPlan, RefusesATableWithoutAKey) {
  Catalog both;
  both.tables["t"] = table({}, {});
  EXPECT_EQ(make_plan(both, both, {}).problems.size(), 2U);
}

}  // namespace
}  // namespace nexus::db::copy
