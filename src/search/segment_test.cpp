#include "search/segment.h"

#include "search/segment_format.h"
#include "search/test_support.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstring>
#include <random>
#include <stdexcept>

namespace nexus::search {
namespace {

std::vector<std::byte> sample_bytes(VectorFormat format = VectorFormat::kInt8) {
  SegmentBuilder builder({format, format == VectorFormat::kNone ? std::size_t{0} : 40, "model"});
  std::mt19937 random(3);
  for (std::uint64_t i = 0; i < 300; ++i) {
    std::string text = "common ";
    for (int w = 0; w < 12; ++w) text += "w" + std::to_string(random() % 60) + "x ";
    if (i % 50 == 0) text += "rare rare rare";
    std::vector<float> vector(builder.size() % 7 == 3 || format == VectorFormat::kNone ? 0 : 40);
    for (float& x : vector) x = static_cast<float>(random() % 100) - 50;
    builder.add(ChunkId::of_number(i), "doc" + std::to_string(random() % 20), text, vector);
  }
  return builder.finish();
}

TEST(Segment, KeepsChunksByDocumentAndFindsThem) {
  const auto segment = make_segment({{1, "b", "one"}, {2, "a", "two two"}, {3, "b", "three"}, {4, "", "four of it"}});
  ASSERT_EQ(segment->chunk_count(), 4U);
  ASSERT_EQ(segment->document_count(), 3U);
  EXPECT_EQ(segment->document_id(0), "");
  EXPECT_EQ(segment->find_document("b"), 2U);
  EXPECT_EQ(segment->find_document("c"), std::nullopt);
  EXPECT_EQ(segment->first_chunk(2), 2U);
  EXPECT_EQ(segment->chunk_id(2), ChunkId::of_number(1));
  EXPECT_EQ(segment->chunk_id(3), ChunkId::of_number(3));
  EXPECT_EQ(segment->document_of(1), 1U);
  EXPECT_EQ(segment->lengths()[1], 2U);
  EXPECT_EQ(segment->lengths()[0], 1U);
}

TEST(Segment, ReadsPostingsAcrossBlocksAndWidths) {
  SegmentBuilder builder({});
  for (std::uint64_t i = 0; i < 70'000; ++i) {
    std::string text = "x";
    if (i % 300 == 0) text += " spread";
    if (i == 5)
      for (int w = 0; w < 300; ++w) text += " heavy";
    if (i == 69'999) text += " heavy";
    builder.add(ChunkId::of_number(i), "d", text);
  }
  const auto segment = Segment::open(builder.finish());
  const auto read = [&](std::string_view term) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> entries;
    PostingBlock block;
    const auto number = segment->find_term(term);
    if (!number) return entries;
    for (PostingReader reader = segment->postings(*number); reader.next(block);)
      for (std::size_t i = 0; i < block.size; ++i) entries.emplace_back(block.ordinals[i], block.frequencies[i]);
    return entries;
  };
  EXPECT_EQ(read("x").size(), 70'000U);
  EXPECT_EQ(read("x")[12'345], (std::pair<std::uint32_t, std::uint32_t>{12'345, 1}));
  EXPECT_EQ(read("spread").size(), 234U);
  EXPECT_EQ(read("spread")[200].first, 60'000U);
  const auto heavy = read("heavi");
  ASSERT_EQ(heavy.size(), 2U);
  EXPECT_EQ(heavy[0], (std::pair<std::uint32_t, std::uint32_t>{5, 300}));
  EXPECT_EQ(heavy[1], (std::pair<std::uint32_t, std::uint32_t>{69'999, 1}));
  EXPECT_TRUE(read("absent").empty());
}

TEST(Segment, MayBeEmpty) {
  const auto segment = Segment::open(SegmentBuilder({}).finish());
  EXPECT_EQ(segment->chunk_count(), 0U);
  EXPECT_EQ(segment->find_term("x"), std::nullopt);
  EXPECT_EQ(segment->find_document("x"), std::nullopt);
}

TEST(Segment, RefusesEveryFlippedByte) {
  std::vector<std::byte> bytes = sample_bytes();
  for (std::size_t at = 0; at < bytes.size(); at += 11) {
    bytes[at] ^= std::byte{0x10};
    EXPECT_THROW((void)Segment::open(bytes), CorruptSegment) << at;
    bytes[at] ^= std::byte{0x10};
  }
  EXPECT_NO_THROW((void)Segment::open(bytes));
}

TEST(Segment, RefusesEveryTruncation) {
  const std::vector<std::byte> bytes = sample_bytes(VectorFormat::kFloat32);
  for (std::size_t size = 0; size < bytes.size(); size += 37)
    EXPECT_THROW((void)Segment::open(std::span(bytes).first(size)), CorruptSegment) << size;
}

// Without the checksum damage may go unnoticed, but whatever opens must be safe to search.
TEST(Segment, IsSafeToReadWhenDamageGoesUnnoticed) {
  const std::vector<std::byte> sound = sample_bytes();
  std::mt19937 random(5);
  int opened = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::byte> bytes = sound;
    for (std::size_t flips = 1 + random() % 3; flips > 0; --flips)
      bytes[random() % (round % 2 == 0 ? bytes.size() : 400)] = static_cast<std::byte>(random());
    try {
      const auto segment = Segment::open(bytes, Segment::Check::kStructureOnly);
      ++opened;
      CorpusIndex index;
      const auto snapshot = index.add_segment({"s", segment});
      const ReadableOrdinals readable = ReadableDocumentsTestPeer::everything(*snapshot);
      const std::vector<float> vector(40, 1.0F);
      for (const Hit& hit : snapshot->search({.text = "common rare w1x w2x", .vector = vector, .readable = readable}))
        EXPECT_TRUE(hit.score >= 0 && hit.score <= 1);
    } catch (const CorruptSegment&) {
      continue;
    }
  }
  EXPECT_GT(opened, 100);
}

TEST(Segment, TombstonesSurviveTheirEncoding) {
  EXPECT_TRUE(rc::check([](const std::vector<bool>& alive) {
    Bitmap live(alive.size(), true);
    for (std::size_t i = 0; i < alive.size(); ++i)
      if (!alive[i]) live.reset(i);
    std::vector<std::byte> bytes = encode_tombstones(live);
    const Bitmap back = decode_tombstones(bytes, static_cast<std::uint32_t>(alive.size()));
    for (std::size_t i = 0; i < alive.size(); ++i) RC_ASSERT(back.test(i) == alive[i]);
    bytes.back() ^= std::byte{1};
    RC_ASSERT_THROWS_AS((void)decode_tombstones(bytes, static_cast<std::uint32_t>(alive.size())), CorruptSegment);
  }));
}

TEST(SegmentBuilder, RefusesVectorsOfAnotherSize) {
  SegmentBuilder builder({VectorFormat::kInt8, 8, "m"});
  EXPECT_THROW(builder.add({}, "d", "x", std::vector<float>(7)), std::invalid_argument);
  EXPECT_THROW(SegmentBuilder({VectorFormat::kInt8, 0, "m"}), std::invalid_argument);
  EXPECT_THROW(SegmentBuilder({VectorFormat::kNone, 8, "m"}), std::invalid_argument);
}

TEST(MergeSegments, GivesWhatABuilderWouldHaveMade) {
  const std::vector<TestChunk> first{
      {1, "a", "alpha beta beta", {1, 2}}, {2, "b", "beta", {2, 0}}, {3, "b", "dead", {1, 1}}};
  const std::vector<TestChunk> second{{4, "a", "gamma alpha", {0, 3}}, {5, "", "delta", {1, 0}}};
  auto live = std::make_shared<Bitmap>(3U, true);
  live->reset(2);
  for (const VectorFormat format : {VectorFormat::kInt8, VectorFormat::kFloat32}) {
    const std::vector<MergeInput> inputs{{make_segment(first, format), live}, {make_segment(second, format), nullptr}};
    SegmentBuilder builder({format, 2, "test"});
    for (const TestChunk& chunk : {first[0], first[1], second[1], second[0]})
      builder.add(ChunkId::of_number(chunk.id), chunk.document, chunk.text, chunk.vector);
    EXPECT_EQ(merge_segments(inputs), builder.finish());
  }
}

TEST(MergeSegments, RefusesMixedModels) {
  const std::vector<MergeInput> mixed{{make_segment({{1, "a", "x", {1, 2}}}), nullptr},
                                      {make_segment({{2, "a", "x", {1, 2, 3}}}), nullptr}};
  EXPECT_THROW((void)merge_segments(mixed), std::invalid_argument);
  EXPECT_THROW((void)merge_segments({}), std::invalid_argument);
}

TEST(ChunkId, RoundTripsAndOrdersLikeItsText) {
  const std::string text = "01234567-89ab-cdef-0123-456789abcdef";
  ASSERT_TRUE(ChunkId::parse(text).has_value());
  EXPECT_EQ(ChunkId::parse(text)->to_string(), text);
  EXPECT_EQ(ChunkId::parse("01234567-89AB-CDEF-0123-456789ABCDEF"), ChunkId::parse(text));
  EXPECT_LT(*ChunkId::parse(text), *ChunkId::parse("01234567-89ab-cdef-0123-456789abcdf0"));
  for (const std::string_view bad : {"", "01234567-89ab-cdef-0123-456789abcde", "01234567089ab-cdef-0123-456789abcdef",
                                     "g1234567-89ab-cdef-0123-456789abcdef"})
    EXPECT_EQ(ChunkId::parse(bad), std::nullopt);
}

}  // namespace
}  // namespace nexus::search
