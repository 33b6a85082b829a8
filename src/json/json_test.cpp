#include "json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::json {
namespace {

struct Refusal {
  std::string_view text;
  std::string_view reason;
  std::size_t position;
};

class RefusedText : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedText, NamesReasonAndPositionAsPythonDoes) {
  const Refusal& row = GetParam();
  try {
    (void)parse(row.text);
    FAIL() << "accepted " << row.text;
  } catch (const ParseError& error) {
    EXPECT_EQ(error.what(), row.reason) << row.text;
    EXPECT_EQ(error.position(), row.position) << row.text;
    EXPECT_EQ(error.kind(), ParseError::Kind::kSyntax);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, RefusedText,
    testing::Values(
        Refusal{"", "Expecting value", 0}, Refusal{"  ", "Expecting value", 2},
        Refusal{"{\"session_id\":", "Expecting value", 14},
        Refusal{"{", "Expecting property name enclosed in double quotes", 1},
        Refusal{"{\"a\"", "Expecting ':' delimiter", 4}, Refusal{"{\"a\" 1}", "Expecting ':' delimiter", 5},
        Refusal{"{\"a\":1", "Expecting ',' delimiter", 6},
        Refusal{"{\"a\":1,}", "Expecting property name enclosed in double quotes", 7},
        Refusal{"{\"a\":1]", "Expecting ',' delimiter", 6},
        Refusal{"{a:1}", "Expecting property name enclosed in double quotes", 1},
        Refusal{"[1", "Expecting ',' delimiter", 2}, Refusal{"[1,]", "Expecting value", 3},
        Refusal{"[1 2]", "Expecting ',' delimiter", 3}, Refusal{"[,]", "Expecting value", 1},
        Refusal{"\"abc", "Unterminated string starting at", 0},
        Refusal{"{\"a\":\"x", "Unterminated string starting at", 5}, Refusal{"\"\\x\"", "Invalid \\escape", 1},
        Refusal{"\"\\u12\"", "Invalid \\uXXXX escape", 2}, Refusal{"\"\\u12g4\"", "Invalid \\uXXXX escape", 2},
        Refusal{"\"\\ud800\"", "Invalid \\uXXXX escape", 2}, Refusal{"\"\\udc00\"", "Invalid \\uXXXX escape", 2},
        Refusal{"\"a\nb\"", "Invalid control character at", 2}, Refusal{"01", "Extra data", 1},
        Refusal{"-", "Expecting value", 0}, Refusal{"1.", "Extra data", 1}, Refusal{"1e", "Extra data", 1},
        Refusal{"1.e5", "Extra data", 1}, Refusal{"+1", "Expecting value", 0}, Refusal{"tru", "Expecting value", 0},
        Refusal{"NaN", "Expecting value", 0}, Refusal{"-Infinity", "Expecting value", 0},
        Refusal{"{} x", "Extra data", 3},
        Refusal{"{\"\xC3\xA9\":\"\xC3\xA9\", x}", "Expecting property name enclosed in double quotes", 10}));

TEST(Parse, CountsBytesAndCodePointsApart) {
  try {
    (void)parse("{\"\xC3\xA9\":\"\xC3\xA9\", x}");
    FAIL();
  } catch (const ParseError& error) {
    EXPECT_EQ(error.position(), 10u);
    EXPECT_EQ(error.offset(), 12u);
  }
}

TEST(Parse, KeepsIntegersExactAndFallsBackToDouble) {
  EXPECT_EQ(parse("9223372036854775807").as_int64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(parse("-9223372036854775808").as_int64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse("18446744073709551615").as_uint64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_DOUBLE_EQ(parse("18446744073709551616").as_double(), 18446744073709551616.0);
  EXPECT_DOUBLE_EQ(parse("1e3").as_double(), 1000.0);
  EXPECT_EQ(parse("1e-400").as_double(), 0.0);
  EXPECT_EQ(parse("0.000e999999999999999999").as_double(), 0.0);
  EXPECT_TRUE(std::signbit(parse("-0.0").as_double()));
}

TEST(Parse, RefusesNumbersThatOverflow) {
  for (const std::string_view text : {"1e400", "-1e400", "1e99999999999999999999", "123456e400"}) {
    try {
      (void)parse(text);
      FAIL() << text;
    } catch (const ParseError& error) {
      EXPECT_EQ(error.kind(), ParseError::Kind::kNumberRange);
    }
  }
}

TEST(Parse, DecodesEscapesAndSurrogatePairs) {
  EXPECT_EQ(parse(R"("\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00x")").as_string(), "\"\\/\b\f\n\r\t\xC3\xA9\xF0\x9F\x98\x80x");
}

TEST(Parse, SkipsAByteOrderMark) {
  EXPECT_TRUE(parse("\xEF\xBB\xBF{}").is_object());
}

TEST(Parse, RefusesInvalidUtf8Anywhere) {
  for (const std::string_view text : {"\"\xFF\"", "\"\xC0\xAF\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
                                      "\"\xE2\x82\"", "{\"\x80\":1}", "\xFF"}) {
    try {
      (void)parse(text);
      FAIL();
    } catch (const ParseError& error) {
      EXPECT_EQ(error.kind(), ParseError::Kind::kEncoding);
    }
  }
}

TEST(Parse, RefusesDocumentsBeyondItsLimits) {
  const auto kind_of = [](std::string_view text, const Limits& limits) {
    try {
      (void)parse(text, limits);
    } catch (const ParseError& error) {
      return error.kind();
    }
    return ParseError::Kind::kSyntax;
  };
  EXPECT_EQ(kind_of(std::string(33, '[') + std::string(33, ']'), {}), ParseError::Kind::kTooDeep);
  EXPECT_NO_THROW((void)parse(std::string(32, '[') + std::string(32, ']')));
  EXPECT_EQ(kind_of("[1,2,3]", {.max_bytes = 6}), ParseError::Kind::kTooLarge);
  EXPECT_EQ(kind_of(R"({"a":1,"\u0061":2})", {.duplicates = Duplicates::kRefuse}), ParseError::Kind::kDuplicateKey);
}

TEST(Parse, KeepsTheLastOfDuplicateKeysInTheFirstPlace) {
  EXPECT_EQ(write(parse(R"({"a":1,"b":2,"a":{"c":[3]}})")), R"({"a":{"c":[3]},"b":2})");
}

TEST(Write, LaysNumbersOutLikePython) {
  const std::pair<double, std::string_view> rows[] = {{1.0, "1.0"},
                                                      {0.1, "0.1"},
                                                      {1e-5, "1e-05"},
                                                      {1e16, "1e+16"},
                                                      {1e15, "1000000000000000.0"},
                                                      {1.2345678901234568e17, "1.2345678901234568e+17"},
                                                      {1.5e300, "1.5e+300"},
                                                      {5e-324, "5e-324"},
                                                      {0.0001, "0.0001"},
                                                      {0.00012345, "0.00012345"},
                                                      {-0.0, "-0.0"},
                                                      {1e100, "1e+100"},
                                                      {2.5, "2.5"},
                                                      {9999999999999998.0, "9999999999999998.0"},
                                                      {50.0, "50.0"},
                                                      {0.0, "0.0"},
                                                      {123456789.123, "123456789.123"},
                                                      {-1e22, "-1e+22"}};
  for (const auto& [number, text] : rows) {
    std::string out;
    append_double(out, number);
    EXPECT_EQ(out, text);
  }
}

TEST(Write, TurnsNumbersThatAreNotFiniteIntoNull) {
  EXPECT_EQ(write(boost::json::array{std::nan(""), std::numeric_limits<double>::infinity()}), "[null,null]");
}

TEST(Write, EscapesOnlyWhatMustBeEscaped) {
  std::string out;
  append_string(out, std::string_view("\"\\/\b\f\n\r\t\x01\x1f\x7f\xC3\xA9\0", 14));
  EXPECT_EQ(out, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xC3\xA9\\u0000\"");
}

TEST(Writer, PlacesCommas) {
  std::string out;
  Writer(out)
      .begin_object()
      .field("a", 1)
      .key("b")
      .begin_array()
      .value("x")
      .begin_object()
      .end_object()
      .null()
      .value(true)
      .end_array()
      .field("c", 1.0)
      .field("d", std::string("y"))
      .key("e")
      .raw("[0]")
      .field("f", boost::json::value(nullptr))
      .end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x",{},null,true],"c":1.0,"d":"y","e":[0],"f":null})");
}

// Sample of RFC 8785 §3.2.2 and §3.2.3.
TEST(Canonical, FollowsRfc8785) {
  EXPECT_EQ(canonical(parse(R"({"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],
      "string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]})")),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  EXPECT_EQ(canonical(parse(R"({"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew","1":"One",
      "\ud83d\ude00":"Emoji","\u0080":"Control","\u00f6":"Latin"})")),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xC2\x80\":\"Control\",\"\xC3\xB6\":\"Latin\","
            "\"\xE2\x82\xAC\":\"Euro Sign\",\"\xF0\x9F\x98\x80\":\"Emoji\",\"\xEF\xAC\xB3\":\"Hebrew\"}");
}

TEST(Canonical, PrintsNumbersAsEcmaScript) {
  const std::pair<double, std::string_view> rows[] = {{0.0, "0"},
                                                      {-0.0, "0"},
                                                      {1.0, "1"},
                                                      {1e20, "100000000000000000000"},
                                                      {1e21, "1e+21"},
                                                      {1e-6, "0.000001"},
                                                      {1e-7, "1e-7"},
                                                      {5e-324, "5e-324"},
                                                      {-1.7976931348623157e308, "-1.7976931348623157e+308"},
                                                      {9007199254740993.0, "9007199254740992"}};
  for (const auto& [number, text] : rows) EXPECT_EQ(canonical(boost::json::value(number)), text);
  EXPECT_EQ(canonical(boost::json::value(std::int64_t{9007199254740993})), "9007199254740992");
  EXPECT_EQ(canonical(boost::json::value(std::int64_t{-9007199254740992})), "-9007199254740992");
  EXPECT_THROW((void)canonical(boost::json::value(std::nan(""))), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::json
