#include "embed/bpe_tokenizer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace nexus::embed {
namespace {

// 0..2 literals, 3..258 bytes, then the symbols and what they merge to.
std::string tokenizer_json() {
  std::string vocabulary = R"("<unk>":0,"<s>":1,"</s>":2)";
  for (int byte = 0; byte < 256; ++byte) vocabulary += fmt::format(",\"<0x{:02X}>\":{}", byte, byte + 3);
  int next = 259;
  for (const char* token : {"\u2581", "a", "b", "c", "ab", "bc", "\u2581ab", "\u2581\u2581"})
    vocabulary += fmt::format(",\"{}\":{}", token, next++);
  return R"({"model":{"type":"BPE","vocab":{)" + vocabulary +
         R"(},"merges":["b c","a b","\u2581 ab",["\u2581","\u2581"]]}})";
}

std::vector<int> encode(const BpeTokenizer& tokenizer, std::string_view text) {
  std::vector<TokenId> ids;
  tokenizer.encode(text, ids);
  return {ids.begin(), ids.end()};
}

TEST(BpeTokenizer, MergesTheLowestRankFirst) {
  const BpeTokenizer tokenizer(TokenizerTables::from_json(tokenizer_json()), 64);
  EXPECT_EQ(encode(tokenizer, "abc"), (std::vector<int>{259, 260, 264}));  // b c before a b
  EXPECT_EQ(encode(tokenizer, "ab"), (std::vector<int>{265}));
  EXPECT_EQ(encode(tokenizer, "  a"), (std::vector<int>{266, 259, 260}));
  EXPECT_EQ(encode(tokenizer, "\u2581a"), (std::vector<int>{266, 260}));
}

TEST(BpeTokenizer, FallsBackToBytesAndCutsAtLiterals) {
  const BpeTokenizer tokenizer(TokenizerTables::from_json(tokenizer_json()), 64);
  EXPECT_EQ(encode(tokenizer, "\u00e9"), (std::vector<int>{259, 0xC3 + 3, 0xA9 + 3}));
  EXPECT_EQ(encode(tokenizer, "\xFF"), (std::vector<int>{259, 0xFF + 3}));
  EXPECT_EQ(encode(tokenizer, "ab</s>ab<s"), (std::vector<int>{265, 2, 265, '<' + 3, 's' + 3}));
  EXPECT_TRUE(encode(tokenizer, "").empty());
}

TEST(BpeTokenizer, GivesTheSameIdsWithAFullCacheAndManyThreads) {
  const BpeTokenizer tokenizer(TokenizerTables::from_json(tokenizer_json()), 4);
  std::string text;
  for (int i = 0; i < 500; ++i) text += " " + std::string(static_cast<std::size_t>(i % 40), 'a') + "bc";
  const std::vector<int> expected = encode(tokenizer, text);
  std::vector<std::vector<int>> found(4);
  std::vector<std::thread> threads;
  for (auto& ids : found) threads.emplace_back([&] { ids = encode(tokenizer, text); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& ids : found) EXPECT_EQ(ids, expected);
}

TEST(TokenizerTables, ReadsBackItsImageAndRefusesADamagedOne) {
  const TokenizerTables tables = TokenizerTables::from_json(tokenizer_json());
  const crypto::Digest source = crypto::sha256(std::string_view());
  std::vector<std::byte> image = tables.to_image(source);
  ASSERT_TRUE(TokenizerTables::from_image(image, source).has_value());
  EXPECT_FALSE(TokenizerTables::from_image(image, crypto::Digest{}).has_value());
  EXPECT_FALSE(TokenizerTables::from_image(std::span(image).first(image.size() - 1), source).has_value());
  for (std::size_t at = 0; at < image.size(); at += 7) {
    image[at] ^= std::byte{4};
    EXPECT_FALSE(TokenizerTables::from_image(image, source).has_value()) << at;
    image[at] ^= std::byte{4};
  }
}

TEST(TokenizerTables, RefusesWhatIsNotSuchATokenizer) {
  std::string no_byte = tokenizer_json();
  no_byte.replace(no_byte.find("<0x41>"), 6, "<0x4?>");
  std::string unknown_merge = tokenizer_json();
  unknown_merge.replace(unknown_merge.find("b c"), 3, "b d");
  for (const std::string& bad :
       {std::string("{"), std::string("[]"), std::string(R"({"model":{}})"), no_byte, unknown_merge})
    EXPECT_THROW((void)TokenizerTables::from_json(bad), std::runtime_error);
}

}  // namespace
}  // namespace nexus::embed
