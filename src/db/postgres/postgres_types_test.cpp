#include "db/postgres/decoder.h"
#include "db/postgres/test_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace nexus::db {
namespace {

class PostgresTypes : public testing::Test {
 protected:
  void SetUp() override {
    NEXUS_SKIP_WITHOUT_POSTGRES();
    t_ = std::make_unique<TestPostgresDatabase>();
  }
  [[nodiscard]] Database& db() { return *t_->db; }

  template <class... Args>
  void with_row(const Statement& statement, const std::function<void(Cursor&)>& look, const Args&... args) {
    db().read([&](Snapshot& s) {
      Cursor c = s.query(statement, args...);
      ASSERT_TRUE(c.next()) << statement.name();
      look(c);
    });
  }
  std::string refusal(const std::function<void(Tx&)>& work, ErrorCode expected = ErrorCode::kConstraint) {
    try {
      db().write(work);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), expected) << e.what();
      return e.what();
    }
    ADD_FAILURE() << "expected a refusal";
    return "";
  }

 private:
  std::unique_ptr<TestPostgresDatabase> t_;
};

TEST_F(PostgresTypes, ReadsNumbersOfEveryWidth) {
  static constexpr Statement kNumbers("numbers", R"(
    SELECT 7::int2, -7::int4, 9223372036854775807::int8, 1.5::float4, -2.25::float8, 4000000000::oid,
           12345678901234567890.000100::numeric, -0.0001::numeric, 100000000::numeric, 'NaN'::numeric, 0::numeric,
           sum(x), -12345.678::numeric FROM generate_series(1::bigint, 4) x)");
  with_row(kNumbers, [](Cursor& c) {
    EXPECT_EQ(c.i64(0), 7);
    EXPECT_EQ(c.i64(1), -7);
    EXPECT_EQ(c.i64(2), std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(c.real(3), 1.5);
    EXPECT_EQ(c.real(4), -2.25);
    EXPECT_EQ(c.i64(4), -2);
    EXPECT_EQ(c.i64(5), 4'000'000'000);
    EXPECT_EQ(c.text(6), "12345678901234567890.000100");
    EXPECT_EQ(c.text(7), "-0.0001");
    EXPECT_EQ(c.text(8), "100000000");
    EXPECT_EQ(c.i64(8), 100'000'000);
    EXPECT_EQ(c.text(9), "NaN");
    EXPECT_EQ(c.text(10), "0");
    EXPECT_EQ(c.i64(11), 10) << "a sum of bigint is numeric";
    EXPECT_EQ(c.real(12), -12345.678);
    EXPECT_EQ(c.text(1), "-7");
    EXPECT_EQ(c.text(3), "1.5");
  });
}

TEST_F(PostgresTypes, ReadsNumericAsTheServerPrintsIt) {
  static constexpr Statement kBoth("both", "SELECT $1::numeric, ($1::numeric)::text");
  for (const std::string number : {"0.1", "1", "9999", "10000", "10000.0001", "0.00001", "123456789.987654321", "-1e10",
                                   "1e-10", "99999999999999999999999999.9", "5.000", "-0.5"}) {
    with_row(
        kBoth, [](Cursor& c) { EXPECT_EQ(c.text(0), c.str(1)); }, number);
  }
}

TEST_F(PostgresTypes, ReadsTextsTimesAndIds) {
  static constexpr Statement kTexts("texts", R"(
    SELECT 'a'::varchar(3), 'b '::char(2), 'c'::name, '{"b":1, "a":[2]}'::jsonb, '{"b":1}'::json,
           '6F9619FF-8B86-D011-B42D-00CF4FC964FF'::uuid, timestamptz '2026-02-17 10:00:00.25+02',
           timestamp '2026-02-17 10:00:00', date '2026-02-17', 'infinity'::timestamptz, '-infinity'::timestamptz, true)");
  with_row(kTexts, [](Cursor& c) {
    EXPECT_EQ(c.text(0), "a");
    EXPECT_EQ(c.text(1), "b ");
    EXPECT_EQ(c.text(2), "c");
    EXPECT_EQ(c.text(3), R"({"a": [2], "b": 1})");
    EXPECT_EQ(c.text(4), R"({"b":1})");
    EXPECT_EQ(c.text(5), "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
    EXPECT_EQ(iso(c.time(6)), "2026-02-17T08:00:00.250000+00:00");
    EXPECT_EQ(iso(c.time(7)), "2026-02-17T10:00:00+00:00");
    EXPECT_EQ(c.text(8), "2026-02-17");
    EXPECT_EQ(iso(c.time(8)), "2026-02-17T00:00:00+00:00");
    EXPECT_EQ(c.time(9).us, std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(c.time(10).us, std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(c.text(11), "1");
  });
}

TEST_F(PostgresTypes, BindsEveryValueToWhatTheColumnIs) {
  db().run_script(R"(
    CREATE TYPE mood AS ENUM ('calm', 'busy');
    CREATE TABLE k (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, b bool, x text, v varchar(9), u uuid,
                    at timestamptz, plain timestamp, d date, j jsonb, y bytea, m mood))");
  static constexpr Statement kInsert(
      "k.insert", "INSERT INTO k VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)");
  static constexpr Statement kSelect("k.select", "SELECT * FROM k WHERE m = $1 AND u = $2");
  const std::string id = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
  const Timestamp at{1'771'300'800'123'456};
  db().write([&](Tx& tx) {
    tx.exec(kInsert, 2, true, at, 4, 5, 6.25, 1, 7, 8.5, id, at.us, at, at, Json{"[1]"}, "bytes", "busy");
    tx.exec(kInsert, "2", "4", "8", "1.5", "2.5", "3.50", "true", Timestamp{9}, true, id, "2026-02-17T04:00:00.123456Z",
            "2026-02-17 04:00:00.123456", "2026-02-17", "[1]", "bytes", "calm");
  });
  with_row(
      kSelect,
      [&](Cursor& c) {
        EXPECT_EQ(c.i64(0), 2);
        EXPECT_EQ(c.i64(1), 1);
        EXPECT_EQ(c.i64(2), at.us);
        EXPECT_EQ(c.real(3), 4);
        EXPECT_EQ(c.real(4), 5);
        EXPECT_EQ(c.text(5), "6.25");
        EXPECT_TRUE(c.boolean(6));
        EXPECT_EQ(c.text(7), "7");
        EXPECT_EQ(c.text(8), "8.5");
        EXPECT_EQ(c.time(10), at);
        EXPECT_EQ(c.time(11), at);
        EXPECT_EQ(c.text(12), "2026-02-17");
        EXPECT_EQ(c.text(13), "[1]");
        EXPECT_EQ(c.text(14), "bytes");
        EXPECT_EQ(c.text(15), "busy");
      },
      "busy", id);
  with_row(
      kSelect,
      [&](Cursor& c) {
        EXPECT_EQ(c.i64(1), 4);
        EXPECT_EQ(c.text(5), "3.50");
        EXPECT_EQ(c.text(7), "9");
        EXPECT_EQ(c.time(10), at);
      },
      "calm", id);
}

TEST_F(PostgresTypes, KeepsInfiniteTimes) {
  static constexpr Statement kEcho("echo", "SELECT $1::timestamptz, $2::timestamptz::text");
  const Timestamp forever{std::numeric_limits<std::int64_t>::max()};
  with_row(
      kEcho,
      [&](Cursor& c) {
        EXPECT_EQ(c.time(0), forever);
        EXPECT_EQ(c.text(1), "-infinity");
      },
      forever, Timestamp{std::numeric_limits<std::int64_t>::min()});
}

TEST_F(PostgresTypes, StoresVectorsAsPgvectorDoes) {
  db().run_script("CREATE TABLE e (id int, v vector(768), w vector(3))");
  static constexpr Statement kInsert("e.insert", "INSERT INTO e VALUES (1, $1, $2)");
  static constexpr Statement kSelect("e.select", "SELECT v, w, v <=> $1, vector_dims(v) FROM e");
  const std::vector<float> values = {0.5F, -1.25F, 3e-7F};
  const std::span<const std::byte> bytes = std::as_bytes(std::span(values));
  db().write([&](Tx& tx) { tx.exec(kInsert, Vector{values}, bytes); });
  with_row(
      kSelect,
      [&](Cursor& c) {
        EXPECT_EQ(c.blob(0).size(), kVectorColumnSize * sizeof(float));
        EXPECT_EQ(std::memcmp(c.blob(0).data(), values.data(), bytes.size()), 0);
        EXPECT_EQ(std::vector(c.blob(1).begin(), c.blob(1).end()), std::vector(bytes.begin(), bytes.end()));
        EXPECT_EQ(c.text(1), "[0.5,-1.25,3e-07]");
        EXPECT_NEAR(c.real(2), 0, 1e-6);
        EXPECT_EQ(c.i64(3), 768);
      },
      Vector{values});
  const std::vector<float> too_long(769, 1.0F);
  EXPECT_THAT(refusal([&](Tx& tx) { tx.exec(kInsert, Vector{too_long}, bytes); }), testing::HasSubstr("1 to 768"));
}

TEST_F(PostgresTypes, RefusesWhatACannotHold) {
  static constexpr Statement kAdd("t.add", "INSERT INTO t (v) VALUES ($1)");
  static constexpr Statement kSmall("small", "SELECT $1::int4");
  EXPECT_THAT(refusal([](Tx& tx) { tx.exec(kAdd, std::string("a\0b", 3)); }), testing::HasSubstr("NUL"));
  EXPECT_THAT(refusal([](Tx& tx) { tx.exec(kAdd, "\xff"); }), testing::Not(testing::HasSubstr("0xff")));
  EXPECT_THAT(refusal([](Tx& tx) { (void)tx.query(kSmall, 5'000'000'000).next(); }), testing::HasSubstr("too large"));
  EXPECT_THAT(refusal([](Tx& tx) { (void)tx.query(kSmall, "secret").next(); }),
              testing::Not(testing::HasSubstr("secret")));
}

TEST_F(PostgresTypes, RefusesToPrepareColumnsThatItDoesNotRead) {
  static constexpr Statement kArray("array", "SELECT 1, ARRAY[1, 2]");
  static constexpr Statement kInterval("interval", "SELECT interval '1 day'");
  const Statement* list[] = {&kArray, &kInterval};
  EXPECT_THAT(db().check_statements(list),
              testing::ElementsAre(testing::HasSubstr("array: column 1"), testing::HasSubstr("interval: column 0")));
}

}  // namespace
}  // namespace nexus::db
