#include "json/schema.h"

#include "json/json.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::schema_test {

struct RunRequest {
  std::string session_id, corpus_id, message;
  std::int64_t top_k = 5;
  bool audio = false;
};

struct Point {
  int x = 0;
  std::optional<std::string> label;
};

struct Everything {
  std::string text;
  bool flag = false;
  int small = 7;
  std::uint64_t large = 0;
  double ratio = 0.5;
  Timestamp at;
  std::string day;
  boost::json::value any;
  boost::json::object object;
  boost::json::array array;
  std::optional<int> maybe;
  schema::Patch<std::string> patch;
  std::vector<Point> points;
  std::map<std::string, int> counts;
  Point nested;
  std::string word;
  std::vector<std::string> words;
  std::string password;
};

struct Query {
  std::int64_t event_id = 0;
  std::string period;
  std::string start;
  std::optional<Timestamp> from;
  int limit = 50;
  std::vector<std::string> tags;
  std::optional<std::string> key;
};

struct Upload {
  std::string corpus_id;
  bool overwrite = false;
};

struct Whole {
  std::string id;
  Point point;
};

struct Login {
  std::string user, password;
};

struct Derived : Point {
  bool extra = false;
};

}  // namespace nexus::schema_test

namespace nexus {
namespace st = schema_test;

template <>
const schema::Fields<st::RunRequest>& schema::fields_of() {
  using namespace schema;
  using T = st::RunRequest;
  static const auto fields = Fields<T>::closed({
      field("session_id", &T::session_id),
      field("corpus_id", &T::corpus_id),
      field("message", &T::message),
      field("top_k", &T::top_k, ge(1), le(50), defaulted()),
      field("audio", &T::audio, defaulted()),
  });
  return fields;
}
template <>
const schema::Fields<st::Point>& schema::fields_of() {
  using namespace schema;
  static const Fields<st::Point> fields{field("x", &st::Point::x), field("label", &st::Point::label)};
  return fields;
}
template <>
const schema::Fields<st::Derived>& schema::fields_of() {
  using namespace schema;
  static const Fields<st::Derived> fields{field("x", &st::Point::x), field("extra", &st::Derived::extra)};
  return fields;
}
template <>
const schema::Fields<st::Login>& schema::fields_of() {
  using namespace schema;
  using T = st::Login;
  static const auto fields = Fields<T>::closed({field("user", &T::user), field("password", &T::password, sensitive())});
  return fields;
}
template <>
const schema::Fields<st::Everything>& schema::fields_of() {
  using namespace schema;
  using T = st::Everything;
  static const Fields<T> fields{
      field("text", &T::text, min_length(2), max_length(3), doc("A text."), example("ab"), defaulted()),
      field("flag", &T::flag, defaulted()),
      field("small", &T::small, gt(0), lt(100), defaulted()),
      field("large", &T::large, defaulted()),
      field("ratio", &T::ratio, ge(0), le(1), defaulted()),
      field("at", &T::at, defaulted()),
      field("day", &T::day, date(), defaulted()),
      field("any", &T::any, defaulted()),
      field("object", &T::object, max_length(2), defaulted()),
      field("array", &T::array, defaulted()),
      field("maybe", &T::maybe, ge(0)),
      field("patch", &T::patch, max_length(3)),
      field("points", &T::points, min_length(1), max_length(2), defaulted()),
      field("counts", &T::counts, each({ge(0)}), defaulted()),
      field("nested", &T::nested, defaulted()),
      field("word", &T::word, one_of({"a", "b", "c"}), default_value("b")),
      field("words", &T::words, one_of({"x", "y"}), defaulted()),
      field("password", &T::password, min_length(8), sensitive(), defaulted()),
  };
  return fields;
}
template <>
const schema::Fields<st::Query>& schema::fields_of() {
  using namespace schema;
  using T = st::Query;
  static const Fields<T> fields{
      query_field("period", &T::period,
                  pattern("^(day|month)$", [](std::string_view s) { return s == "day" || s == "month"; })),
      query_field("start", &T::start, date()),
      query_field("from", &T::from),
      query_field("limit", &T::limit, ge(1), le(200), defaulted()),
      query_field("tag", &T::tags, defaulted()),
      header_field("Idempotency-Key", &T::key, max_length(8)),
      path_field("event_id", &T::event_id),
  };
  return fields;
}
template <>
const schema::Fields<st::Upload>& schema::fields_of() {
  using namespace schema;
  using T = st::Upload;
  static const Fields<T> fields{form_field("corpus_id", &T::corpus_id),
                                form_field("overwrite", &T::overwrite, defaulted()), file_field<T>("file")};
  return fields;
}
template <>
const schema::Fields<st::Whole>& schema::fields_of() {
  using namespace schema;
  static const Fields<st::Whole> fields{path_field("id", &st::Whole::id), whole_body(&st::Whole::point)};
  return fields;
}

namespace schema_test {
namespace {

using schema::Pairs;
using schema::Problems;

template <class T>
std::string problems_of(std::string_view body) {
  Problems problems;
  (void)schema::read<T>(json::parse(body), problems);
  return json::write(problems.as_json());
}

template <class T>
T good(std::string_view body) {
  Problems problems;
  T read = schema::read<T>(json::parse(body), problems);
  EXPECT_TRUE(problems.empty()) << json::write(problems.as_json());
  return read;
}

TEST(SchemaRead, TakesDefaultsFromTheStruct) {
  const auto run = good<RunRequest>(R"({"session_id":"s","corpus_id":"c","message":"m"})");
  EXPECT_EQ(run.top_k, 5);
  EXPECT_EQ(run.message, "m");
  EXPECT_EQ(good<Everything>("{}").word, "b");
}

/// What pydantic 2.13 answers for one field of Everything.
struct BadField {
  std::string_view body;
  std::string_view problem;  ///< without the brackets
};
class BadFields : public testing::TestWithParam<BadField> {};
TEST_P(BadFields, AreReportedAsPydanticDoes) {
  EXPECT_EQ(problems_of<Everything>(GetParam().body), "[" + std::string(GetParam().problem) + "]");
}
INSTANTIATE_TEST_SUITE_P(
    Rows, BadFields,
    testing::
        Values(BadField{R"({"text":5})",
                        R"({"type":"string_type","loc":["body","text"],"msg":"Input should be a valid string","input":5})"},
               BadField{
                   R"({"text":null})",
                   R"({"type":"string_type","loc":["body","text"],"msg":"Input should be a valid string","input":null})"},
               BadField{
                   R"({"text":"é"})",
                   R"({"type":"string_too_short","loc":["body","text"],"msg":"String should have at least 2 characters","input":"é","ctx":{"min_length":2}})"},
               BadField{
                   R"({"text":"éééé"})",
                   R"({"type":"string_too_long","loc":["body","text"],"msg":"String should have at most 3 characters","input":"éééé","ctx":{"max_length":3}})"},
               BadField{
                   R"({"flag":"maybe"})",
                   R"({"type":"bool_parsing","loc":["body","flag"],"msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"})"},
               BadField{
                   R"({"flag":2})",
                   R"({"type":"bool_parsing","loc":["body","flag"],"msg":"Input should be a valid boolean, unable to interpret input","input":2})"},
               BadField{
                   R"({"flag":1.5})",
                   R"({"type":"bool_type","loc":["body","flag"],"msg":"Input should be a valid boolean","input":1.5})"},
               BadField{
                   R"({"flag":[]})",
                   R"({"type":"bool_type","loc":["body","flag"],"msg":"Input should be a valid boolean","input":[]})"},
               BadField{
                   R"({"small":"x"})",
                   R"({"type":"int_parsing","loc":["body","small"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"x"})"},
               BadField{
                   R"({"small":2.5})",
                   R"({"type":"int_from_float","loc":["body","small"],"msg":"Input should be a valid integer, got a number with a fractional part","input":2.5})"},
               BadField{
                   R"({"small":1e30})",
                   R"({"type":"int_parsing_size","loc":["body","small"],"msg":"Unable to parse input string as an integer, exceeded maximum size","input":1e+30})"},
               BadField{
                   R"({"small":null})",
                   R"({"type":"int_type","loc":["body","small"],"msg":"Input should be a valid integer","input":null})"},
               BadField{
                   R"({"small":0})",
                   R"({"type":"greater_than","loc":["body","small"],"msg":"Input should be greater than 0","input":0,"ctx":{"gt":0}})"},
               BadField{
                   R"({"small":9999999999})",
                   R"({"type":"less_than","loc":["body","small"],"msg":"Input should be less than 100","input":9999999999,"ctx":{"lt":100}})"},
               BadField{
                   R"({"large":-1})",
                   R"({"type":"int_parsing_size","loc":["body","large"],"msg":"Unable to parse input string as an integer, exceeded maximum size","input":-1})"},
               BadField{
                   R"({"ratio":-1})",
                   R"({"type":"greater_than_equal","loc":["body","ratio"],"msg":"Input should be greater than or equal to 0","input":-1,"ctx":{"ge":0.0}})"},
               BadField{
                   R"({"ratio":1.5})",
                   R"({"type":"less_than_equal","loc":["body","ratio"],"msg":"Input should be less than or equal to 1","input":1.5,"ctx":{"le":1.0}})"},
               BadField{
                   R"({"ratio":"x"})",
                   R"({"type":"float_parsing","loc":["body","ratio"],"msg":"Input should be a valid number, unable to parse string as a number","input":"x"})"},
               BadField{
                   R"({"ratio":{}})",
                   R"({"type":"float_type","loc":["body","ratio"],"msg":"Input should be a valid number","input":{}})"},
               BadField{
                   R"({"ratio":"nan"})",
                   R"({"type":"finite_number","loc":["body","ratio"],"msg":"Input should be a finite number","input":"nan"})"},
               BadField{
                   R"({"at":"x"})",
                   R"({"type":"datetime_from_date_parsing","loc":["body","at"],"msg":"Input should be a valid datetime or date, input is too short","input":"x","ctx":{"error":"input is too short"}})"},
               BadField{
                   R"({"at":"2026-01-01T25:00:00"})",
                   R"({"type":"datetime_from_date_parsing","loc":["body","at"],"msg":"Input should be a valid datetime or date, unexpected extra characters at the end of the input","input":"2026-01-01T25:00:00","ctx":{"error":"unexpected extra characters at the end of the input"}})"},
               BadField{
                   R"({"at":true})",
                   R"({"type":"datetime_type","loc":["body","at"],"msg":"Input should be a valid datetime","input":true})"},
               BadField{
                   R"({"day":"2026-01-01Tgarbage"})",
                   R"({"type":"date_from_datetime_parsing","loc":["body","day"],"msg":"Input should be a valid date or datetime, invalid character in hour","input":"2026-01-01Tgarbage","ctx":{"error":"invalid character in hour"}})"},
               BadField{R"({"day":"2026-01-01x"})", R"({"type":"date_from_datetime_parsing","loc":["body","day"],"msg":"Input should be a valid date or datetime, invalid datetime separator, expected `T`, `t`, `_` or space","input":"2026-01-01x","ctx":{"error":"invalid datetime separator, expected `T`, `t`, `_` or space"}})"}, BadField{R"({"day":"2026-01-01T10:00:00"})", R"({"type":"date_from_datetime_inexact","loc":["body","day"],"msg":"Datetimes provided to dates should have zero time - e.g. be exact dates","input":"2026-01-01T10:00:00"})"}, BadField{R"({"day":null})", R"({"type":"date_type","loc":["body","day"],"msg":"Input should be a valid date","input":null})"}, BadField{R"({"object":[]})", R"({"type":"dict_type","loc":["body","object"],"msg":"Input should be a valid dictionary","input":[]})"}, BadField{R"({"object":{"a":1,"b":2,"c":3}})", R"({"type":"too_long","loc":["body","object"],"msg":"Dictionary should have at most 2 items after validation, not 3","input":{"a":1,"b":2,"c":3},"ctx":{"field_type":"Dictionary","max_length":2,"actual_length":3}})"}, BadField{R"({"array":{}})", R"({"type":"list_type","loc":["body","array"],"msg":"Input should be a valid list","input":{}})"}, BadField{R"({"text":"a\u0000"})", R"({"type":"value_error","loc":["body","text"],"msg":"Value error, the character U+0000 is not allowed","input":"a\u0000"})"}, BadField{R"({"object":{"a":["\u0000"]}})", R"({"type":"value_error","loc":["body","object"],"msg":"Value error, the character U+0000 is not allowed","input":{"a":["\u0000"]}})"}, BadField{R"({"maybe":-1})", R"({"type":"greater_than_equal","loc":["body","maybe"],"msg":"Input should be greater than or equal to 0","input":-1,"ctx":{"ge":0}})"}, BadField{R"({"patch":"abcd"})", R"({"type":"string_too_long","loc":["body","patch"],"msg":"String should have at most 3 characters","input":"abcd","ctx":{"max_length":3}})"}, BadField{R"({"points":[]})", R"({"type":"too_short","loc":["body","points"],"msg":"List should have at least 1 item after validation, not 0","input":[],"ctx":{"field_type":"List","min_length":1,"actual_length":0}})"},
               BadField{
                   R"({"points":[{"x":1},5]})",
                   R"({"type":"model_attributes_type","loc":["body","points",1],"msg":"Input should be a valid dictionary or object to extract fields from","input":5})"},
               BadField{R"({"points":[{"x":1},{}]})",
                        R"({"type":"missing","loc":["body","points",1,"x"],"msg":"Field required","input":{}})"},
               BadField{
                   R"({"counts":{"a":1,"b":-1}})",
                   R"({"type":"greater_than_equal","loc":["body","counts","b"],"msg":"Input should be greater than or equal to 0","input":-1,"ctx":{"ge":0}})"},
               BadField{
                   R"({"nested":{"x":"q"}})",
                   R"({"type":"int_parsing","loc":["body","nested","x"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"q"})"},
               BadField{
                   R"({"word":5})",
                   R"({"type":"literal_error","loc":["body","word"],"msg":"Input should be 'a', 'b' or 'c'","input":5,"ctx":{"expected":"'a', 'b' or 'c'"}})"},
               BadField{
                   R"({"words":["x","q"]})",
                   R"({"type":"literal_error","loc":["body","words",1],"msg":"Input should be 'x' or 'y'","input":"q","ctx":{"expected":"'x' or 'y'"}})"},
               BadField{
                   R"({"password":"short"})",
                   R"({"type":"string_too_short","loc":["body","password"],"msg":"String should have at least 8 characters","input":"[REDACTED]","ctx":{"min_length":8}})"}));

TEST(SchemaRead, CoercesLenientlyButNeverNumbersToStrings) {
  for (const std::string_view text :
       {R"("10")", R"(" 10 ")", R"("1_0")", R"("+10")", R"("10.0")", "10", "10.0", "1e1", R"("010")"})
    EXPECT_EQ(good<Everything>("{\"small\":" + std::string(text) + "}").small, 10) << text;
  for (const std::string_view text : {R"("--5")", R"("")", R"("1e1")", R"("0x1")", R"("_1")", R"("1__0")", R"("1.")"})
    EXPECT_NE(problems_of<Everything>("{\"small\":" + std::string(text) + "}"), "[]") << text;
  for (const std::string_view text :
       {"true", "1", "1.0", R"("TRUE")", R"("t")", R"("Yes")", R"("y")", R"("on")", R"("1")"})
    EXPECT_TRUE(good<Everything>("{\"flag\":" + std::string(text) + "}").flag) << text;
  EXPECT_EQ(good<Everything>(R"({"small":true})").small, 1);
  for (const std::string_view text : {R"("0.25")", "0.25", R"(" .25 ")", R"("25e-2")"})
    EXPECT_DOUBLE_EQ(good<Everything>("{\"ratio\":" + std::string(text) + "}").ratio, 0.25) << text;
  EXPECT_EQ(good<Everything>(R"({"large":18446744073709551615})").large, std::numeric_limits<std::uint64_t>::max());
}

TEST(SchemaRead, ReadsTimesInEveryDocumentedForm) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"("2026-01-01")", "2026-01-01T00:00:00+00:00"},
      {R"("2026-01-01 10:30")", "2026-01-01T10:30:00+00:00"},
      {R"("2026-01-01T10:30:00Z")", "2026-01-01T10:30:00+00:00"},
      {R"("2026-01-01T10:30:00.5+0530")", "2026-01-01T05:00:00.500000+00:00"},
      {R"("2026-01-01T10:30:00.1234567-01:00")", "2026-01-01T11:30:00.123456+00:00"},
      {"1700000000", "2023-11-14T22:13:20+00:00"},
      {R"("1700000000.5")", "2023-11-14T22:13:20.500000+00:00"},
      {"1700000000000", "2023-11-14T22:13:20+00:00"},
      {R"("-5")", "1969-12-31T23:59:55+00:00"}};
  for (const auto& [text, expected] : rows)
    EXPECT_EQ(iso(good<Everything>("{\"at\":" + std::string(text) + "}").at), expected) << text;
  EXPECT_EQ(good<Everything>(R"({"day":"2026-02-03T00:00:00Z"})").day, "2026-02-03");
  EXPECT_EQ(good<Everything>(R"({"day":1699920000})").day, "2023-11-14");
}

TEST(SchemaRead, TellsAbsentFromNullFromValue) {
  EXPECT_TRUE(good<Everything>("{}").patch.is_absent());
  EXPECT_TRUE(good<Everything>(R"({"patch":null})").patch.is_null());
  const auto set = good<Everything>(R"({"patch":"x"})").patch;
  EXPECT_EQ(*set, "x");
  std::optional<std::string> target = "old";
  schema::Patch<std::string>().apply_to(target);
  EXPECT_EQ(target, "old");
  set.apply_to(target);
  EXPECT_EQ(target, "x");
  schema::Patch<std::string>(nullptr).apply_to(target);
  EXPECT_FALSE(target);
}

TEST(SchemaRead, ReportsEveryProblemInOrder) {
  EXPECT_EQ(
      problems_of<RunRequest>(R"({"zzz":1,"corpus_id":1,"top_k":0,"message":"m"})"),
      R"([{"type":"missing","loc":["body","session_id"],"msg":"Field required","input":{"zzz":1,"corpus_id":1,"top_k":0,"message":"m"}},)"
      R"({"type":"string_type","loc":["body","corpus_id"],"msg":"Input should be a valid string","input":1},)"
      R"({"type":"greater_than_equal","loc":["body","top_k"],"msg":"Input should be greater than or equal to 1","input":0,"ctx":{"ge":1}},)"
      R"({"type":"extra_forbidden","loc":["body","zzz"],"msg":"Extra inputs are not permitted","input":1}])");
}

TEST(SchemaRead, ReadsParametersFromText) {
  const Pairs query{{"period", "week"}, {"limit", "0"}, {"from", "x"}};
  const Pairs path{{"event_id", "abc"}};
  const Pairs headers{{"idempotency-key", "kkkkkkkkk"}};
  Problems problems;
  (void)schema::read<Query>({.query = &query, .path = &path, .headers = &headers}, problems);
  EXPECT_EQ(
      json::write(problems.as_json()),
      R"([{"type":"int_parsing","loc":["path","event_id"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"abc"},)"
      R"({"type":"string_pattern_mismatch","loc":["query","period"],"msg":"String should match pattern '^(day|month)$'","input":"week","ctx":{"pattern":"^(day|month)$"}},)"
      R"({"type":"missing","loc":["query","start"],"msg":"Field required","input":null},)"
      R"({"type":"datetime_from_date_parsing","loc":["query","from"],"msg":"Input should be a valid datetime or date, input is too short","input":"x","ctx":{"error":"input is too short"}},)"
      R"({"type":"greater_than_equal","loc":["query","limit"],"msg":"Input should be greater than or equal to 1","input":"0","ctx":{"ge":1}},)"
      R"({"type":"string_too_long","loc":["header","Idempotency-Key"],"msg":"String should have at most 8 characters","input":"kkkkkkkkk","ctx":{"max_length":8}}])");
}

TEST(SchemaRead, TakesTheLastOfRepeatedParametersAndAllForAList) {
  const Pairs query{{"period", "day"}, {"start", "2026-01-01"}, {"limit", "3"},
                    {"tag", "a"},      {"limit", "4"},          {"tag", "b"}};
  const Pairs path{{"event_id", "9"}};
  Problems problems;
  const Query read = schema::read<Query>({.query = &query, .path = &path}, problems);
  EXPECT_TRUE(problems.empty()) << json::write(problems.as_json());
  EXPECT_EQ(read.limit, 4);
  EXPECT_EQ(read.event_id, 9);
  EXPECT_EQ(read.tags, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(read.key);
}

TEST(SchemaRead, ChecksFormFieldsAndFiles) {
  Problems problems;
  const Pairs form{{"corpus_id", ""}, {"overwrite", "on"}};
  const Upload upload = schema::read<Upload>({.form = &form}, problems);
  EXPECT_TRUE(upload.overwrite);
  EXPECT_EQ(json::write(problems.as_json()),
            R"([{"type":"missing","loc":["body","corpus_id"],"msg":"Field required","input":null},)"
            R"({"type":"missing","loc":["body","file"],"msg":"Field required","input":null}])");
}

TEST(SchemaRead, PutsTheWholeBodyIntoOneMember) {
  Problems problems;
  const Pairs path{{"id", "p"}};
  const boost::json::value body = json::parse(R"({"x":3})");
  const Whole whole = schema::read<Whole>({.body = &body, .path = &path}, problems);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(whole.id, "p");
  EXPECT_EQ(whole.point.x, 3);
}

TEST(SchemaRead, NeverRepeatsSecretsOrLongInputs) {
  EXPECT_EQ(problems_of<Login>(R"({"password":"hunter2"})"),
            R"([{"type":"missing","loc":["body","user"],"msg":"Field required","input":{"password":"[REDACTED]"}}])");
  EXPECT_EQ(problems_of<Login>(R"(["hunter2"])").find("hunter2"), std::string::npos);
  EXPECT_EQ(problems_of<Login>(R"({"user":"u","password":"x","pasword":"hunter2"})").find("hunter2"),
            std::string::npos);
  Problems listed;
  std::vector<Login> logins;
  schema::detail::read_value(schema::detail::TypeOf<std::vector<Login>>::kType,
                             json::parse(R"([{"password":"hunter2"}, "hunter2"])"), listed, &logins);
  EXPECT_EQ(listed.size(), 2u);
  EXPECT_EQ(json::write(listed.as_json().front()).find("hunter2"), std::string::npos);
  const std::string large = problems_of<Everything>("{\"small\":\"" + std::string(100'000, 'x') + "\"}");
  EXPECT_LT(large.size(), 400u);
  std::string many = "{\"array\":1,\"words\":[\"q\"";
  for (int i = 0; i < 1000; ++i) many += ",\"q\"";
  Problems problems;
  (void)schema::read<Everything>(json::parse(many + "]}"), problems);
  EXPECT_EQ(problems.size(), Problems::kMost);
}

TEST(SchemaWrite, KeepsTableOrderAndEmitsNulls) {
  Everything e;
  e.text = "ab";
  e.points = {{.x = 1, .label = "l"}, {.x = 2, .label = std::nullopt}};
  e.counts = {{"k", 3}};
  e.any = boost::json::array{1, 2.5};
  e.patch = std::string("p");
  EXPECT_EQ(
      schema::write(e),
      R"({"text":"ab","flag":false,"small":7,"large":0,"ratio":0.5,"at":"1970-01-01T00:00:00+00:00","day":"","any":[1,2.5],)"
      R"("object":{},"array":[],"maybe":null,"patch":"p","points":[{"x":1,"label":"l"},{"x":2,"label":null}],"counts":{"k":3},)"
      R"("nested":{"x":0,"label":null},"word":"","words":[],"password":""})");
  EXPECT_EQ(schema::write(std::vector<Point>{{.x = 1}}), R"([{"x":1,"label":null}])");
}

TEST(SchemaWrite, ReadsBackWhatItWrote) {
  Derived d;
  d.x = 4;
  d.extra = true;
  const auto text = schema::write(d);
  EXPECT_EQ(text, R"({"x":4,"extra":true})");
  const auto back = schema::read_stored<Derived>(json::parse(text));
  EXPECT_EQ(back.x, 4);
  EXPECT_TRUE(back.extra);
  EXPECT_THROW((void)schema::read_stored<Derived>(json::parse("[]")), std::invalid_argument);
}

TEST(SchemaOpenApi, DescribesBodyAndParameters) {
  EXPECT_EQ(
      json::write(schema::openapi<RunRequest>()),
      R"({"title":"RunRequest","type":"object","properties":{"session_id":{"type":"string"},"corpus_id":{"type":"string"},)"
      R"("message":{"type":"string"},"top_k":{"type":"integer","minimum":1,"maximum":50,"default":5},)"
      R"("audio":{"type":"boolean","default":false}},"required":["session_id","corpus_id","message"],"additionalProperties":false})");
  const auto parameters = schema::parameters<Query>();
  ASSERT_EQ(parameters.size(), 7u);
  EXPECT_EQ(json::write(parameters[0]),
            R"({"name":"event_id","in":"path","required":true,"schema":{"type":"integer"}})");
  EXPECT_EQ(json::write(parameters[2]),
            R"({"name":"start","in":"query","required":true,"schema":{"type":"string","format":"date"}})");
  EXPECT_TRUE(schema::openapi<Query>().empty());
}

TEST(SchemaTable, RefusesTwoRowsOfOneName) {
  EXPECT_THROW((schema::Fields<Point>{schema::field("x", &Point::x), schema::field("x", &Point::label)}),
               std::logic_error);
}

// The recorded answers of the original to bad /v1/run bodies, when they lie beside this checkout.
TEST(SchemaTranscripts, RunBodiesAreRefusedAsTheOriginalRefusedThem) {
  const char* shared = std::getenv("NEXUSRAG_SHARED");
  const auto path =
      std::filesystem::path(shared != nullptr ? shared : NEXUS_SOURCE_DIR "/../shared") / "reference/transcripts.jsonl";
  std::ifstream lines(path);
  if (!lines) GTEST_SKIP() << "no reference material";
  std::size_t compared = 0;
  for (std::string line; std::getline(lines, line);) {
    const boost::json::value call = json::parse(line);
    const auto& request = call.at("request").as_object();
    if (request.at("path") != "/v1/run" || !request.at("body").is_string()) continue;
    const boost::json::value answer =
        json::parse(std::string_view(call.at("response").at("body").as_string()).substr(0, 1) == "{"
                        ? std::string_view(call.at("response").at("body").as_string())
                        : std::string_view("{}"));
    const auto* error = answer.as_object().if_contains("error");
    if (error == nullptr || error->at("code") != "REQUEST_VALIDATION_ERROR") continue;
    const std::string_view body(request.at("body").as_string());
    if (body.empty() || body.back() == ':') continue;  // no JSON at all: http/plain_test.cpp
    EXPECT_EQ(problems_of<RunRequest>(body), json::write(error->at("details").at("errors"))) << body;
    ++compared;
  }
  EXPECT_GE(compared, 10u);
}

}  // namespace
}  // namespace schema_test
}  // namespace nexus
