#include "modules/ingestion/payload.h"

#include <gtest/gtest.h>

#include <exception>
#include <optional>

namespace nexus::ingestion {
namespace {

TEST(IngestPayload, ReadsWhatItWrote) {
  for (const IngestPayload& in :
       {IngestPayload{.document_id = "d"},
        IngestPayload{.document_id = "\"ü\\", .chunk_size_chars = 800, .chunk_overlap_chars = 0},
        IngestPayload{.document_id = "d", .chunk_overlap_chars = 7, .is_reindex = true}}) {
    const IngestPayload out = parse_payload(payload(in));
    EXPECT_EQ(out.document_id, in.document_id);
    EXPECT_EQ(out.chunk_size_chars, in.chunk_size_chars);
    EXPECT_EQ(out.chunk_overlap_chars, in.chunk_overlap_chars);
    EXPECT_EQ(out.is_reindex, in.is_reindex);
  }
}

TEST(IngestPayload, HoldsIdsAndParametersOnly) {
  EXPECT_EQ(payload({.document_id = "d1"}),
            R"({"document_id":"d1","chunk_size_chars":null,"chunk_overlap_chars":null,"is_reindex":false})");
}

TEST(IngestPayload, ThrowsOnAnythingElse) {
  for (const char* text : {"", "null", "{}", "[]", R"({"document_id":1,"is_reindex":false})", R"({"document_id":"d"})"})
    EXPECT_THROW((void)parse_payload(text), std::exception) << text;
}

struct SizesCase {
  std::optional<std::int64_t> size;
  std::optional<std::int64_t> overlap;
  std::int64_t expected_size;
  std::int64_t expected_overlap;
};

TEST(ChunkSizes, FillInWhatIsNotGiven) {
  for (const SizesCase& row : {SizesCase{{}, {}, 1200, 150},
                               {800, 100, 800, 100},
                               {{}, 0, 1200, 0},
                               {{}, 33, 1200, 33},
                               {4000, {}, 4000, 150},
                               {800, {}, 800, 100},
                               {100, {}, 100, 12},
                               {7, {}, 7, 0},
                               {100, 100, 100, 100},
                               {100, 0, 100, 0}}) {
    const ChunkSizes sizes = chunk_sizes(row.size, row.overlap, {.size = 1200, .overlap = 150});
    EXPECT_EQ(sizes.size, row.expected_size);
    EXPECT_EQ(sizes.overlap, row.expected_overlap) << row.expected_size;
  }
}

TEST(ChunkSizes, ADefaultOverlapIsAlwaysSmallerThanTheSize) {
  for (std::int64_t size = 1; size < 2000; ++size)
    EXPECT_LT(chunk_sizes(size, std::nullopt, {.size = 1200, .overlap = 150}).overlap, size);
}

}  // namespace
}  // namespace nexus::ingestion
