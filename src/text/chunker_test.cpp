#include "text/chunker.h"

#include "text/utf8.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nexus::text {
namespace {

using Spans = std::vector<std::pair<std::size_t, std::size_t>>;

Spans char_spans(const ChunkedText& chunked) {
  Spans spans;
  for (const Chunk& chunk : chunked.chunks) spans.emplace_back(chunk.start_char, chunk.end_char);
  return spans;
}

// Text made of pieces that matter to the chunkers.
rc::Gen<std::string> document_text() {
  const auto piece = rc::gen::element<std::string>("word ", "Sentence ends. ", "\n", "\n\n", "\r\n", "\r", "# Title\n",
                                                   "## Sub \u00e9\n", "| a | b |\n", "|---|---|\n", "```\ncode\n",
                                                   "```\n", "\u4f60\u597d\u3002", "\u3000", "Heading\n=====\n", "\xFF",
                                                   "x", " ", "\U0001F600", "- item\n");
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(piece), [](const std::vector<std::string>& pieces) {
    std::string text;
    for (const std::string& p : pieces) text += p;
    return text;
  });
}

// Every chunk is what its span says, spans are ordered, and nothing but white space is left outside them.
void check_spans(const ChunkedText& chunked, bool may_overlap) {
  const std::string_view text = chunked.text;
  std::size_t covered = 0;
  for (const Chunk& chunk : chunked.chunks) {
    RC_ASSERT(chunk.start_byte < chunk.end_byte && chunk.end_byte <= text.size());
    RC_ASSERT(text.substr(chunk.start_byte, chunk.end_byte - chunk.start_byte) == chunk.text);
    if (!may_overlap) RC_ASSERT(chunk.start_byte >= covered);
    if (chunk.start_byte > covered) RC_ASSERT(trim(text.substr(covered, chunk.start_byte - covered)).empty());
    covered = std::max(covered, chunk.end_byte);
  }
  RC_ASSERT(trim(text.substr(covered)).empty());
}

TEST(ParagraphChunker, CutsLongParagraphsAsTheContractSays) {
  EXPECT_EQ(char_spans(chunk_paragraphs(std::string(2600, 'x'))), (Spans{{0, 1200}, {1050, 2250}, {2100, 2600}}));
  EXPECT_EQ(chunk_paragraphs(std::string(2600, 'x'), {800, 100}).chunks.size(), 4U);
}

TEST(ParagraphChunker, NeverMergesParagraphsAndTrimsThem) {
  const ChunkedText chunked = chunk_paragraphs("  one \r\n\r\n\u3000\r\rtw\u00f6\n\n\n\nthree ");
  ASSERT_EQ(chunked.chunks.size(), 3U);
  EXPECT_EQ(chunked.chunks[1].text, "tw\u00f6");
  EXPECT_EQ(char_spans(chunked), (Spans{{2, 5}, {11, 14}, {18, 23}}));
}

TEST(ParagraphChunker, FindsRepeatedParagraphsOneAfterTheOther) {
  EXPECT_EQ(char_spans(chunk_paragraphs("aa\n\naa\n\naa")), (Spans{{0, 2}, {4, 6}, {8, 10}}));
}

TEST(ParagraphChunker, KeepsTheCursorBehindLongParagraphsButTellsTheTrueBytes) {
  // The short paragraph "bbb" also stands inside the long one before it: the contract's offset is that occurrence.
  const ChunkedText chunked = chunk_paragraphs("aaabbbaaabbb\n\nbbb", {5, 0});
  EXPECT_EQ(char_spans(chunked), (Spans{{0, 5}, {5, 10}, {10, 12}, {3, 6}}));
  EXPECT_EQ(chunked.chunks.back().start_byte, 14U);
}

TEST(ParagraphChunker, RefusesBadParametersWithTheContractsWords) {
  const auto message = [](const ParagraphOptions& options) -> std::string {
    try {
      (void)chunk_paragraphs("x", options);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  const std::string range = "chunk_size_chars must be >= 1 and chunk_overlap_chars must be >= 0";
  EXPECT_EQ(message({0, 0}), range);
  EXPECT_EQ(message({10, -1}), range);
  EXPECT_EQ(message({10, 10}), "chunk_overlap_chars must be smaller than chunk_size_chars");
  EXPECT_EQ(message({1, 0}), "accepted");
}

TEST(ParagraphChunker, EveryChunkIsItsSpanAndNothingIsLost) {
  EXPECT_TRUE(rc::check([] {
    const std::string raw = *document_text();
    const auto size = *rc::gen::inRange<long long>(1, 40);
    const auto overlap = *rc::gen::inRange<long long>(0, size);
    const ChunkedText chunked = chunk_paragraphs(raw, {size, overlap});
    check_spans(chunked, true);
    for (const Chunk& chunk : chunked.chunks) {
      RC_ASSERT(chunk.end_char - chunk.start_char == count_code_points(chunk.text));
      RC_ASSERT(chunk.end_char - chunk.start_char <= static_cast<std::size_t>(size));
    }
  }));
}

TEST(StructuredChunker, PutsHeadingsIntoThePathAndTheText) {
  const std::string body(400, 'x');
  const ChunkedText chunked =
      chunk_structured("# Guide\n\n" + body + "\n\n## Install ##\n\n" + body + "\n\nUse\n---\n" + body + "\n");
  ASSERT_EQ(chunked.chunks.size(), 3U);
  EXPECT_EQ(chunked.chunks[0].heading_path, "Guide");
  EXPECT_EQ(chunked.chunks[1].heading_path, "Guide > Install");
  EXPECT_EQ(chunked.chunks[2].heading_path, "Guide > Use");
  EXPECT_EQ(chunked.chunks[1].text.substr(0, 13), "## Install ##");
}

TEST(StructuredChunker, KeepsSentencesWhole) {
  const std::string sentence = "Dr. Smith paid 3.50 for e.g. tea in St. Ives. ";
  std::string text;
  for (int i = 0; i < 60; ++i) text += sentence;
  const ChunkedText chunked = chunk_structured(text, {.target_tokens = 50, .max_tokens = 60});
  ASSERT_GT(chunked.chunks.size(), 5U);
  for (const Chunk& chunk : chunked.chunks) {
    EXPECT_EQ(chunk.text.substr(0, 9), "Dr. Smith");
    EXPECT_EQ(chunk.text.substr(chunk.text.size() - 5), "Ives.");
  }
}

TEST(StructuredChunker, KeepsATableWholeAboveTheBudget) {
  std::string table = "| name | value |\n|---|---|\n";
  for (int i = 0; i < 80; ++i) table += "| row " + std::to_string(i) + " | some value |\n";
  const ChunkedText chunked = chunk_structured("Intro text.\n\n" + table + "\nOutro text.");
  ASSERT_EQ(chunked.chunks.size(), 3U);
  EXPECT_EQ(chunked.chunks[1].text + "\n", table);
}

TEST(StructuredChunker, JoinsAHeadingWithItsFirstText) {
  const ChunkedText chunked = chunk_structured("# A\n\n## B\n\nText of b.");
  ASSERT_EQ(chunked.chunks.size(), 1U);
  EXPECT_EQ(chunked.chunks[0].heading_path, "A");
}

TEST(StructuredChunker, CutsAWordlessGiantWithinTheLimit) {
  const ChunkedText chunked = chunk_structured(std::string(10000, 'x'), {.target_tokens = 100, .max_tokens = 100});
  for (const Chunk& chunk : chunked.chunks) EXPECT_LE(chunk.text.size(), 400U);
  EXPECT_GE(chunked.chunks.size(), 25U);
}

TEST(StructuredChunker, EveryChunkIsItsSpanAndNothingIsLost) {
  EXPECT_TRUE(rc::check([] {
    const std::string raw = *document_text();
    StructuredOptions options;
    options.target_tokens = *rc::gen::inRange<std::size_t>(1, 30);
    options.max_tokens = options.target_tokens + *rc::gen::inRange<std::size_t>(0, 30);
    options.max_table_tokens = *rc::gen::inRange<std::size_t>(1, 60);
    options.min_tokens = *rc::gen::inRange<std::size_t>(0, 10);
    const ChunkedText chunked = chunk_structured(raw, options);
    check_spans(chunked, false);
    for (const Chunk& chunk : chunked.chunks) {
      const std::string_view before = std::string_view(chunked.text).substr(0, chunk.start_byte);
      RC_ASSERT(chunk.start_char == count_code_points(before));
      RC_ASSERT(chunk.end_char == chunk.start_char + count_code_points(chunk.text));
    }
  }));
}

}  // namespace
}  // namespace nexus::text
