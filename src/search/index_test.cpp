#include "search/index.h"

#include "embed/fake_embedder.h"
#include "search/test_support.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

namespace nexus::search {
namespace {

using Numbers = std::vector<int>;

std::vector<Hit> lexical(const Snapshot& snapshot, std::string_view text) {
  const ReadableOrdinals readable = ReadableDocumentsTestPeer::everything(snapshot);
  return snapshot.search({.text = text, .k = 10, .mode = Mode::kLexical, .readable = readable});
}

TEST(CorpusIndex, FindsWhatWasAddedAndNotWhatWasRemoved) {
  CorpusIndex index;
  index.add_segment({"s1", make_segment({{1, "a", "blue whale"}, {2, "b", "blue sky"}})});
  index.add_segment({"s2", make_segment({{3, "a", "blue moon"}})});
  EXPECT_EQ(numbers(lexical(*index.snapshot(), "blue whale")).front(), 1);
  EXPECT_EQ(lexical(*index.snapshot(), "blue").size(), 3U);
  index.remove_document("a");
  EXPECT_EQ(numbers(lexical(*index.snapshot(), "blue")), (Numbers{2}));
  EXPECT_EQ(index.snapshot()->live_chunks(), 1U);
}

TEST(CorpusIndex, ReplacesADocumentInOneStep) {
  CorpusIndex index;
  const auto before = index.add_segment({"s1", make_segment({{1, "a", "old text"}, {2, "b", "other text"}})});
  const auto after = index.replace_document("a", {"s2", make_segment({{3, "a", "new text"}})});
  EXPECT_EQ(lexical(*before, "text").size(), 2U);
  EXPECT_EQ(numbers(lexical(*before, "old")), (Numbers{1}));
  EXPECT_EQ(numbers(lexical(*after, "new")), (Numbers{3}));
  EXPECT_TRUE(lexical(*after, "old").empty());
}

TEST(CorpusIndex, RemovesSingleChunks) {
  CorpusIndex index;
  index.add_segment({"s1", make_segment({{1, "a", "word"}, {2, "a", "word"}})});
  Change change;
  change.remove_chunks = {ChunkId::of_number(2)};
  EXPECT_EQ(numbers(lexical(*index.apply(change), "word")), (Numbers{1}));
}

TEST(CorpusIndex, LoadsStoredTombstones) {
  CorpusIndex first;
  const auto segment = make_segment({{1, "a", "word"}, {2, "b", "word"}});
  first.add_segment({"s1", segment});
  const auto stored = encode_tombstones(*first.remove_document("a")->find("s1")->live);
  CorpusIndex second;
  second.add_segment({"s1", segment, std::make_shared<Bitmap>(decode_tombstones(stored, segment->chunk_count()))});
  EXPECT_EQ(numbers(lexical(*second.snapshot(), "word")), (Numbers{2}));
}

TEST(CorpusIndex, MergesSmallSegmentsWithoutChangingAnswers) {
  CorpusIndex index;
  for (std::uint64_t i = 0; i < 9; ++i)
    index.add_segment(
        {"s" + std::to_string(i), make_segment({{i, "d" + std::to_string(i), "word number" + std::to_string(i)}})});
  index.remove_document("d3");
  const auto before = lexical(*index.snapshot(), "word number5");
  const std::vector<std::string> keys = index.merge_candidates({.fan_in = 4, .max_dead = 2.0});
  ASSERT_GE(keys.size(), 4U);
  const auto merged = Segment::open(index.merge(keys));
  index.remove_document("d7");  // while the merge was being made
  ASSERT_TRUE(index.finish_merge(keys, {"m", merged}));
  EXPECT_FALSE(index.finish_merge(keys, {"again", merged}));
  const auto after = lexical(*index.snapshot(), "word number5");
  EXPECT_EQ(after.front().chunk, before.front().chunk);
  EXPECT_EQ(after.size(), before.size() - 1);
  EXPECT_LT(index.snapshot()->segments().size(), 9U);
}

TEST(CorpusIndex, RewritesASegmentThatIsMostlyDead) {
  CorpusIndex index;
  index.add_segment({"s", make_segment({{1, "a", "x"}, {2, "b", "x"}})});
  EXPECT_TRUE(index.merge_candidates().empty());
  index.remove_document("a");
  EXPECT_EQ(index.merge_candidates(), (std::vector<std::string>{"s"}));
}

TEST(CorpusIndex, RefusesAKeyTwice) {
  CorpusIndex index;
  index.add_segment({"s", make_segment({{1, "a", "x"}})});
  EXPECT_THROW(index.add_segment({"s", make_segment({{2, "a", "x"}})}), std::invalid_argument);
}

TEST(Search, NeverShowsAChunkOfAnUnreadableDocument) {
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", make_segment({{1, "open", "secret plan", {1, 0}},
                                                              {2, "closed", "secret plan", {1, 0}},
                                                              {3, "", "secret", {1, 0}}})});
  const std::vector<float> vector{1, 0};
  for (const Mode mode : {Mode::kHybrid, Mode::kDense, Mode::kLexical}) {
    const auto some = ReadableDocumentsTestPeer::only(*snapshot, {"open"});
    EXPECT_EQ(snapshot->search({.text = "secret plan", .vector = vector, .mode = mode, .readable = some}).size(), 2U);
    const auto strict = ReadableDocumentsTestPeer::only(*snapshot, {"open"}, false);
    const auto hits = snapshot->search({.text = "secret plan", .vector = vector, .mode = mode, .readable = strict});
    EXPECT_EQ(numbers(hits), (Numbers{1}));
    EXPECT_EQ(hits.front().document_id, "open");
    const auto nothing = ReadableDocumentsTestPeer::only(*snapshot, {}, false);
    EXPECT_TRUE(snapshot->search({.text = "secret", .vector = vector, .mode = mode, .readable = nothing}).empty());
  }
}

TEST(Search, TreatsDocumentsAddedLaterAsUnreadable) {
  CorpusIndex index;
  const auto early = index.add_segment({"s1", make_segment({{1, "a", "word"}})});
  const auto readable = ReadableDocumentsTestPeer::only(*early, {"a"});
  const auto late = index.add_segment({"s2", make_segment({{2, "b", "word"}})});
  EXPECT_EQ(numbers(late->search({.text = "word", .mode = Mode::kLexical, .readable = readable})), (Numbers{1}));
}

TEST(Search, RefusesReadableDocumentsOfAnotherIndex) {
  CorpusIndex one;
  CorpusIndex other;
  const auto readable = ReadableDocumentsTestPeer::everything(*other.snapshot());
  EXPECT_THROW((void)one.snapshot()->search({.text = "x", .readable = readable}), std::invalid_argument);
}

TEST(Search, ReturnsNothingForNothingInCommon) {
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", make_segment({{1, "a", "word", {1, 0}}, {2, "a", "word", {0, 0}}})});
  const auto all = ReadableDocumentsTestPeer::everything(*snapshot);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& vector :
       {std::vector<float>{0, 1}, std::vector<float>{-1, 0}, std::vector<float>{0, 0}, std::vector<float>{nan, 1}}) {
    EXPECT_TRUE(snapshot->search({.text = "", .vector = vector, .mode = Mode::kDense, .readable = all}).empty());
    EXPECT_TRUE(snapshot->search({.text = "absent", .vector = vector, .readable = all}).empty());
  }
  const std::vector<float> match{2, 0};
  EXPECT_EQ(numbers(snapshot->search({.text = "", .vector = match, .mode = Mode::kDense, .readable = all})),
            (Numbers{1}));
}

TEST(Search, FallsBackToWordsWhereThereAreNoVectorsOfTheModel) {
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", make_segment({{1, "a", "word", {1, 0}}})});
  const auto all = ReadableDocumentsTestPeer::everything(*snapshot);
  const std::vector<float> vector{1, 0};
  const auto hits = snapshot->search({.text = "word", .vector = vector, .model_id = "another", .readable = all});
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits.front().score, 1.0F);
  EXPECT_EQ(hits.front().dense, 0.0F);
}

TEST(Search, BreaksTiesByChunkId) {
  CorpusIndex index;
  index.add_segment({"s1", make_segment({{7, "a", "word", {1, 1}}, {3, "z", "word", {1, 1}}})});
  const auto snapshot = index.add_segment({"s2", make_segment({{5, "b", "word", {1, 1}}})});
  const auto all = ReadableDocumentsTestPeer::everything(*snapshot);
  const std::vector<float> vector{1, 1};
  for (const Mode mode : {Mode::kHybrid, Mode::kDense, Mode::kLexical})
    EXPECT_EQ(numbers(snapshot->search({.text = "word", .vector = vector, .mode = mode, .readable = all})),
              (Numbers{3, 5, 7}));
}

TEST(Search, StopsAtItsDeadline) {
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", make_segment({{1, "a", "word"}})});
  const auto all = ReadableDocumentsTestPeer::everything(*snapshot);
  EXPECT_THROW((void)snapshot->search({.text = "word", .readable = all, .deadline = SearchDeadline::min()}),
               SearchTimeout);
}

TEST(Search, RanksTheFakeEmbeddingLikeTheOriginal) {
  const embed::FakeEmbedder embedder;
  std::vector<TestChunk> chunks{{1, "", "alpha beta", {}}, {2, "", "alpha", {}}, {3, "", "gamma", {}}};
  for (TestChunk& chunk : chunks) {
    chunk.vector.resize(embedder.dimension());
    embedder.embed(chunk.text, chunk.vector);
  }
  CorpusIndex index;
  const auto snapshot = index.add_segment({"s", make_segment(chunks)});
  std::vector<float> query(embedder.dimension());
  embedder.embed("alpha", query);
  const auto all = ReadableDocumentsTestPeer::everything(*snapshot);
  const auto hits = snapshot->search({.text = "alpha", .vector = query, .mode = Mode::kDense, .readable = all});
  EXPECT_EQ(numbers(hits), (Numbers{2, 1}));
  EXPECT_NEAR(hits[0].score, 1.0, 1e-6);
  EXPECT_NEAR(hits[1].score, 0.45064743484296305, 1e-6);
}

TEST(Search, SeesWholeChangesWhileWritersWork) {
  CorpusIndex index;
  index.add_segment({"s0", make_segment({{1, "a", "word"}, {2, "a", "word"}})});
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t round = 1; round <= 60; ++round) {
      const std::string key = "s" + std::to_string(round);
      index.replace_document("a", {key, make_segment({{1, "a", "word"}, {2, "a", "word"}})});
      if (const auto keys = index.merge_candidates(); !keys.empty())
        index.finish_merge(keys, {"m" + key, Segment::open(index.merge(keys))});
    }
    done = true;
  });
  while (!done) EXPECT_EQ(lexical(*index.snapshot(), "word").size(), 2U);
  writer.join();
  EXPECT_LT(index.snapshot()->segments().size(), 30U);
}

}  // namespace
}  // namespace nexus::search
