#include "modules/rag/extractive_llm.h"

#include "text/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kNothing = "I found nothing in this corpus that answers the question.";

retrieval::Passage source_passage(std::string source, std::string text, double score = 0.5, double dense = 0) {
  retrieval::Passage out;
  out.source = std::move(source);
  out.text = std::move(text);
  out.score = score;
  out.dense = dense;
  return out;
}

std::vector<std::string> deltas_of(std::string_view question, const std::vector<retrieval::Passage>& context) {
  std::vector<std::string> out;
  ExtractiveLlm().generate({.messages = {}, .question = question, .context = context},
                           [&](std::string delta) {
                             out.push_back(std::move(delta));
                             return true;
                           },
                           {});
  return out;
}

std::string answer_of(std::string_view question, const std::vector<retrieval::Passage>& context) {
  std::string out;
  for (const std::string& delta : deltas_of(question, context)) out += delta;
  return out;
}

TEST(Extractive, AnswersWithTheSentenceThatHoldsTheQuestionsWords) {
  EXPECT_EQ(answer_of("Who waters the plants?",
                      {source_passage("a", "The cat sleeps. Gardeners water the plants. It rains.")}),
            "Gardeners water the plants. [1]");
}

TEST(Extractive, CitesEachSentenceByTheNumberOfItsPassage) {
  const std::vector<retrieval::Passage> context{source_passage("a", "Nothing of use here."),
                                                source_passage("b", "The giraffe eats leaves."),
                                                source_passage("c", "The giraffe sleeps standing.")};
  EXPECT_THAT(deltas_of("giraffe", context),
              ElementsAre("The giraffe eats leaves. [2]", "\n\nThe giraffe sleeps standing. [3]"));
}

TEST(Extractive, GroupsSentencesBySourceInTheOrderOfReading) {
  const std::vector<retrieval::Passage> context{source_passage("a", "A giraffe walks. Filler. The giraffe stops."),
                                                source_passage("b", "A giraffe is tall and a giraffe is kind."),
                                                source_passage("a", "The giraffe of page two.")};
  EXPECT_EQ(answer_of("giraffe", context),
            "A giraffe walks. [1] The giraffe stops. [1] The giraffe of page two. [3]\n\n"
            "A giraffe is tall and a giraffe is kind. [2]");
}

TEST(Extractive, PrefersSentencesWithTheRarerWords) {
  const std::vector<retrieval::Passage> context{source_passage(
      "a", "The giraffe eats. The giraffe walks. The giraffe sleeps. The giraffe waits for the zeppelin.")};
  EXPECT_EQ(deltas_of("giraffe zeppelin", context).front(), "The giraffe waits for the zeppelin. [1]");
}

TEST(Extractive, SaysAtMostFiveSentences) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "The giraffe number " + std::to_string(i) + " eats. ";
  EXPECT_EQ(deltas_of("giraffe", {source_passage("a", text)}).size(), ExtractiveLlm::kMostSentences);
}

TEST(Extractive, SaysARepeatedSentenceOnce) {
  EXPECT_EQ(answer_of("giraffe", {source_passage("a", "The giraffe eats."), source_passage("a", "The giraffe eats.")}),
            "The giraffe eats. [1]");
}

TEST(Extractive, SaysPlainlyWhenNothingMatches) {
  EXPECT_EQ(answer_of("zeppelin", {}), kNothing);
  EXPECT_EQ(answer_of("zeppelin", {source_passage("a", "The giraffe eats.", 0.9, 0.34)}), kNothing);
  EXPECT_EQ(answer_of("", {source_passage("a", "The giraffe eats.")}), kNothing);
}

TEST(Extractive, APassageCloseInMeaningAnswersWithItsFirstSentence) {
  const std::vector<retrieval::Passage> context{source_passage("a", "Airships float. They are slow.", 0.9, 0.36)};
  EXPECT_EQ(answer_of("zeppelin", context), "Airships float. [1]");
}

TEST(Extractive, ALongSentenceIsCutAtACharacter) {
  std::string text = "The giraffe ";
  for (int i = 0; i < 400; ++i) text += "ü";
  const std::string answer = answer_of("giraffe", {source_passage("a", text + ".")});
  EXPECT_TRUE(answer.ends_with("… [1]"));
  EXPECT_TRUE(text::is_valid_utf8(answer));
  EXPECT_LT(answer.size(), 620U);
}

TEST(Extractive, LineEndsInsideASentenceBecomeBlanks) {
  const std::string answer = answer_of("giraffe", {source_passage("a", "The giraffe\neats leaves.")});
  EXPECT_EQ(answer.find('\n'), std::string::npos);
}

TEST(Extractive, StopsWhenNobodyListens) {
  const std::vector<retrieval::Passage> context{source_passage("a", "A giraffe. The giraffe. This giraffe.")};
  int calls = 0;
  ExtractiveLlm().generate({.messages = {}, .question = "giraffe", .context = context},
                           [&](const std::string&) { return ++calls < 2; }, {});
  EXPECT_EQ(calls, 2);
  std::stop_source stop;
  stop.request_stop();
  ExtractiveLlm().generate(
      {.messages = {}, .question = "giraffe", .context = context}, [&](const std::string&) { return ++calls > 0; },
      stop.get_token());
  EXPECT_EQ(calls, 2);
}

TEST(Extractive, GivesTheSameAnswerEveryTime) {
  const std::vector<retrieval::Passage> context{source_passage("b", "A giraffe eats. B giraffe eats."),
                                                source_passage("a", "C giraffe eats. D giraffe eats.")};
  const std::string first = answer_of("giraffe eats", context);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(answer_of("giraffe eats", context), first);
}

rc::Gen<std::string> odd_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(
                          std::vector<std::string>{"giraffe", "parrot",    " ",      " ",     ". ",
                                                   "! ",      "\n",        "\n\n",   "Größe", "😀",
                                                   "\xff",    "\xe2\x82",  "3.14",   "e.g.",  "\"quoted.\"",
                                                   "- ",      "| a | b |", "中文。", "?",     std::string(1, '\0'),
                                                   "\t",      "# "})),
                      [](const std::vector<std::string>& parts) {
                        std::string out;
                        for (const std::string& part : parts) out += part;
                        return out;
                      });
}

TEST(ExtractiveProperty, EverySentenceIsAPartOfItsPassage) {
  EXPECT_TRUE(rc::check([] {
    std::vector<retrieval::Passage> context;
    for (const std::string& text : *rc::gen::container<std::vector<std::string>>(odd_text()))
      context.push_back(source_passage("s" + std::to_string(context.size() % 3), text, 0.5, 0.5));
    const std::string question = *odd_text();
    const auto most = *rc::gen::inRange<std::size_t>(0, 6);
    const std::vector<ChosenSentence> chosen = choose_sentences(question, context, most);
    RC_ASSERT(chosen.size() <= std::max<std::size_t>(most, 1));
    for (const ChosenSentence& sentence : chosen) {
      RC_ASSERT(sentence.passage < context.size());
      RC_ASSERT(sentence.begin < sentence.end);
      RC_ASSERT(sentence.end <= context[sentence.passage].text.size());
    }
    const std::string answer = answer_of(question, context);
    RC_ASSERT(text::is_valid_utf8(answer));
    RC_ASSERT(!answer.empty());
  }));
}

TEST(ExtractiveProperty, WhatIsSaidStandsInThePassageThatIsCited) {
  EXPECT_TRUE(rc::check([] {
    std::vector<retrieval::Passage> context;
    for (const std::string& text : *rc::gen::container<std::vector<std::string>>(odd_text()))
      context.push_back(source_passage("s" + std::to_string(context.size() % 3), text::drop_invalid(text)));
    for (std::string delta : deltas_of("giraffe parrot", context)) {
      if (delta == kNothing) continue;
      const std::size_t bracket = delta.rfind(" [");
      RC_ASSERT(bracket != std::string::npos);
      const std::size_t number = std::stoul(delta.substr(bracket + 2));
      RC_ASSERT(number >= 1 && number <= context.size());
      std::string said = std::string(text::trim(delta.substr(0, bracket)));
      std::string source = context[number - 1].text;
      std::replace(source.begin(), source.end(), '\n', ' ');
      RC_ASSERT(source.find(said) != std::string::npos);
    }
  }));
}

}  // namespace
}  // namespace nexus::rag
