#include "modules/rag/citations.h"

#include "crypto/hash.h"
#include "modules/ingestion/ingest_fixture.h"
#include "modules/rag/run_stream.h"
#include "text/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::rag {
namespace {

std::string citation_of(const retrieval::Passage& passage) {
  std::string out;
  json::Writer writer(out);
  append_citation(writer, passage);
  return out;
}

TEST(Citation, HasTheContractsFieldsFirstThenOurs) {
  retrieval::Passage passage;
  passage.chunk_id = "c";
  passage.text = "Some text.";
  passage.score = 0.5;
  passage.source = "document://d";
  passage.metadata = R"({"k":[1,null]})";
  passage.document_id = "d";
  passage.document_version = 3;
  passage.start_byte = 7;
  passage.end_byte = 17;
  EXPECT_EQ(citation_of(passage),
            R"({"source":"document://d","score":0.5,"metadata":{"k":[1,null]},"chunk_id":"c","document_id":"d",)"
            R"("version":3,"start":7,"end":17,"sha256":")" +
                crypto::sha256_hex("Some text.") + R"(","quote":"Some text."})");
}

TEST(Citation, OfAChunkWithoutADocumentClaimsNoSpan) {
  retrieval::Passage passage;
  passage.chunk_id = "c";
  passage.text = "x";
  passage.source = "demo://doc/1";
  const boost::json::object citation = json::parse(citation_of(passage)).as_object();
  EXPECT_TRUE(citation.at("metadata").as_object().empty());
  for (const char* key : {"document_id", "version", "start", "end"}) EXPECT_FALSE(citation.contains(key)) << key;
}

TEST(Excerpt, KeepsShortTextAndCutsLongTextAtAWord) {
  EXPECT_EQ(excerpt("short", 240), "short");
  EXPECT_EQ(excerpt("", 240), "");
  EXPECT_EQ(excerpt("one two three", 13), "one two three");
  EXPECT_EQ(excerpt("one two three", 12), "one two…");
  EXPECT_EQ(excerpt("one two three", 9), "one two…");
  EXPECT_EQ(excerpt("one two three", 7), "one…");
  EXPECT_EQ(excerpt("unbreakable", 5), "unbre…");
  EXPECT_EQ(excerpt("a unbreakable", 9), "a unbreak…");  // a cut at the blank would leave too little
}

TEST(Excerpt, NeverCutsACharacter) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += i % 7 == 0 ? " " : "ü😀";
  for (std::size_t most = 0; most < 320; ++most) {
    const std::string cut = excerpt(text, most);
    EXPECT_TRUE(text::is_valid_utf8(cut)) << most;
    EXPECT_LE(text::count_code_points(cut), most + 1) << most;
  }
}

TEST(FinalData, EveryCitationCanBeCheckedAgainstTheDocumentsText) {
  ingestion::Library lib;
  lib.make_corpus();
  lib.add_and_work("d1",
                   "Die Giraffe ist groß.\r\n\r\nA giraffe, again.\r\n\r\n" + std::string(1300, 'x') + " giraffe");
  lib.add_and_work("d2", "Another giraffe.");
  RunPlan plan(lib.t.tenant());
  plan.top_k = 7;
  plan.context = lib.ask("giraffe").passages;
  ASSERT_GE(plan.context.size(), 4U);
  const boost::json::object data = json::parse(final_data(plan, "An \"answer\"\n[1]")).as_object();
  EXPECT_EQ(data.at("text").as_string(), "An \"answer\"\n[1]");
  EXPECT_EQ(data.at("top_k"), 7);
  const boost::json::array& citations = data.at("citations").as_array();
  ASSERT_EQ(citations.size(), plan.context.size());
  for (std::size_t i = 0; i < citations.size(); ++i) {
    const boost::json::object& citation = citations[i].as_object();
    const std::string text = lib.service.text(lib.t.call, std::string(citation.at("document_id").as_string()));
    const auto begin = static_cast<std::size_t>(citation.at("start").as_int64());
    const auto end = static_cast<std::size_t>(citation.at("end").as_int64());
    EXPECT_EQ(text.substr(begin, end - begin), plan.context[i].text);
    EXPECT_EQ(crypto::sha256_hex(text.substr(begin, end - begin)), std::string_view(citation.at("sha256").as_string()));
    EXPECT_EQ(citation.at("source").as_string(), plan.context[i].source);
  }
}

TEST(LastEventId, IsAPlainNumber) {
  EXPECT_EQ(parse_last_event_id("0"), 0U);
  EXPECT_EQ(parse_last_event_id("12"), 12U);
  EXPECT_EQ(parse_last_event_id("18446744073709551615"), ~std::uint64_t{0});
  for (const char* text : {"", " 1", "1 ", "-1", "+1", "0x1", "1.0", "one", "18446744073709551616"})
    EXPECT_EQ(parse_last_event_id(text), std::nullopt) << text;
}

}  // namespace
}  // namespace nexus::rag
