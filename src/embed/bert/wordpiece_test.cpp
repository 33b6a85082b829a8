#include "embed/bert/wordpiece.h"

#include "embed/bert/wordpiece_fixture.h"
#include "embed/bert/wordpiece_json.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

namespace nexus::embed::bert {
namespace {

using Ids = std::vector<std::int32_t>;
constexpr std::size_t kAll = std::size_t{1} << 20U;

Ids tokenize(const WordPiece& tokenizer, std::string_view text, std::size_t max_tokens = kAll) {
  WordPiece::Scratch scratch;
  Ids ids;
  tokenizer.tokenize(text, max_tokens, scratch, ids);
  return ids;
}

const WordPiece& small() {
  static const WordPiece tokenizer(read_wordpiece_json(small_tokenizer_json()));
  return tokenizer;
}

// The ids of a text under other flags, without [CLS] and [SEP].
Ids with_flags(const NormalizerFlags& flags, std::string_view text) {
  WordPieceConfig config = read_wordpiece_json(small_tokenizer_json());
  config.normalizer = flags;
  Ids ids = tokenize(WordPiece(config), text);
  return {ids.begin() + 1, ids.end() - 1};
}

TEST(WordPiece, SpellsAWordByTheLongestPieces) {
  EXPECT_EQ(tokenize(small(), "abc"), (Ids{2, 9, 3}));
  EXPECT_EQ(tokenize(small(), "abcd"), (Ids{2, 1, 3}));  // "abc" is longest, "##d" is missing: no second try
  EXPECT_EQ(tokenize(small(), "abb"), (Ids{2, 8, 6, 3}));
  EXPECT_EQ(tokenize(small(), "unaffable"), (Ids{2, 11, 12, 13, 3}));
  EXPECT_EQ(tokenize(small(), "unaffably b"), (Ids{2, 1, 5, 3}));  // one piece missing: all of the word is unknown
}

TEST(WordPiece, GivesOnlyTheFrameForNothing) {
  for (const std::string_view text : {"", " \t\r\n", "\u200d\u00ad\u0301", "\u3000\u2028"})
    EXPECT_EQ(tokenize(small(), text), (Ids{2, 3})) << text;
}

TEST(WordPiece, NormalisesBeforeItCuts) {
  EXPECT_EQ(tokenize(small(), "CAF\u00c9 cafe\u0301 c\u00adafe"), (Ids{2, 14, 14, 14, 3}));
  EXPECT_EQ(tokenize(small(), "a\u6f22b"), (Ids{2, 4, 20, 5, 3}));
  EXPECT_EQ(tokenize(small(), "\uac00"), (Ids{2, 24, 25, 3}));           // Hangul falls apart into letters
  EXPECT_EQ(tokenize(small(), "a\u2260b!"), (Ids{2, 4, 26, 5, 15, 3}));  // loses its stroke and is a sign of its own
  EXPECT_EQ(tokenize(small(), std::string_view("a\0b\x0b!", 5)), (Ids{2, 8, 15, 3}));
}

TEST(WordPiece, TakesSpecialTokensInTextForText) {
  EXPECT_EQ(tokenize(small(), "[CLS]"), (Ids{2, 16, 18, 17, 3}));
}

TEST(WordPiece, CountsIllFormedBytesAsTheReplacementCharacter) {
  for (const std::string_view bad : {"a\xFF"
                                     "b",
                                     "a\xC0\x80"
                                     "b",
                                     "a\xED\xA0\x80"
                                     "b",
                                     "a\xF0\x90\x80"
                                     "b",
                                     "ab\xE2\x82"})
    EXPECT_EQ(tokenize(small(), bad), (Ids{2, 8, 3}));
}

TEST(WordPiece, MakesOneUnknownOfALongWordHoweverLong) {
  EXPECT_EQ(tokenize(small(), std::string(10, 'x')), (Ids{2, 27, 28, 28, 28, 28, 28, 28, 28, 28, 28, 3}));
  EXPECT_EQ(tokenize(small(), std::string(11, 'x') + " a"), (Ids{2, 1, 4, 3}));
  EXPECT_EQ(tokenize(small(), std::string(3'000'000, 'x') + "\u00e9\u302f\U0001D15E a"), (Ids{2, 1, 4, 3}));
  std::string accented;
  for (int i = 0; i < 10; ++i) accented += "x\u0301\u0323";
  EXPECT_EQ(tokenize(small(), accented).size(), 12U);  // what is dropped does not count
}

TEST(WordPiece, StopsAtTheLargestNumberOfTokens) {
  EXPECT_EQ(tokenize(small(), "a b abb a", 6), (Ids{2, 4, 5, 8, 6, 3}));
  EXPECT_EQ(tokenize(small(), "a b abb a", 5), (Ids{2, 4, 5, 8, 3}));
  EXPECT_EQ(tokenize(small(), "a b abb a", 2), (Ids{2, 3}));
  EXPECT_THROW((void)tokenize(small(), "a", 1), std::invalid_argument);
}

TEST(WordPiece, ObeysEachFlag) {
  const NormalizerFlags cased{
      .clean_text = true, .handle_chinese_chars = true, .lowercase = false, .strip_accents = {}};
  EXPECT_EQ(with_flags(cased, "Abc caf\u00e9 \u6f22\u6f22"), (Ids{21, 22, 20, 20}));
  const NormalizerFlags accented{
      .clean_text = true, .handle_chinese_chars = true, .lowercase = true, .strip_accents = false};
  EXPECT_EQ(with_flags(accented, "CAF\u00c9 \u0130"), (Ids{22, 23}));
  const NormalizerFlags raw{.clean_text = false, .handle_chinese_chars = false, .lowercase = true, .strip_accents = {}};
  EXPECT_EQ(with_flags(raw,
                       "a\x0b"
                       "b a\x01 \u6f22\u6f22"),
            (Ids{4, 5, 1, 1}));
}

// Marks of other classes than 0 that are letters' parts and stay: they change places as canonical order wants.
TEST(WordPiece, PutsMarksInCanonicalOrder) {
  WordPieceConfig config = read_wordpiece_json(small_tokenizer_json());
  config.tokens.emplace_back("a\u1baa\u302e");          // classes 9 and 224; id 29
  config.tokens.emplace_back("\U0001D157\U0001D165b");  // id 30
  const WordPiece tokenizer(config);
  EXPECT_EQ(tokenize(tokenizer, "a\u302e\u1baa"), (Ids{2, 29, 3}));
  EXPECT_EQ(tokenize(tokenizer, "a\u302e\u0301\u1baa"), (Ids{2, 29, 3}));
  EXPECT_EQ(tokenize(tokenizer, "a\u302e\u0941\u1baa"), (Ids{2, 1, 3}));  // dropped, yet a starter stands between them
  EXPECT_EQ(tokenize(tokenizer, "\U0001D15Eb"), (Ids{2, 30, 3}));
}

TEST(WordPiece, GivesEveryThreadTheSame) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += i % 3 == 0 ? "unaffable \u6f22" : "caf\u00e9 abb!";
  const Ids expected = tokenize(small(), text);
  std::vector<Ids> found(4);
  std::vector<std::thread> threads;
  for (Ids& ids : found) threads.emplace_back([&ids, &text] { ids = tokenize(small(), text); });
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : found) EXPECT_EQ(ids, expected);
}

TEST(WordPiece, KeepsItsBuffersBetweenCalls) {
  WordPiece::Scratch scratch;
  Ids ids;
  small().tokenize("unaffable abb ! caf\u00e9", kAll, scratch, ids);
  const std::int32_t* const where = ids.data();
  small().tokenize("a", kAll, scratch, ids);
  EXPECT_EQ(ids, (Ids{2, 4, 3}));
  EXPECT_EQ(ids.data(), where);
}

TEST(WordPiece, RefusesAConfigurationThatPointsOutsideItself) {
  WordPieceConfig config = read_wordpiece_json(small_tokenizer_json());
  config.special.sep = static_cast<std::int32_t>(config.tokens.size());
  EXPECT_THROW(WordPiece{config}, std::invalid_argument);
  config = read_wordpiece_json(small_tokenizer_json());
  config.max_word_chars = kMaxWordChars + 1;
  EXPECT_THROW(WordPiece{config}, std::invalid_argument);
}

TEST(TokenTable, FindsEveryTokenAndNothingElse) {
  std::vector<std::string> words;
  for (int i = 0; i < 5000; ++i)
    words.push_back(std::string(static_cast<std::size_t>(i % 23), 'w') + std::to_string(i));
  std::vector<TokenTable::Token> tokens;
  for (const std::string& word : words) tokens.push_back({word, static_cast<std::int32_t>(tokens.size())});
  const TokenTable table(tokens);
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string padded = words[i] + std::string(TokenTable::kPadding, '\x7F');
    EXPECT_EQ(table.find(padded.data(), words[i].size()), static_cast<std::int32_t>(i));
    padded[words[i].size() - 1] = '-';
    EXPECT_EQ(table.find(padded.data(), words[i].size()), TokenTable::kNone);
  }
  EXPECT_EQ(table.longest('w'), 22U + 4U);
  EXPECT_EQ(table.longest('x'), 0U);
}

struct Expected {
  std::string_view text;
  Ids ids;
};

// What the `tokenizers` library 0.23 gives for all-MiniLM-L6-v2 with special tokens in text switched off.
const std::vector<Expected>& library_ids() {
  static const std::vector<Expected> table{
      {"", {101, 102}},
      {"The quick brown fox jumps over 13 lazy dogs.",
       {101, 1996, 4248, 2829, 4419, 14523, 2058, 2410, 13971, 6077, 1012, 102}},
      {"Which clauses need a refund > 10%?", {101, 2029, 24059, 2342, 1037, 25416, 8630, 1028, 2184, 1003, 1029, 102}},
      {"Caf\u00e9 na\u00efve R\u00c9SUM\u00c9 \u00c5ngstr\u00f6m", {101, 7668, 15743, 13746, 17076, 15687, 102}},
      {"unaffable embeddings tokenization", {101, 14477, 20961, 3468, 7861, 8270, 4667, 2015, 19204, 3989, 102}},
      {"don't e-mail: a@b.c", {101, 2123, 1005, 1056, 1041, 1011, 5653, 1024, 1037, 1030, 1038, 1012, 1039, 102}},
      {"\u6771\u4eac\u30bf\u30ef\u30fc \u6f22\u5b57", {101, 1879, 1755, 1709, 30262, 30265, 1904, 100, 102}},
      {"\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8",
       {101, 1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, 1467, 30009, 30020, 29997, 30017, 30003, 30017,
        102}},
      {"\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645",
       {101, 1270, 23673, 29824, 23673, 25573, 22192, 1288, 23673, 14498, 29835, 22192, 102}},
      {"\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
       {101, 1194, 16856, 10325, 25529, 15290, 22919, 1010, 1191, 10325, 16856, 999, 102}},
      {"\u0130stanbul \u1e9e \u00df", {101, 9960, 1096, 1096, 102}},
      {"\u2260 \u037e \u2026", {101, 1027, 1025, 1529, 102}},
      {"[CLS] [MASK] [unk]", {101, 1031, 18856, 2015, 1033, 1031, 7308, 1033, 1031, 4895, 2243, 1033, 102}},
      {"\U0001F600 ok", {101, 100, 7929, 102}},
      {"\u302f\U0001D165", {101, 100, 102}},
  };
  return table;
}

TEST(WordPieceWithTheRealVocabulary, GivesTheIdsOfTheLibrary) {
  namespace fs = std::filesystem;
  const char* const folder = std::getenv("MODELS_DIR");
  const fs::path models = folder != nullptr && *folder != '\0'
                              ? fs::path(folder)
                              : fs::path(__FILE__).parent_path() / ".." / ".." / ".." / "var" / "models";
  std::ifstream file(models / "all-MiniLM-L6-v2" / "tokenizer.json", std::ios::binary);
  if (!file) GTEST_SKIP() << "no all-MiniLM-L6-v2/tokenizer.json in " << models;
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  const WordPiece tokenizer(read_wordpiece_json(json));
  EXPECT_EQ(tokenizer.vocabulary_size(), 30522U);
  for (const auto& [text, ids] : library_ids()) EXPECT_EQ(tokenize(tokenizer, text), ids) << text;
  EXPECT_EQ(tokenize(tokenizer, std::string(100, 'x')).size(), 52U);
  EXPECT_EQ(tokenize(tokenizer, std::string(101, 'x')), (Ids{101, 100, 102}));
}

}  // namespace
}  // namespace nexus::embed::bert
