#include "modules/rag/remote_llm.h"

#include "base/errors.h"
#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace nexus::rag {
namespace {

using llm::Failure;
using llm::Finish;

/// Says its pieces as long as it is heard, then ends as told.
class ScriptedModel final : public llm::ChatModel {
 public:
  std::vector<std::string> pieces = {"Hello ", "world"};
  llm::Completion completion;
  std::optional<llm::Error> error;
  mutable std::vector<llm::Message> heard;
  mutable std::string tenant;
  mutable std::stop_token stop;

  [[nodiscard]] std::string_view name() const override { return "scripted:one"; }
  llm::Completion complete(const llm::ChatRequest& request, const llm::TextSink& sink) const override {
    heard.assign(request.messages.begin(), request.messages.end());
    tenant = request.tenant;
    stop = request.stop;
    for (const std::string& piece : pieces)
      if (!sink(piece)) return {.usage = {}, .finish = Finish::kStopped};
    if (error) throw llm::Error(*error);
    return completion;
  }
};

struct Desk {
  std::shared_ptr<ScriptedModel> model = std::make_shared<ScriptedModel>();
  observe::Metrics metrics;
  std::string said;

  llm::Completion ask(LlmErrorNames names = LlmErrorNames::kGeneral, std::size_t wanted = 100,
                      const std::stop_token& stop = {}) {
    const RemoteLlm remote(model, names, metrics);
    std::size_t pieces = 0;
    return remote.generate(
        {.messages = {{"system", "Be brief."}, {"user", "Why?"}}, .tenant = "t1"},
        [&](const std::string& delta) {
          said += delta;
          return ++pieces < wanted;
        },
        stop);
  }

  /// "CODE: message" of the failure.
  std::string failure(LlmErrorNames names = LlmErrorNames::kGeneral) {
    try {
      (void)ask(names);
    } catch (const LlmError& e) {
      return std::string(e.kind().code) + ": " + e.what();
    }
    return "none";
  }

  [[nodiscard]] std::uint64_t answers(std::string_view outcome) {
    return metrics.counter("nexusrag_llm_answers_total", {{"outcome", std::string(outcome)}}).value();
  }
  [[nodiscard]] std::uint64_t tokens(std::string_view kind) {
    return metrics.counter("nexusrag_llm_tokens_total", {{"kind", std::string(kind)}}).value();
  }
};

TEST(RemoteLlm, HandsOnTheConversationTheTenantAndTheStopToken) {
  Desk desk;
  const std::stop_source source;
  (void)desk.ask(LlmErrorNames::kGeneral, 100, source.get_token());
  ASSERT_EQ(desk.model->heard.size(), 2U);
  EXPECT_EQ(desk.model->heard[0].role, "system");
  EXPECT_EQ(desk.model->heard[1].content, "Why?");
  EXPECT_EQ(desk.model->tenant, "t1");
  EXPECT_EQ(desk.model->stop, source.get_token());
  EXPECT_EQ(desk.said, "Hello world");
}

TEST(RemoteLlm, TellsAndCountsHowTheAnswerEndedAndWhatItCost) {
  Desk desk;
  desk.model->completion = {.usage = {.input_tokens = 12, .output_tokens = 3}, .finish = Finish::kLength};
  const llm::Completion got = desk.ask();
  EXPECT_EQ(got.finish, Finish::kLength);
  EXPECT_EQ(got.usage.input_tokens, 12);
  EXPECT_EQ(desk.answers("length"), 1U);
  EXPECT_EQ(desk.tokens("input"), 12U);
  EXPECT_EQ(desk.tokens("output"), 3U);
}

TEST(RemoteLlm, StopsWhenTheReaderHasEnough) {
  Desk desk;
  EXPECT_EQ(desk.ask(LlmErrorNames::kGeneral, 1).finish, Finish::kStopped);
  EXPECT_EQ(desk.said, "Hello ");
  EXPECT_EQ(desk.answers("cancelled"), 1U);
}

TEST(RemoteLlm, NamesEveryFailureLlmErrorWithWhatMayHelp) {
  const std::pair<Failure, std::string_view> rows[] = {
      {Failure::kConfig, "Check the model and the address in the settings."},
      {Failure::kAuth, "Check the provider's credentials in the settings."},
      {Failure::kLimited, "Try again later."},
      {Failure::kTimeout, "Try again; raise LLM_DEADLINE_S or LLM_IDLE_TIMEOUT_S when it stays."},
      {Failure::kBlocked, "Ask in other words."},
      {Failure::kInvalid, "Ask a shorter question, or lower RUN_CONTEXT_MAX_TOKENS and RUN_HISTORY_MAX_TOKENS."},
      {Failure::kBroken, "Try again."}};
  for (const auto& [failure, advice] : rows) {
    Desk desk;
    desk.model->error = llm::Error(failure, "scripted:one failed so");
    EXPECT_EQ(desk.failure(), "LLM_ERROR: scripted:one failed so. " + std::string(advice));
    EXPECT_EQ(desk.said, "Hello world") << "what was said before is delivered";
    EXPECT_EQ(desk.answers(llm::to_string(failure)), 1U);
  }
}

TEST(RemoteLlm, VertexKeepsTheContractsCodesAndTexts) {
  const std::pair<Failure, std::string_view> rows[] = {
      {Failure::kConfig, "VERTEX_CONFIG_MISSING: Vertex AI request failed. Check credentials and model access."},
      {Failure::kAuth, "VERTEX_AUTH_ERROR: Vertex auth error: run `gcloud auth application-default login`."},
      {Failure::kLimited, "VERTEX_CONFIG_MISSING: Vertex AI request failed. Check credentials and model access."},
      {Failure::kTimeout, "VERTEX_TIMEOUT: Vertex stream timed out."},
      {Failure::kBlocked, "LLM_ERROR: vertex:g refused the question by its safety rules. Ask in other words."},
      {Failure::kInvalid, "VERTEX_CONFIG_MISSING: Vertex AI request failed. Check credentials and model access."},
      {Failure::kBroken, "VERTEX_CONFIG_MISSING: Vertex AI request failed. Check credentials and model access."}};
  for (const auto& [failure, told] : rows) {
    Desk desk;
    desk.model->error = llm::Error(failure, "vertex:g refused the question by its safety rules");
    EXPECT_EQ(desk.failure(LlmErrorNames::kVertex), told);
  }
}

TEST(RemoteLlm, AnAnswerWithoutAWordIsAFailureThatSaysWhy) {
  const std::pair<Finish, std::string_view> rows[] = {
      {Finish::kStop, "LLM_ERROR: scripted:one gave an empty answer. Try again."},
      {Finish::kUnknown, "LLM_ERROR: scripted:one gave an empty answer. Try again."},
      {Finish::kFiltered, "LLM_ERROR: scripted:one withheld its answer by its safety rules. Ask in other words."},
      {Finish::kLength,
       "LLM_ERROR: scripted:one reached its limit of tokens before its first word. Raise RUN_MAX_OUTPUT_TOKENS: models "
       "that think first need more."},
      {Finish::kStopped, "none"}};
  for (const auto& [finish, told] : rows) {
    Desk desk;
    desk.model->pieces.clear();
    desk.model->completion = {.usage = {.input_tokens = 5, .output_tokens = {}}, .finish = finish};
    EXPECT_EQ(desk.failure(), told);
    EXPECT_EQ(desk.tokens("input"), 5U) << "it was charged for";
  }
}

}  // namespace
}  // namespace nexus::rag
