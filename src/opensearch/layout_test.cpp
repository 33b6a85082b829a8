#include "opensearch/layout.h"

#include "opensearch/answers.h"
#include "opensearch/scoring.h"
#include "opensearch/search_request.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::opensearch {
namespace {

constexpr Destination kTo{"nexusrag-chunks-v1", "t1", "c1", 8};

TEST(ChunkInTheIndex, CarriesOurTermsLengthAndExternalVersion) {
  std::string lines;
  append_index_action(lines, kTo,
                      {.id = "id-1", .document = "d1", .text = "The running cats", .model = {}, .vector = {}}, "", {});
  const std::size_t end = lines.find('\n');
  EXPECT_EQ(lines.substr(0, end), R"({"index":{"_index":"nexusrag-chunks-v1","_id":"id-1","routing":"t1",)"
                                  R"("version":8,"version_type":"external"}})");
  const boost::json::value chunk = parse_answer(std::string_view(lines).substr(end + 1));
  const boost::json::object& fields = as_object(chunk);
  EXPECT_EQ(text_at(fields, "terms"), "the run cat");
  EXPECT_EQ(integer_at(fields, "length"), 2) << "stop words do not count";
  EXPECT_EQ(integer_at(fields, "seq"), 8);
  EXPECT_FALSE(fields.contains("packed"));
  EXPECT_FALSE(fields.contains("model"));
}

TEST(ChunkInTheIndex, HasAFieldForEachModelAndDimension) {
  EXPECT_NE(vector_field_name("a", 256), vector_field_name("b", 256));
  EXPECT_NE(vector_field_name("a", 256), vector_field_name("a", 128));
  EXPECT_EQ(vector_field_name("a", 256).substr(0, 11), "vector_256_");
}

TEST(ChunkChecksum, ChangesWithEverythingThatIsSearched) {
  const ChunkRow chunk{.id = "i", .document = "d", .text = "x", .model = "m", .vector = {1, 2}};
  ChunkRow other = chunk;
  EXPECT_EQ(checksum_of(chunk), checksum_of(other));
  other.text = "y";
  EXPECT_NE(checksum_of(chunk), checksum_of(other));
  other = chunk;
  other.vector[1] = 3;
  EXPECT_NE(checksum_of(chunk), checksum_of(other));
  other = chunk;
  other.model = "n";
  EXPECT_NE(checksum_of(chunk), checksum_of(other));
}

TEST(Routing, IsLeftOutWhereTheServerWouldSplitIt) {
  EXPECT_EQ(routing_parameter({"b", "a", "b"}), "&routing=a,b");
  EXPECT_EQ(routing_parameter({"a", "b,c"}), "");
  EXPECT_EQ(routing_parameter({"a b&c"}), "&routing=a%20b%26c");
}

Candidate candidate(std::uint64_t id, const std::string& terms, const std::string& packed = {}) {
  return {.id = search::ChunkId::of_number(id),
          .tenant = "t",
          .corpus = "c",
          .document = "d",
          .terms = terms,
          .length = 3,
          .model = "m",
          .packed = packed};
}

TEST(Scoring, CountsWholeTermsAndComparesVectorsOfTheSameModelOnly) {
  SearchAnswer found;
  found.statistics = {.corpus = {.chunks = 10, .length = 30}, .holders = {2}};
  const std::vector<float> vector{1, 0};
  found.lexical = {candidate(1, "cat dog cat", pack_vector("m", vector)), candidate(2, "category cat"),
                   candidate(3, "category")};
  found.dense = {candidate(1, "cat dog cat", pack_vector("m", vector))};
  const std::vector<QuestionTerm> terms = question_terms("cats", 10);
  const Scored scored = score(found, {.terms = terms, .vector = vector, .model_id = "m"});
  ASSERT_EQ(scored.chunks.size(), 3U) << "a chunk of both lists counts once";
  EXPECT_TRUE(scored.has_dense);
  const search::Bm25 bm25({.chunks = 10, .length = 30});
  EXPECT_EQ(scored.chunks[0].lexical, bm25.gain(bm25.weight(2, 1), 2, 3));
  EXPECT_EQ(scored.chunks[1].lexical, bm25.gain(bm25.weight(2, 1), 1, 3));
  EXPECT_EQ(scored.chunks[2].lexical, 0);
  EXPECT_NEAR(scored.chunks[0].dense, 1, 1e-4);
  const Scored others = score(found, {.terms = terms, .vector = vector, .model_id = "other"});
  EXPECT_FALSE(others.has_dense);
  EXPECT_EQ(others.chunks[0].dense, 0);
}

TEST(Scoring, KeepsExactFloatsOfTheModelWhoseRankingIsAPromise) {
  const std::vector<float> vector{0.3F, -0.1F, 0.7F};
  EXPECT_EQ(pack_vector("fake", vector).front(), 'f');
  SearchAnswer found;
  found.dense = {candidate(1, "x", pack_vector("fake", vector))};
  found.dense[0].model = "fake";
  const Scored scored = score(found, {.terms = {}, .vector = vector, .model_id = "fake"});
  EXPECT_FLOAT_EQ(scored.chunks[0].dense, 1);
}

TEST(Scoring, IsNotMisledByADamagedVector) {
  SearchAnswer found;
  found.dense = {candidate(1, "x", "iAA"), candidate(2, "x", "f!!"), candidate(3, "x", "z")};
  const std::vector<float> vector{1, 0};
  for (const search::ScoredChunk& chunk : score(found, {.terms = {}, .vector = vector, .model_id = "m"}).chunks)
    EXPECT_EQ(chunk.dense, 0);
}

TEST(QuestionTerms, AreDistinctAlphabeticalAndBounded) {
  const std::vector<QuestionTerm> terms = question_terms("zebra apple zebra mango", 2);
  ASSERT_EQ(terms.size(), 2U);
  EXPECT_EQ(terms[0].text, "appl");
  EXPECT_EQ(terms[1].text, "zebra");
  EXPECT_EQ(terms[1].repetitions, 2U);
}

}  // namespace
}  // namespace nexus::opensearch
