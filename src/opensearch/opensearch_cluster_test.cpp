#include "opensearch/opensearch_fixture.h"
#include "search/index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <vector>

/// Against a real cluster, named by NEXUSRAG_TEST_OPENSEARCH; each test has an index of its own.
namespace nexus::opensearch {
namespace {

using Peer = search::ReadableDocumentsTestPeer;

class RealCluster : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("NEXUSRAG_TEST_OPENSEARCH");
    if (url == nullptr || *url == '\0') GTEST_SKIP() << "NEXUSRAG_TEST_OPENSEARCH names no cluster";
    url_ = url;
    prefix_ = "test-" + uuid4().substr(0, 13);
    stack = std::make_unique<Stack>(std::vector{url_}, prefix_);
  }
  void TearDown() override {
    if (!stack) return;
    stack->cluster.drop_index();
    const std::string all = "/_index_template/" + template_name(prefix_);
    try {
      static_cast<void>(stack->cluster.send({.method = "DELETE", .path = all}));
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kMissing) << "a test that ended before it made one";
    }
  }

  std::vector<search::Hit> words(std::string_view text, const search::ReadableDocuments& readable = Peer::everything(),
                                 std::string_view tenant = "t1", std::size_t k = 10) {
    return stack->search(tenant, "c1", {.text = text, .k = k, .mode = search::Mode::kLexical, .readable = readable});
  }

  std::string url_;
  std::string prefix_;
  std::unique_ptr<Stack> stack;
};

TEST_F(RealCluster, FindsWhatWasDeliveredAndNotWhatWasDeleted) {
  stack->library.put("t1", "c1", "d1", {{"vacuum reclaims dead tuples"}});
  stack->library.put("t1", "c1", "d2", {{"cats sleep near the window"}});
  EXPECT_EQ(stack->deliver(), 2U);
  EXPECT_EQ(document_ids(words("dead tuple")), std::vector<std::string>{"d1"});
  stack->library.remove("t1", "c1", "d1");
  EXPECT_TRUE(words("dead tuple").empty()) << "the rows have the last word until the deletion is delivered";
  EXPECT_EQ(stack->dropped("gone"), 1U);
  stack->deliver();
  EXPECT_TRUE(words("dead tuple").empty());
  EXPECT_EQ(stack->dropped("gone"), 1U) << "now the index does not have it either";
}

TEST_F(RealCluster, SwapsTheChunksOfAReplacedDocument) {
  const std::vector<std::string> old = stack->library.put("t1", "c1", "d1", {{"first apple"}, {"second apple"}});
  stack->deliver();
  EXPECT_EQ(words("apple").size(), 2U);
  const std::vector<std::string> fresh = stack->library.put("t1", "c1", "d1", {{"third apple"}});
  EXPECT_TRUE(words("apple").empty()) << "replaced, and the new ones are on their way: neither is half there";
  stack->deliver();
  EXPECT_EQ(chunk_ids(words("apple")), fresh);
  EXPECT_TRUE(stack->maintenance.verify({}).equal());
}

TEST_F(RealCluster, RefusesWhatIsOlderAlsoAfterADeletion) {
  const std::vector<std::string> ids = stack->library.put("t1", "c1", "d1", {{"apple"}});
  stack->deliver();
  stack->library.remove("t1", "c1", "d1");
  stack->deliver();
  std::string late;
  append_index_action(late, {stack->cluster.index(), "t1", "c1", 2},
                      {.id = ids[0], .document = "d1", .text = "apple", .model = {}, .vector = {}}, "", {});
  const std::string answer =
      stack->cluster.send({.method = "POST", .path = "/_bulk?refresh=true", .body = late, .lines = true});
  EXPECT_EQ(parse_bulk(answer, 1).at(0).fate, BulkItem::Fate::kNewer);
  EXPECT_TRUE(stack->maintenance.verify({}).equal());
}

TEST_F(RealCluster, KeepsTenantsApartThoughTheyShareTheIndex) {
  stack->library.put("t1", "c1", "d1", {{"apple pie"}});
  stack->library.put("t2", "c1", "d2", {{"apple cake"}, {"apple tart"}, {"apple juice"}});
  stack->deliver();
  const std::vector<search::Hit> mine = words("apple");
  EXPECT_EQ(document_ids(mine), std::vector<std::string>{"d1"});
  const search::Bm25 bm25({.chunks = 1, .length = 2});
  EXPECT_EQ(mine[0].lexical, bm25.gain(bm25.weight(1, 1), 1, 2)) << "the other tenant changes no score";
  EXPECT_EQ(words("apple", Peer::everything(), "t2").size(), 3U);
  EXPECT_EQ(stack->dropped("tenant"), 0U);
}

TEST_F(RealCluster, FiltersBeforeItLooksForTheBest) {
  stack->library.corpus("t1", "c1", 4);
  for (int i = 0; i < 300; ++i)
    stack->library.put("t1", "c1", fmt::format("near{}", i),
                       {{"apple apple apple", {1, 0, 0, 0.001F * static_cast<float>(i)}}});
  stack->library.put("t1", "c1", "far", {{"one apple among many other words", {0.2F, 1, 0, 0}}});
  stack->deliver();
  const std::vector<float> vector{1, 0, 0, 0};
  const auto found = [&](const search::ReadableDocuments& readable, search::Mode mode) {
    return document_ids(stack->search(
        "t1", "c1", {.text = "apple", .vector = vector, .model_id = "m", .k = 3, .mode = mode, .readable = readable}));
  };
  search::ReadableDocuments::Ids denied;
  for (int i = 0; i < 300; ++i) denied.push_back(fmt::format("near{}", i));
  for (const search::Mode mode : {search::Mode::kLexical, search::Mode::kDense, search::Mode::kHybrid}) {
    EXPECT_EQ(found(Peer::only({"far"}, false), mode), std::vector<std::string>{"far"});
    EXPECT_EQ(found(Peer::except(denied, true), mode), std::vector<std::string>{"far"});
    EXPECT_TRUE(found(Peer::only({}, false), mode).empty());
    EXPECT_EQ(found(Peer::everything(), mode).size(), 3U);
  }
  EXPECT_EQ(stack->dropped("permission"), 0U);
}

TEST_F(RealCluster, TakesAnAllowListOfTenThousandAndOneBeyondTheServersLimit) {
  stack->library.put("t1", "c1", "d1", {{"apple"}});
  stack->library.put("t1", "c1", "d2", {{"apple"}});
  stack->deliver();
  const auto list = [](int count) {
    search::ReadableDocuments::Ids ids{"d1"};
    for (int i = 0; i < count; ++i) ids.push_back(fmt::format("00000000-0000-4000-8000-{:012}", i));
    return ids;
  };
  EXPECT_EQ(document_ids(words("apple", Peer::only(list(10'000), false))), std::vector<std::string>{"d1"});
  EXPECT_EQ(document_ids(words("apple", Peer::only(list(70'000), false))), std::vector<std::string>{"d1"});
  EXPECT_EQ(document_ids(words("apple", Peer::except(list(70'000), true))), std::vector<std::string>{"d2"});
}

TEST_F(RealCluster, CatchesUpAfterAnOutage) {
  stack->library.put("t1", "c1", "kept", {{"apple one"}});
  stack->library.put("t1", "c1", "replaced", {{"apple two"}, {"apple three"}});
  stack->library.put("t1", "c1", "deleted", {{"apple four"}});
  stack->deliver();
  {
    testing::HttpTwin down;
    down.always(testing::twin_status(503));
    Cluster nowhere(stack->net.client, Stack::options({down.url("/")}, prefix_), stack->net.clock);
    Feeder feeder(*stack->database, nowhere, stack->clock, {}, stack->metrics, [] { return 0.5; });
    stack->library.put("t1", "c1", "replaced", {{"apple five"}});
    stack->library.remove("t1", "c1", "deleted");
    stack->library.put("t1", "c1", "new", {{"apple six"}});
    EXPECT_EQ(feeder.run_once().postponed, 3U);
  }
  const VerifyReport during = stack->maintenance.verify({});
  EXPECT_EQ(during.waiting, 2) << "what waits is no difference; the deleted one has no rows to compare";
  EXPECT_TRUE(during.equal());
  stack->clock.advance_s(120);
  EXPECT_EQ(stack->deliver(), 3U);
  const VerifyReport after = stack->maintenance.verify({});
  EXPECT_TRUE(after.equal());
  EXPECT_EQ(after.documents, 3);
  EXPECT_EQ(after.rows, after.index);
  EXPECT_EQ(after.rows.chunks, 3);
}

TEST_F(RealCluster, VerifyFindsWhatDiffersAndRebuildPutsItRight) {
  stack->library.corpus("t1", "c1", 4);
  for (int i = 0; i < 5; ++i)
    stack->library.put("t1", "c1", fmt::format("d{}", i), {{fmt::format("apple number {}", i), {1, 0, 0, 1}}});
  stack->library.put("t2", "c9", "x", {{"pear"}});
  stack->deliver();
  ASSERT_TRUE(stack->maintenance.verify({}).equal());
  // Behind the outbox's back: rows that the index does not know, and chunks that the rows do not know.
  stack->database->run_script(
      "UPDATE chunks SET text = 'changed' WHERE document_id = 'd1'; DELETE FROM chunks WHERE document_id = 'd2'");
  std::string stranger;
  append_index_action(stranger, {stack->cluster.index(), "t3", "c3", 7000},
                      {.id = uuid4(), .document = "ghost", .text = "ghost", .model = {}, .vector = {}}, "", {});
  static_cast<void>(stack->cluster.send({.method = "POST", .path = "/_bulk", .body = stranger, .lines = true}));
  const VerifyReport broken = stack->maintenance.verify({});
  EXPECT_EQ(broken.differences, 3);
  std::set<std::string> kinds;
  for (const Difference& d : broken.listed) kinds.insert(d.document_id + " " + std::string(to_string(d.kind)));
  EXPECT_EQ(kinds, (std::set<std::string>{"d1 differs", "d2 orphan", "ghost orphan"}));
  std::size_t steps = 0;
  const RebuildReport rebuilt =
      stack->maintenance.rebuild({.progress = [&](std::size_t, std::size_t total) { steps += total > 0 ? 1 : 0; }});
  EXPECT_TRUE(rebuilt.complete());
  EXPECT_EQ(rebuilt.documents, 5);
  EXPECT_GT(steps, 0U);
  EXPECT_TRUE(stack->maintenance.verify({}).equal());
  EXPECT_TRUE(stack->maintenance.rebuild({.recreate = true}).complete());
  EXPECT_TRUE(stack->maintenance.verify({}).equal());
}

TEST_F(RealCluster, ForgetsACorpusThatGoes) {
  stack->library.put("t1", "c1", "d1", {{"apple"}});
  stack->library.put("t1", "c2", "d2", {{"apple"}});
  stack->deliver();
  stack->library.clear("t1", "c1");
  stack->deliver();
  EXPECT_TRUE(stack->maintenance.verify({}).equal());
  EXPECT_TRUE(words("apple").empty());
  EXPECT_EQ(stack->dropped("gone"), 0U);
}

TEST_F(RealCluster, RecoversWhenSomebodyDeletesTheIndex) {
  stack->library.corpus("t1", "c1", 4);
  stack->library.put("t1", "c1", "d1", {{"apple", {1, 0, 0, 1}}});
  stack->deliver();
  static_cast<void>(stack->cluster.send({.method = "DELETE", .path = "/" + stack->cluster.index()}));
  stack->library.put("t1", "c1", "d2", {{"apple", {1, 0, 1, 1}}});
  for (int i = 0; i < 4; ++i) {
    stack->deliver();
    stack->clock.advance_s(120);
  }
  EXPECT_EQ(document_ids(words("apple")), std::vector<std::string>{"d2"});
}

/// The same rows in a segment of the in-memory index and in the cluster.
TEST_F(RealCluster, RanksLikeTheSegmentIndex) {
  constexpr std::size_t kDimension = 32;
  stack->library.corpus("t1", "c1", kDimension);
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  const std::vector<std::string> vocabulary{"apple",  "banana", "cherry", "database", "engine", "filter", "garden",
                                            "harbor", "island", "jungle", "kernel",   "lemon",  "market", "network"};
  const auto vector_of = [&] {
    std::vector<float> out(kDimension);
    for (float& x : out) x = normal(random);
    return out;
  };
  search::SegmentBuilder builder({search::VectorFormat::kInt8, kDimension, "m"});
  for (int d = 0; d < 200; ++d) {
    std::vector<Library::Chunk> chunks;
    for (int c = 0; c < 3; ++c) {
      std::string text;
      const std::size_t length = 5 + random() % 60;
      for (std::size_t i = 0; i < length; ++i)
        text += vocabulary[std::min(random() % vocabulary.size(), random() % vocabulary.size())] + " ";
      chunks.push_back({text, vector_of()});
    }
    const std::string document = fmt::format("d{:03}", d);
    const std::vector<std::string> ids = stack->library.put("t1", "c1", document, chunks);
    for (std::size_t i = 0; i < ids.size(); ++i)
      builder.add(*search::ChunkId::parse(ids[i]), document, chunks[i].text, chunks[i].vector);
  }
  stack->deliver();
  search::CorpusIndex segments;
  segments.add_segment({.key = "1", .segment = search::Segment::open(builder.finish())});
  const auto snapshot = segments.snapshot();
  std::size_t same = 0;
  std::size_t asked = 0;
  for (int q = 0; q < 20; ++q) {
    const std::string text = vocabulary[random() % vocabulary.size()] + " " + vocabulary[random() % vocabulary.size()];
    const std::vector<float> vector = vector_of();
    for (const search::Mode mode : {search::Mode::kLexical, search::Mode::kDense, search::Mode::kHybrid}) {
      const search::ReadableOrdinals all = Peer::everything(*snapshot);
      const auto expected = snapshot->search(
          {.text = text, .vector = vector, .model_id = "m", .k = 10, .mode = mode, .alpha = 0.4F, .readable = all});
      const search::ReadableDocuments readable = Peer::everything();
      const auto found = stack->search("t1", "c1",
                                       {.text = text,
                                        .vector = vector,
                                        .model_id = "m",
                                        .k = 10,
                                        .mode = mode,
                                        .alpha = 0.4F,
                                        .readable = readable});
      ++asked;
      if (chunk_ids(found) != chunk_ids(expected)) continue;
      ++same;
      for (std::size_t i = 0; i < found.size(); ++i) EXPECT_FLOAT_EQ(found[i].score, expected[i].score);
    }
  }
  EXPECT_GE(same, asked * 99 / 100) << "of " << asked;
}

}  // namespace
}  // namespace nexus::opensearch
