#include "modules/demo/seed.h"

#include "json/json.h"
#include "modules/authz/tenant_access.h"
#include "modules/documents/ports.h"
#include "modules/ingestion/ports.h"
#include "modules/retrieval/ports.h"
#include "modules/retrieval/segment_engine.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::demo {
namespace {

constexpr std::string_view kGates = "What are the release gates for Agent 2.0?";
constexpr std::string_view kStrategy = "What is the testing strategy of Agent 2.0?";
constexpr std::string_view kHowTested = "How is Agent 2.0 tested before a release?";

/// A seeded database that can be asked.
struct SeededCorpus {
  explicit SeededCorpus(std::string provider, std::filesystem::path models = "no-such-folder")
      : embedders(std::move(provider), std::move(models)),
        index(std::size_t{64} << 20, test.clock, test.metrics),
        retriever(*test.database, embedders, index, access, test.metrics, test.clock, 5 * Timestamp::kSecond),
        report(seed_demo(*test.database, test.tenant(), embedders, index, test.clock)) {}

  [[nodiscard]] std::vector<retrieval::Passage> ask(std::string_view question, search::Mode mode) const {
    return retriever
        .retrieve({.tenant = test.tenant(),
                   .principal = test.call.principal(),
                   .corpus_id = kCorpus,
                   .query = question,
                   .top_k = 10,
                   .mode = mode})
        .passages;
  }
  [[nodiscard]] std::string first(std::string_view question, search::Mode mode) const {
    const std::vector<retrieval::Passage> found = ask(question, mode);
    return found.empty() ? "nothing" : found.front().source;
  }
  [[nodiscard]] std::int64_t chunks() const {
    return test.database->read(
        [&](db::Snapshot& db) { return ingestion::ChunksRepository().count(db, test.tenant(), kCorpus); });
  }

  testing::TestCall test;
  authz::TenantAccess access;
  retrieval::Embedders embedders;
  retrieval::SegmentEngine index;
  retrieval::Retriever retriever;
  SeedReport report;
};

TEST(DemoSeed, AddsTenChunksOfThreeDocuments) {
  const SeededCorpus demo("fake");
  EXPECT_FALSE(demo.report.already_seeded);
  EXPECT_EQ(demo.report.chunks, 10U);
  EXPECT_EQ(demo.report.embedding_model, "fake");
  EXPECT_EQ(demo.chunks(), 10);
}

TEST(DemoSeed, DoesNothingToACorpusThatHasChunks) {
  SeededCorpus demo("fake");
  const SeedReport again =
      seed_demo(*demo.test.database, demo.test.tenant(), demo.embedders, demo.index, demo.test.clock);
  EXPECT_TRUE(again.already_seeded);
  EXPECT_EQ(again.chunks, 0U);
  EXPECT_EQ(demo.chunks(), 10);
}

TEST(DemoSeed, ResetsTheConfigurationEveryTime) {
  SeededCorpus demo("fake");
  const documents::DocumentsRepository corpora;
  demo.test.database->write([&](db::Tx& tx) {
    documents::StoredCorpus corpus = *corpora.find_corpus(tx, demo.test.tenant(), kCorpus);
    corpus.provider_config_json = R"({"provider":"gcp_vertex"})";
    corpora.update_corpus(tx, demo.test.tenant(), corpus);
  });
  (void)seed_demo(*demo.test.database, demo.test.tenant(), demo.embedders, demo.index, demo.test.clock);
  const auto config = demo.test.database->read([&](db::Snapshot& db) {
    return json::parse(corpora.find_corpus(db, demo.test.tenant(), kCorpus)->provider_config_json).as_object();
  });
  const boost::json::object& retrieval_config =
      config.contains("retrieval") ? config.at("retrieval").as_object() : config;
  EXPECT_EQ(retrieval_config.at("provider").as_string(), "local_pgvector");
  EXPECT_EQ(retrieval_config.at("top_k_default").to_number<int>(), 5);
}

TEST(DemoSeed, ChunksBelongToNoDocumentAndNameTheirSection) {
  const SeededCorpus demo("fake");
  const std::vector<retrieval::Passage> found = demo.ask(kGates, search::Mode::kLexical);
  ASSERT_FALSE(found.empty());
  EXPECT_FALSE(found.front().document_id.has_value());
  const boost::json::object metadata = json::parse(found.front().metadata).as_object();
  EXPECT_EQ(metadata.at("source_type").as_string(), "demo");
  EXPECT_EQ(metadata.at("section").as_string(), "Release gates");
  EXPECT_TRUE(found.front().text.starts_with("Release gates: "));
}

TEST(DemoSeed, TheTestingNoteComesFirstInEveryModeOfTheFakeEmbedding) {
  const SeededCorpus demo("fake");
  for (const search::Mode mode : {search::Mode::kDense, search::Mode::kHybrid, search::Mode::kLexical})
    for (const std::string_view question : {kGates, kStrategy, kHowTested})
      EXPECT_EQ(demo.first(question, mode), "demo://doc/1") << question;
}

TEST(DemoSeed, TheFakeEmbeddingSeparatesTheTestingNoteClearly) {
  const SeededCorpus demo("fake");
  for (const std::string_view question : {kGates, kStrategy}) {
    double best = 0;
    double other = 0;
    for (const retrieval::Passage& passage : demo.ask(question, search::Mode::kDense)) {
      double& side = passage.source == "demo://doc/1" ? best : other;
      side = std::max(side, passage.score);
    }
    EXPECT_GT(best, 0.25) << question;
    EXPECT_LT(other, 0.2) << question;
  }
}

TEST(DemoSeed, WithoutAModelTheWordsFindIt) {
  const SeededCorpus demo("local");
  EXPECT_FALSE(demo.report.embedding_model.has_value());
  EXPECT_EQ(demo.first(kGates, search::Mode::kHybrid), "demo://doc/1");
  EXPECT_EQ(demo.first(kStrategy, search::Mode::kHybrid), "demo://doc/1");
}

TEST(DemoSeed, TheTestingNoteComesFirstWithTheLocalModel) {
  const char* folder = std::getenv("MODELS_DIR");
  const SeededCorpus demo("local", folder != nullptr ? folder : "var/models");
  if (!demo.report.embedding_model) GTEST_SKIP() << "the local model is not installed; MODELS_DIR can name its folder";
  for (const search::Mode mode : {search::Mode::kDense, search::Mode::kHybrid})
    for (const std::string_view question : {kGates, kStrategy, kHowTested})
      EXPECT_EQ(demo.first(question, mode), "demo://doc/1") << question;
}

}  // namespace
}  // namespace nexus::demo
