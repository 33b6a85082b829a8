#include "modules/audit/redaction.h"

#include "json/json.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace nexus::audit {
namespace {

std::string stored(std::string_view type, const boost::json::object& metadata) {
  std::string out;
  append_metadata(out, type, metadata);
  return out;
}

constexpr std::string_view kKey = "nrgk_00000000000000000000000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

TEST(Redaction, TableIsSortedAndNamesEachTypeOnce) {
  const auto rules = event_rules();
  EXPECT_TRUE(std::is_sorted(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.type < b.type; }));
  EXPECT_EQ(
      std::adjacent_find(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.type == b.type; }),
      rules.end());
  for (const EventRule& rule : rules) EXPECT_EQ(rule_of(rule.type), &rule);
  EXPECT_EQ(rule_of("auth.access.succes"), nullptr);
  EXPECT_EQ(rule_of("zzz"), nullptr);
}

TEST(Redaction, KeepsAllowedKeysAndSortsThem) {
  EXPECT_EQ(stored("auth.access.success", {{"path", "/v1/run"}, {"method", "POST"}, {"auth_cache", true}}),
            R"({"auth_cache":true,"method":"POST","path":"/v1/run"})");
}

TEST(Redaction, HidesKeysThatTheEventDoesNotAllow) {
  EXPECT_EQ(stored("auth.access.success", {{"method", "GET"}, {"prompt", "who?"}, {"pat", 1}}),
            R"({"method":"GET","pat":"[REDACTED]","prompt":"[REDACTED]"})");
}

TEST(Redaction, HidesEverythingOfAnUnknownEvent) {
  EXPECT_EQ(stored("made.up", {{"path", "/x"}}), R"({"path":"[REDACTED]"})");
}

TEST(Redaction, ShowsHarmlessCountersThatSubstringRulesWouldHide) {
  EXPECT_EQ(stored("sla.enforcement.degraded", {{"max_output_tokens", 200}}), R"({"max_output_tokens":200})");
  EXPECT_EQ(stored("notification.destination.created", {{"has_secret", true}}), R"({"has_secret":true})");
}

TEST(Redaction, DetectsCredentialsInValues) {
  EXPECT_TRUE(has_secret(kKey));
  EXPECT_TRUE(has_secret("nrgss_0123456789abcdef0123456789abcdef_x"));
  EXPECT_TRUE(has_secret("token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"));
  EXPECT_TRUE(has_secret("Authorization: bEaReR abcdefghij"));
  EXPECT_FALSE(has_secret("nrgk_0a1b2c3"));
  EXPECT_FALSE(has_secret("a bearer of news"));
  EXPECT_FALSE(has_secret("eyJust.a.word"));
  EXPECT_FALSE(has_secret(""));
}

TEST(Redaction, MasksOnlyTheCredential) {
  EXPECT_EQ(mask_secrets("a " + std::string(kKey) + " b eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!"),
            "a [REDACTED] b [REDACTED]!");
  EXPECT_EQ(mask_secrets("Authorization: Bearer abcdefghij, x"), "Authorization: Bearer [REDACTED], x");
}

TEST(Redaction, LooksIntoNestedValues) {
  EXPECT_EQ(stored("ops.action.freeze_writes", {{"params", {{"b", {std::string(kKey), 2}}, {"a", nullptr}}}}),
            R"({"params":{"a":null,"b":["[REDACTED]",2]}})");
}

TEST(Redaction, CutsLongTextAtACodePoint) {
  const std::string longest(kMaxValueBytes - 1, 'x');
  EXPECT_EQ(stored("corpora.created", {{"name", longest + "\xC3\xA4\xC3\xA4"}}),
            R"({"name":")" + longest + "\xE2\x80\xA6\"}");
}

TEST(Redaction, RepairsTextThatIsNotUnicode) {
  EXPECT_EQ(stored("corpora.created", {{"name", std::string("a\xFF\0b", 4)}}),
            "{\"name\":\"a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\"}");
}

TEST(Redaction, WritesWhatTheCanonicalWriterWrites) {
  const boost::json::object value{{"z", 1.5},
                                  {"a", -7},
                                  {"big", std::int64_t{9'007'199'254'740'993}},
                                  {"u", std::uint64_t{18'446'744'073'709'551'615ULL}},
                                  {"e", 1e21},
                                  {"text", "q\"\\\b\f\n\r\t\x01 \xE2\x82\xAC \xF0\x9F\x98\x80"},
                                  {"\xEF\xAC\x81", 1},
                                  {"\xF0\x9F\x98\x80", 2},
                                  {"nested", {{"y", {1, 2, {{"b", true}, {"a", nullptr}}}}, {"", 0}}}};
  EXPECT_EQ(stored("ops.action.freeze_writes", {{"params", value}}), json::canonical({{"params", value}}));
}

TEST(Redaction, SortsManyKeysToo) {
  boost::json::object many;
  for (int i = 40; i > 0; --i) many[std::to_string(i)] = i;
  EXPECT_EQ(stored("ops.action.freeze_writes", {{"params", many}}), json::canonical({{"params", many}}));
}

TEST(Redaction, BoundsTheDepth) {
  boost::json::value deep = 1;
  for (int i = 0; i < 40; ++i) deep = boost::json::array{deep};
  EXPECT_NE(stored("ops.action.freeze_writes", {{"params", deep}}).find(kRedacted), std::string::npos);
}

}  // namespace
}  // namespace nexus::audit
