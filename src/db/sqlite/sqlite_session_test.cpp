#include "db/sqlite/decimal_order.h"
#include "db/sqlite/json_check.h"
#include "db/sqlite/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace nexus::db {
namespace {

constexpr Statement kAdd("t.add", "INSERT INTO t (id, v) VALUES ($1, $2)");
constexpr Statement kSwapped("t.swapped", "INSERT INTO t (v, id) VALUES ($2, $1)");
constexpr Statement kAddReturning("t.add_returning", "INSERT INTO t (v) VALUES ($1), ($2) RETURNING id, v");
constexpr Statement kGet("t.get", "SELECT v FROM t WHERE id = $1");
constexpr Statement kAll("t.all", "SELECT id, v FROM t ORDER BY id");
constexpr Statement kByText("t.by_text", "SELECT id FROM t WHERE v = $2 OR v = $1 ORDER BY id");
constexpr Statement kTypes("types", "SELECT $1, $2, $3, $4, $5, $6, $7, $8");

TEST(SqliteSession, BindsAndReadsEveryType) {
  TestDatabase t;
  t.db->read([](Snapshot& s) {
    const std::byte bytes[] = {std::byte{0}, std::byte{255}};
    const std::optional<std::string> absent;
    Cursor c = s.query(kTypes, -5, 2.5, true, std::string("te\0xt", 5), std::span<const std::byte>(bytes),
                       Timestamp{1234567}, Json{R"({"a":1})"}, absent);
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.i64(0), -5);
    EXPECT_EQ(c.real(1), 2.5);
    EXPECT_TRUE(c.boolean(2));
    EXPECT_EQ(c.text(3), std::string_view("te\0xt", 5));
    EXPECT_EQ(std::vector(c.blob(4).begin(), c.blob(4).end()), std::vector(bytes, bytes + 2));
    EXPECT_EQ(c.time(5).us, 1234567);
    EXPECT_EQ(c.text(6), R"({"a":1})");
    EXPECT_TRUE(c.is_null(7));
    EXPECT_EQ(c.i64(7), 0);
    EXPECT_EQ(c.text(7), "");
    EXPECT_EQ(c.opt_str(7), std::nullopt);
    EXPECT_THROW((void)c.i64(8), std::logic_error);
    EXPECT_FALSE(c.next());
  });
}

TEST(SqliteSession, KeepsEmptyTextAndEmptyBlobApartFromNull) {
  TestDatabase t;
  t.db->read([](Snapshot& s) {
    static constexpr Statement kTwo("two", "SELECT $1 IS NULL, $2 IS NULL, typeof($2)");
    Cursor c = s.query(kTwo, std::string_view(), std::span<const std::byte>());
    ASSERT_TRUE(c.next());
    EXPECT_FALSE(c.boolean(0));
    EXPECT_FALSE(c.boolean(1));
    EXPECT_EQ(c.text(2), "blob");
  });
}

TEST(SqliteSession, MatchesPlaceholdersByNumberNotByAppearance) {
  TestDatabase t;
  t.db->write([](Tx& tx) { tx.exec(kSwapped, 7, "seven"); });
  EXPECT_EQ(t.db->read([](Snapshot& s) {
    Cursor c = s.query(kGet, 7);
    return c.next() ? c.str(0) : "";
  }),
            "seven");
}

TEST(SqliteSession, KeepsTextsOfAQueryWhileItsArgumentsAreGone) {
  TestDatabase t;
  t.db->write([](Tx& tx) {
    tx.exec(kAdd, 1, std::string(100, 'a'));
    tx.exec(kAdd, 2, std::string(200, 'b'));
  });
  t.db->read([](Snapshot& s) {
    Cursor c = [&] {
      const std::string a(100, 'a');
      const std::string b(200, 'b');
      return s.query(kByText, a, b);
    }();
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.i64(0), 1);
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.i64(0), 2);
  });
}

TEST(SqliteSession, ServesTheSameStatementInsideItself) {
  TestDatabase t;
  t.db->write([](Tx& tx) {
    for (int i = 1; i <= 3; ++i) tx.exec(kAdd, i, std::to_string(i));
  });
  const int pairs = t.db->read([](Snapshot& s) {
    int count = 0;
    Cursor outer = s.query(kAll);
    while (outer.next()) {
      Cursor inner = s.query(kAll);
      while (inner.next()) count += inner.i64(0) >= outer.i64(0) ? 1 : 0;
    }
    return count;
  });
  EXPECT_EQ(pairs, 6);
}

TEST(SqliteSession, MakesTheChangesOfAReturningQueryEvenWhenNobodyReadsIt) {
  TestDatabase t;
  t.db->write([](Tx& tx) { [[maybe_unused]] const Cursor unread = tx.query(kAddReturning, "a", "b"); });
  const auto ids = t.db->write([](Tx& tx) {
    std::vector<std::int64_t> out;
    Cursor c = tx.query(kAddReturning, "c", "d");
    while (c.next()) out.push_back(c.i64(0));
    return out;
  });
  EXPECT_THAT(ids, testing::ElementsAre(3, 4));
}

TEST(SqliteSession, CountsChangedRows) {
  TestDatabase t;
  static constexpr Statement kTouch("t.touch", "UPDATE t SET v = v || '!' WHERE id > $1");
  t.db->write([](Tx& tx) {
    EXPECT_EQ(tx.exec(kAdd, 1, "a"), 1);
    EXPECT_EQ(tx.exec(kAdd, 2, "b"), 1);
    EXPECT_EQ(tx.exec(kTouch, 0), 2);
    EXPECT_EQ(tx.exec(kTouch, 5), 0);
  });
}

TEST(SqliteSession, RefusesAWrongNumberOfValues) {
  TestDatabase t;
  EXPECT_THROW(t.db->write([](Tx& tx) { tx.exec(kAdd, 1); }), std::logic_error);
  EXPECT_THROW(t.db->read([](Snapshot& s) { return s.query(kGet, 1, 2).next(); }), std::logic_error);
}

TEST(SqliteSession, NamesTheStatementInItsErrors) {
  TestDatabase t;
  t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  try {
    t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "secret"); });
    FAIL() << "expected a constraint failure";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kConstraint);
    EXPECT_THAT(e.what(), testing::StartsWith("t.add: "));
    EXPECT_THAT(e.what(), testing::Not(testing::HasSubstr("secret")));
  }
}

TEST(SqliteSession, RefusesToWriteInARead) {
  TestDatabase t;
  EXPECT_THROW(t.db->read([](Snapshot& s) { return s.query(kAddReturning, "a", "b").next(); }), Error);
}

TEST(SqliteSession, TakesARunawayCursorItsRowsAndComplains) {
  TestDatabase t;
  t.db->write([](Tx& tx) { tx.exec(kAdd, 1, "a"); });
  std::optional<Cursor> escaped;
  EXPECT_THROW(t.db->read([&](Snapshot& s) { escaped.emplace(s.query(kAll)); }), std::logic_error);
  EXPECT_THROW(escaped->next(), std::logic_error);
  EXPECT_THROW(t.db->write([&](Tx& tx) {
    tx.exec(kAdd, 2, "b");
    escaped.emplace(tx.query(kAll));
  }),
               std::logic_error);
  const int rows = t.db->read([](Snapshot& s) {
    int count = 0;
    for (Cursor c = s.query(kAll); c.next();) ++count;
    return count;
  });
  EXPECT_EQ(rows, 1);
}

TEST(SqliteSession, ChecksStatementsWithoutRunningThem) {
  TestDatabase t;
  static constexpr Statement kBroken("t.broken", "SELECT nothing FROM t");
  static constexpr Statement kToken("t.token", "SELECT {{no_such}}");
  static constexpr Statement kTwoInOne("t.two", "SELECT 1; SELECT 2");
  static constexpr Statement kOtherStyle("t.style", "SELECT ?");
  static constexpr Statement kQuoted("t.quoted", "SELECT \"no such column\" FROM t");
  const Statement* list[] = {&kAdd, &kBroken, &kGet, &kToken, &kTwoInOne, &kOtherStyle, &kQuoted};
  using testing::StartsWith;
  EXPECT_THAT(t.db->check_statements(list),
              testing::ElementsAre(StartsWith("t.broken: "), StartsWith("t.token: unknown token"),
                                   StartsWith("t.two: "), StartsWith("t.style: "), StartsWith("t.quoted: ")));
}

TEST(SqliteSession, ExpandsTokens) {
  TestDatabase t;
  static constexpr Statement kJsonText("json_text", "SELECT {{json_text $1 name}} {{for_update_skip_locked}}");
  static constexpr Statement kSorted("sorted",
                                     "SELECT x FROM (SELECT '9.5' AS x UNION SELECT '10' UNION SELECT '-3') "
                                     "ORDER BY {{decimal x}}");
  static constexpr Statement kTimes("times", "SELECT {{time_add $1 $2}}, {{time_diff_us $1 $2}}");
  t.db->read([](Snapshot& s) {
    Cursor c = s.query(kJsonText, Json{R"({"name":"n"})"});
    ASSERT_TRUE(c.next());
    EXPECT_EQ(c.text(0), "n");
    std::vector<std::string> sorted;
    for (Cursor d = s.query(kSorted); d.next();) sorted.push_back(d.str(0));
    EXPECT_THAT(sorted, testing::ElementsAre("-3", "9.5", "10"));
    Cursor times = s.query(kTimes, Timestamp{10}, 3);
    ASSERT_TRUE(times.next());
    EXPECT_EQ(times.time(0), Timestamp{13});
    EXPECT_EQ(times.i64(1), 7);
  });
}

TEST(JsonCheck, AcceptsWhatTheStandardAcceptsOnly) {
  using sqlite::is_json;
  const std::string deep = std::string(900, '[') + std::string(900, ']');
  const std::string deeper = std::string(5000, '[') + std::string(5000, ']');
  for (const std::string_view good : {R"({"a":[1,-2.5e3,"x\u00e9",null,true]})", "1", " \"\" ", "[]"}) {
    EXPECT_TRUE(is_json(good)) << good;
  }
  EXPECT_TRUE(is_json(deep));
  EXPECT_FALSE(is_json(deeper));
  for (const std::string_view bad : {"", " ", "{", "[1,]", "{a:1}", "1 2", "nul", "'x'", "\"\xff\"", "// c\n1"}) {
    EXPECT_FALSE(is_json(bad)) << bad;
  }
}

TEST(SqliteSession, HoldsAJsonColumnToItsCheck) {
  TestDatabase t;
  t.db->run_script("CREATE TABLE j (v TEXT CHECK (json_valid(v))) STRICT");
  static constexpr Statement kAddJson("j.add", "INSERT INTO j VALUES ($1)");
  t.db->write([](Tx& tx) {
    tx.exec(kAddJson, Json{"{}"});
    tx.exec(kAddJson, nullptr);
  });
  EXPECT_THROW(t.db->write([](Tx& tx) { tx.exec(kAddJson, Json{"{"}); }), Error);
}

TEST(DecimalOrder, ComparesByValue) {
  using sqlite::compare_decimals;
  EXPECT_EQ(compare_decimals("1.50", "1.5"), 0);
  EXPECT_EQ(compare_decimals("-0.0", "0"), 0);
  EXPECT_EQ(compare_decimals("+007", "7."), 0);
  const std::vector<std::string_view> ascending = {"-100", "-20.01", "-20", "-.5", "0",   "0.0001",
                                                   "0.1",  "9",      "10",  "99",  "100", "12345678901234567890.1",
                                                   "",     "abc",    "b"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const int expected = i < j ? -1 : i > j ? 1 : 0;
      EXPECT_EQ(compare_decimals(ascending[i], ascending[j]), expected) << ascending[i] << " and " << ascending[j];
    }
  }
}

}  // namespace
}  // namespace nexus::db
