#include "modules/rag/llm_factory.h"

#include "observe/metrics.h"

#include <gtest/gtest.h>

#include <deque>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nexus::rag {
namespace {

/// Answers each request with the next status; a 2xx with an answer as OpenAI's servers send it.
class Upstream final : public outbound::Client {
 public:
  std::deque<int> statuses;
  std::vector<outbound::Request> requests;

  outbound::Response send(const outbound::Request&) override { throw std::logic_error("models stream"); }
  outbound::Response stream(const outbound::Request& request, const outbound::PieceSink& sink) override {
    requests.push_back(request);
    const int status = statuses.empty() ? 200 : statuses.front();
    if (!statuses.empty()) statuses.pop_front();
    if (status != 200) return {.status = status, .headers = {{"content-type", "application/json"}}, .body = "{}"};
    (void)sink("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    return {.status = 200, .headers = {{"content-type", "text/event-stream"}}};
  }
};

class FixedTokens final : public cloud::google::TokenSource {
 public:
  std::string token(const std::stop_token&) override { return "google-token"; }
  void forget(const std::string&) override {}
};

class FixedKeys final : public cloud::aws::CredentialSource {
 public:
  cloud::aws::Credentials credentials(const std::stop_token&) override {
    return {.access_key_id = "AKID", .secret_access_key = Secret("secret"), .session_token = {}};
  }
};

struct Desk {
  Upstream upstream;
  FixedTokens google;
  FixedKeys aws;
  SystemClock clock;
  observe::Metrics metrics;

  [[nodiscard]] std::unique_ptr<const Llm> make(const LlmChoice& choice) {
    return make_llm(choice, {.client = upstream, .google = google, .aws = aws, .clock = clock, .metrics = metrics});
  }
  [[nodiscard]] std::string name(const LlmChoice& choice) { return std::string(make(choice)->name()); }
  [[nodiscard]] std::vector<std::string> generated(const LlmChoice& choice) {
    std::vector<std::string> out;
    make(choice)->generate({.messages = {{"user", "Why?"}}},
                           [&](std::string delta) {
                             out.push_back(std::move(delta));
                             return true;
                           },
                           {});
    return out;
  }
  /// Code and message of the failure.
  [[nodiscard]] std::pair<std::string, std::string> failure(const LlmChoice& choice) {
    try {
      (void)generated(choice);
    } catch (const LlmError& e) {
      return {std::string(e.kind().code), e.what()};
    }
    return {};
  }
};

using Told = std::pair<std::string, std::string>;
using Words = std::vector<std::string>;

LlmChoice openai() {
  return {.provider = "openai", .openai_key = Secret("sk-1"), .openai_model = "m"};
}

TEST(LlmFactory, TheFakeSaysTheContractsFivePieces) {
  Desk desk;
  EXPECT_EQ(desk.generated({.provider = "fake"}), (Words{"This ", "is ", "a ", "fake ", "response. "}));
  EXPECT_EQ(desk.name({.provider = "fake"}), "fake");
}

TEST(LlmFactory, AnswersFromTheSourcesByDefault) {
  Desk desk;
  EXPECT_EQ(desk.name({}), "extractive");
  EXPECT_EQ(desk.name({.provider = "extractive", .openai_key = Secret("sk-1"), .openai_model = "m"}), "extractive");
}

TEST(LlmFactory, AutoTakesVertexThenOpenAiThenAnthropicByWhatIsConfigured) {
  Desk desk;
  LlmChoice choice{.openai_model = "m", .anthropic_model = "c", .gemini_model = "g"};
  choice.aws_region = "eu-west-1";
  choice.bedrock_model = "n";
  EXPECT_EQ(desk.name(choice), "extractive") << "a region alone does not mean that Bedrock is wanted";
  choice.anthropic_key = Secret("a");
  EXPECT_EQ(desk.name(choice), "anthropic:c");
  choice.openai_key = Secret("o");
  EXPECT_EQ(desk.name(choice), "openai:m");
  choice.google_project = "p";
  EXPECT_EQ(desk.name(choice), "openai:m") << "a project without a location is not enough";
  choice.google_location = "europe-west1";
  EXPECT_EQ(desk.name(choice), "vertex:g");
  choice.provider = "bedrock";
  EXPECT_EQ(desk.name(choice), "bedrock:n");
}

TEST(LlmFactory, NamesTheSettingsThatAreMissing) {
  Desk desk;
  EXPECT_EQ(desk.failure({.provider = "vertex"}),
            Told("VERTEX_CONFIG_MISSING",
                 "Vertex config missing: set GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION, GEMINI_MODEL in .env."));
  EXPECT_EQ(desk.failure({.provider = "vertex", .google_project = "p", .gemini_model = "g"}).second,
            "Vertex config missing: set GOOGLE_CLOUD_LOCATION in .env.");
  EXPECT_EQ(desk.failure({.provider = "openai", .openai_model = "m"}),
            Told("LLM_ERROR", "OpenAI config missing: set OPENAI_API_KEY in .env."));
  EXPECT_EQ(desk.failure({.provider = "anthropic"}).second,
            "Anthropic config missing: set ANTHROPIC_API_KEY, ANTHROPIC_MODEL in .env.");
  EXPECT_EQ(desk.failure({.provider = "bedrock", .bedrock_model = "n"}).second,
            "Bedrock config missing: set AWS_REGION in .env.");
  EXPECT_TRUE(desk.upstream.requests.empty());
}

TEST(LlmFactory, AProviderThatIsNotThereNeverAnswersInDisguise) {
  Desk desk;
  EXPECT_EQ(desk.failure({.provider = "nonsense"}),
            Told("LLM_ERROR", "LLM provider nonsense is not part of this version; set LLM_PROVIDER=extractive."));
  EXPECT_EQ(desk.name({.provider = "nonsense"}), "nonsense");
  EXPECT_EQ(desk.name({.provider = "openai"}), "openai");
}

TEST(LlmFactory, AServerOfOnesOwnNeedsNoKey) {
  Desk desk;
  LlmChoice choice{.provider = "openai", .openai_base_url = "http://127.0.0.1:8080/v1", .openai_model = "m"};
  choice.max_output_tokens = 77;
  EXPECT_EQ(desk.generated(choice), Words{"Hi"});
  ASSERT_EQ(desk.upstream.requests.size(), 1U);
  EXPECT_TRUE(desk.upstream.requests[0].url.starts_with("http://127.0.0.1:8080/v1/"));
  EXPECT_NE(desk.upstream.requests[0].body.find("\"max_tokens\":77"), std::string::npos);
}

TEST(LlmFactory, GivesTheRequestTheConfiguredTimes) {
  Desk desk;
  LlmChoice choice = openai();
  choice.deadline_ms = 5'000;
  choice.idle_ms = 60'000;
  (void)desk.generated(choice);
  EXPECT_EQ(desk.upstream.requests.at(0).deadline_ms, 5'000);
  EXPECT_EQ(desk.upstream.requests.at(0).idle_timeout_ms, 5'000) << "never longer than the whole answer may take";
}

TEST(LlmFactory, TheNextOfAChainAnswersWhenTheFirstFails) {
  Desk desk;
  LlmChoice choice{.provider = "anthropic", .fallback = {"openai", "anthropic"}, .anthropic_key = Secret("a")};
  choice.anthropic_model = "c";
  choice.openai_key = Secret("o");
  choice.openai_model = "m";
  EXPECT_EQ(desk.name(choice), "anthropic:c > openai:m") << "each provider once";
  desk.upstream.statuses = {500};
  EXPECT_EQ(desk.generated(choice), Words{"Hi"});
  EXPECT_EQ(desk.upstream.requests.size(), 2U);
}

TEST(LlmFactory, AChainPassesOverWhoHasNoSettingsAndKeepsTheTextWhenNobodyHas) {
  Desk desk;
  LlmChoice choice = openai();
  choice.fallback = {"vertex"};
  EXPECT_EQ(desk.generated(choice), Words{"Hi"});
  EXPECT_EQ(
      desk.failure({.provider = "vertex", .fallback = {"openai"}, .openai_model = "m", .gemini_model = "g"}),
      Told("VERTEX_CONFIG_MISSING", "Vertex config missing: set GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION in .env."));
}

TEST(LlmFactory, AFallbackThatIsNoneIsSaid) {
  Desk desk;
  LlmChoice choice = openai();
  choice.fallback = {"extractive"};
  EXPECT_EQ(
      desk.failure(choice),
      Told("LLM_ERROR",
           "LLM_FALLBACK names extractive, which it cannot use: list some of openai, anthropic, vertex, bedrock."));
}

TEST(LlmFactory, TheFakeStopsWhenItIsTold) {
  Desk desk;
  int calls = 0;
  const llm::Completion got =
      desk.make({.provider = "fake"})->generate({}, [&](const std::string&) { return ++calls < 3; }, {});
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(got.finish, llm::Finish::kStopped);
}

}  // namespace
}  // namespace nexus::rag
