#include "embed/bert/wordpiece_json.h"

#include "embed/bert/wordpiece_fixture.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace nexus::embed::bert {
namespace {

std::string with(std::string_view from, std::string_view to) {
  std::string json = small_tokenizer_json();
  const std::size_t at = json.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return json.replace(at, from.size(), to);
}

// What the refusal says; empty when there is none.
std::string refusal(std::string_view json) {
  try {
    (void)read_wordpiece_json(json);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

TEST(WordPieceJson, ReadsTheWholeConfiguration) {
  const WordPieceConfig config = read_wordpiece_json(small_tokenizer_json());
  EXPECT_EQ(config.tokens.size(), 29U);
  EXPECT_EQ(config.tokens[9], "abc");
  EXPECT_EQ(config.continuing_prefix, "##");
  EXPECT_EQ(config.max_word_chars, 10U);
  EXPECT_EQ(config.special.pad, 0);
  EXPECT_EQ(config.special.unknown, 1);
  EXPECT_EQ(config.special.cls, 2);
  EXPECT_EQ(config.special.sep, 3);
  EXPECT_TRUE(config.normalizer.clean_text);
  EXPECT_TRUE(config.normalizer.strips_accents());
}

TEST(WordPieceJson, ReadsFlagsAndTheOlderPostProcessor) {
  const WordPieceConfig config = read_wordpiece_json(small_tokenizer_json(
      R"("clean_text":false,"handle_chinese_chars":false,"strip_accents":true,"lowercase":false)"));
  EXPECT_FALSE(config.normalizer.clean_text);
  EXPECT_FALSE(config.normalizer.handle_chinese_chars);
  EXPECT_FALSE(config.normalizer.lowercase);
  EXPECT_TRUE(config.normalizer.strips_accents());
  EXPECT_FALSE(NormalizerFlags{.lowercase = false}.strips_accents());

  std::string older = small_tokenizer_json();
  const std::size_t begin = older.find(R"({"type":"TemplateProcessing")");
  const std::size_t end = older.find(R"(,"model")");
  older.replace(begin, end - begin, R"({"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]})");
  EXPECT_EQ(read_wordpiece_json(older).special.sep, 3);
  EXPECT_EQ(read_wordpiece_json(older).special.cls, 2);
}

TEST(WordPieceJson, TakesThePadTokenFromThePaddingWhenThereIsOne) {
  EXPECT_EQ(read_wordpiece_json(with(R"("padding":null)", R"("padding":{"pad_token":"x","pad_id":27})")).special.pad,
            27);
  EXPECT_NE(refusal(with(R"("padding":null)", R"("padding":{"pad_token":"x","pad_id":26})")), "");
}

TEST(WordPieceJson, RefusesOtherTokenizersWithTheReason) {
  const auto says = [](std::string_view json, std::string_view reason) {
    EXPECT_NE(refusal(json).find(reason), std::string::npos) << refusal(json) << " / " << reason;
  };
  says("", "not a JSON object");
  says("[]", "not a JSON object");
  says(std::string(100'000, '['), "not a JSON object");
  says(small_tokenizer_json().substr(0, 900), "not a JSON object");
  says("{}", "no object \"model\"");
  says(std::string(kMaxTokenizerFile + 1, ' '), "larger than 16 MiB");
  says(with(R"("type":"WordPiece")", R"("type":"Unigram")"), "the model is \"Unigram\"");
  says(with("BertNormalizer", "Sequence"), "the normalizer is \"Sequence\"");
  says(with("BertPreTokenizer", std::string(5000, 'M')), "…");
  says(with("TemplateProcessing", "RobertaProcessing"), "the post-processor is \"RobertaProcessing\"");
  says(with(R"("clean_text":true)", R"("clean_text":1)"), "no flag \"clean_text\"");
  says(with(R"({"id":3,"special":true)", R"({"id":3,"special":false)"), "\"[SEP]\" is not special");
  says(with(R"({"id":3,"special":true)", R"({"id":4,"special":true)"), "\"[SEP]\" has two ids");
  says(with(R"("ids":[2])", R"("ids":[5])"), "\"[CLS]\" has two ids");
  says(with(R"("ids":[2])", R"("ids":[2,2])"), "more than one token");
  says(with(R"({"Sequence":{"id":"A","type_id":0}},)", ""), "the template is not");
  says(with(R"("unk_token":"[UNK]")", R"("unk_token":"<unk>")"), "\"<unk>\" is not in the vocabulary");
}

TEST(WordPieceJson, RefusesAVocabularyThatIsNoNumbering) {
  for (const char* id : {"8", "-1", "29", "1e99", "9.5", "\"9\"", "null", "18446744073709551615"})
    EXPECT_NE(refusal(with(R"("abc":9)", std::string(R"("abc":)") + id)), "") << id;
  EXPECT_NE(refusal(with(R"("abc":9)", R"("abc":9,"abc":10)")), "");
  for (const char* chars : {"0", "1001", "-5", "null", "1e300"})
    EXPECT_NE(refusal(small_tokenizer_json(R"("clean_text":true,"handle_chinese_chars":true,"lowercase":true)", chars)),
              "")
        << chars;
}

}  // namespace
}  // namespace nexus::embed::bert
