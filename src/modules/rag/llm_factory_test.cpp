#include "modules/rag/llm_factory.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::rag {
namespace {

std::vector<std::string> generated(const LlmChoice& choice) {
  std::vector<std::string> out;
  make_llm(choice)->generate({},
                             [&](std::string delta) {
                               out.push_back(std::move(delta));
                               return true;
                             },
                             {});
  return out;
}

std::pair<std::string, std::string> failure_of_choice(const LlmChoice& choice) {
  try {
    (void)generated(choice);
  } catch (const LlmError& e) {
    return {std::string(e.kind().code), e.what()};
  }
  return {};
}

TEST(LlmFactory, TheFakeSaysTheContractsFivePieces) {
  EXPECT_EQ(generated({.provider = "fake"}), (std::vector<std::string>{"This ", "is ", "a ", "fake ", "response. "}));
  EXPECT_EQ(make_llm({.provider = "fake"})->name(), "fake");
}

TEST(LlmFactory, AnswersFromTheSourcesByDefault) {
  EXPECT_EQ(make_llm({})->name(), "extractive");
  EXPECT_EQ(make_llm({.provider = "extractive"})->name(), "extractive");
}

TEST(LlmFactory, VertexNamesTheSettingsThatAreMissing) {
  EXPECT_EQ(failure_of_choice({.provider = "vertex"}),
            (std::pair<std::string, std::string>(
                "VERTEX_CONFIG_MISSING",
                "Vertex config missing: set GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION, GEMINI_MODEL in .env.")));
  EXPECT_EQ(failure_of_choice({.provider = "vertex", .google_project = "p", .gemini_model = "g"}).second,
            "Vertex config missing: set GOOGLE_CLOUD_LOCATION in .env.");
}

TEST(LlmFactory, AProviderThatIsNotThereNeverAnswersInDisguise) {
  for (const LlmChoice& choice :
       {LlmChoice{.provider = "openai"}, LlmChoice{.provider = "nonsense"},
        LlmChoice{.provider = "vertex", .google_project = "p", .google_location = "l", .gemini_model = "g"}}) {
    EXPECT_EQ(failure_of_choice(choice).first, "LLM_ERROR") << choice.provider;
    EXPECT_EQ(make_llm(choice)->name(), choice.provider);
  }
}

TEST(LlmFactory, TheFakeStopsWhenItIsTold) {
  int calls = 0;
  make_llm({.provider = "fake"})->generate({}, [&](const std::string&) { return ++calls < 3; }, {});
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace nexus::rag
