#include "modules/retrieval/corpus_config.h"

#include "json/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace nexus::retrieval {
namespace {

struct ConfigCase {
  const char* given;
  const char* expected;  // the normalised configuration, or the refusal
};

// Contract 02 §6.1, rule by rule.
const ConfigCase kAccepted[] = {
    {"{}", R"({"retrieval":{"provider":"local_pgvector","top_k_default":5}})"},
    {R"({"retrieval":{"provider":"local_pgvector"}})",
     R"({"retrieval":{"provider":"local_pgvector","top_k_default":5}})"},
    {R"({"retrieval":{"provider":"local_pgvector","top_k_default":null}})",
     R"({"retrieval":{"provider":"local_pgvector","top_k_default":5}})"},
    {R"({"retrieval":{"provider":"local_pgvector","top_k_default":-3}})",
     R"({"retrieval":{"provider":"local_pgvector","top_k_default":-3}})"},
    {R"({"other":[1,{"a":null}],"retrieval":{"mine":true,"provider":"local_pgvector","top_k_default":7}})",
     R"({"other":[1,{"a":null}],"retrieval":{"mine":true,"provider":"local_pgvector","top_k_default":7}})"},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":" "}})",
     R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":" ","top_k_default":5}})"},
    {R"({"retrieval":{"provider":"gcp_vertex","project":1,"location":["x"],"resource_id":{"a":1}}})",
     R"({"retrieval":{"provider":"gcp_vertex","project":1,"location":["x"],"resource_id":{"a":1},"top_k_default":5}})"},
};

constexpr const char* kMissing = "retrieval config missing";
constexpr const char* kNoObject = "retrieval config must be an object";
constexpr const char* kUnsupported = "unsupported retrieval provider";
constexpr const char* kTopK = "top_k_default must be an integer";
constexpr const char* kBedrock = "knowledge_base_id and region are required";
constexpr const char* kVertex = "project, location, and resource_id are required";
constexpr const char* kMode = "retrieval.mode must be hybrid, dense or lexical";
constexpr const char* kAlpha = "retrieval.alpha must be a number from 0 to 1";
constexpr const char* kChunking = "chunking.mode must be paragraph or structured";

const ConfigCase kRefused[] = {
    {"null", kMissing},
    {"[]", kNoObject},
    {"\"x\"", kNoObject},
    {"17", kNoObject},
    {R"({"a":1})", kMissing},
    {R"({"retrieval":null})", kMissing},
    {R"({"retrieval":[]})", kNoObject},
    {R"({"retrieval":"local_pgvector"})", kNoObject},
    {R"({"retrieval":{}})", kUnsupported},
    {R"({"retrieval":{"provider":null}})", kUnsupported},
    {R"({"retrieval":{"provider":1}})", kUnsupported},
    {R"({"retrieval":{"provider":"Local_PGVector"}})", kUnsupported},
    {R"({"retrieval":{"provider":" local_pgvector"}})", kUnsupported},
    {R"({"retrieval":{"provider":"local_pgvector","top_k_default":"5"}})", kTopK},
    {R"({"retrieval":{"provider":"local_pgvector","top_k_default":5.0}})", kTopK},
    {R"({"retrieval":{"provider":"local_pgvector","top_k_default":true}})", kTopK},
    {R"({"retrieval":{"provider":"nonsense","top_k_default":"5"}})", kUnsupported},  // the provider is looked at first
    {R"({"retrieval":{"provider":"aws_bedrock_kb","top_k_default":"5"}})", kTopK},   // then the number
    {R"({"retrieval":{"provider":"aws_bedrock_kb"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"","region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":false,"region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":0,"region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":0.0,"region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":[],"region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":{},"region":"r"}})", kBedrock},
    {R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":null}})", kBedrock},
    {R"({"retrieval":{"provider":"gcp_vertex","project":"p","location":"l"}})", kVertex},
    {R"({"retrieval":{"provider":"gcp_vertex","project":"p","location":"","resource_id":"r"}})", kVertex},
    {R"({"retrieval":{"provider":"local_pgvector","mode":"fuzzy"}})", kMode},
    {R"({"retrieval":{"provider":"local_pgvector","mode":1}})", kMode},
    {R"({"retrieval":{"provider":"local_pgvector","alpha":1.5}})", kAlpha},
    {R"({"retrieval":{"provider":"local_pgvector","alpha":-0.1}})", kAlpha},
    {R"({"retrieval":{"provider":"local_pgvector","alpha":"1"}})", kAlpha},
    {R"({"retrieval":{"provider":"local_pgvector"},"chunking":"structured"})", kChunking},
    {R"({"retrieval":{"provider":"local_pgvector"},"chunking":{}})", kChunking},
    {R"({"retrieval":{"provider":"local_pgvector"},"chunking":{"mode":"tables"}})", kChunking},
};

TEST(CorpusConfig, IsCompletedAndOtherwiseKept) {
  for (const ConfigCase& row : kAccepted)
    EXPECT_EQ(json::write(normalise_config(json::parse(row.given))), row.expected) << row.given;
}

TEST(CorpusConfig, IsRefusedInTheContractsWordsAndOrder) {
  for (const ConfigCase& row : kRefused) {
    std::string refusal = "accepted";
    try {
      (void)normalise_config(json::parse(row.given));
    } catch (const InvalidCorpusConfig& e) {
      refusal = e.what();
    }
    EXPECT_EQ(refusal, row.expected) << row.given;
  }
}

TEST(CorpusConfig, IsTheSameAfterASecondPass) {
  for (const ConfigCase& row : kAccepted) {
    const boost::json::object once = normalise_config(json::parse(row.given));
    EXPECT_EQ(normalise_config(once), once);
  }
}

TEST(CorpusConfig, ParsesToTheDefaults) {
  const CorpusConfig config = parse_config("{}");
  EXPECT_EQ(config.provider, "local_pgvector");
  EXPECT_EQ(config.top_k_default, 5);
  EXPECT_EQ(config.mode, search::Mode::kHybrid);
  EXPECT_EQ(config.alpha, std::nullopt);
  EXPECT_FALSE(config.structured_chunking);
}

TEST(CorpusConfig, ParsesOurOwnKeys) {
  const CorpusConfig config =
      parse_config(R"({"retrieval":{"provider":"local_pgvector","mode":"lexical","alpha":0,"top_k_default":9},)"
                   R"("chunking":{"mode":"structured"}})");
  EXPECT_EQ(config.mode, search::Mode::kLexical);
  EXPECT_EQ(config.alpha, 0.0);
  EXPECT_EQ(config.top_k_default, 9);
  EXPECT_TRUE(config.structured_chunking);
}

TEST(CorpusConfig, NullsOfOurOwnKeysMeanTheDefaults) {
  const CorpusConfig config =
      parse_config(R"({"retrieval":{"provider":"local_pgvector","mode":null,"alpha":null},"chunking":null})");
  EXPECT_EQ(config.mode, search::Mode::kHybrid);
  EXPECT_EQ(config.alpha, std::nullopt);
  EXPECT_FALSE(config.structured_chunking);
}

TEST(CorpusConfig, ANumberBeyondOursIsTheLargest) {
  const char* stored = R"({"retrieval":{"provider":"local_pgvector","top_k_default":18446744073709551615}})";
  EXPECT_EQ(parse_config(stored).top_k_default, std::numeric_limits<std::int64_t>::max());
}

TEST(CorpusConfig, ModesHaveOneNameEach) {
  for (const search::Mode mode : {search::Mode::kHybrid, search::Mode::kDense, search::Mode::kLexical})
    EXPECT_EQ(parse_mode(mode_name(mode)), mode);
  EXPECT_THROW((void)parse_mode("Hybrid"), InvalidCorpusConfig);
}

}  // namespace
}  // namespace nexus::retrieval
