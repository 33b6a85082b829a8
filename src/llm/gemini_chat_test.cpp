#include "llm/gemini_chat.h"

#include "llm/provider_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace nexus::llm {
namespace {

struct ScriptedTokens final : cloud::google::TokenSource {
  int fetched = 0;
  std::vector<std::string> forgotten;
  std::function<void()> before = [] {};
  std::string payer;

  std::string token(const std::stop_token&) override {
    before();
    return "SECRET-" + std::to_string(++fetched);
  }
  void forget(const std::string& token) override { forgotten.push_back(token); }
  [[nodiscard]] std::string quota_project() const override { return payer; }
};

std::string chunk(const std::string& json) {
  return "data: " + json + "\r\n\r\n";
}
std::string candidate(const std::string& text, const std::string& more = "") {
  return chunk(R"({"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":")" + text + "\"}]}" + more +
               "}]}");
}
const std::string kHello =
    chunk(
        R"({"candidates":[{"content":{"role":"model","parts":[{"text":"Hel"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"},"modelVersion":"m"})") +
    chunk(
        R"({"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"lo"},{"text":"!"}]}}]})") +
    chunk(
        R"({"candidates":[{"content":{"role":"model","parts":[{"text":" Bye."}]},"finishReason":"STOP","avgLogprobs":-0.1}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":4,"thoughtsTokenCount":6,"totalTokenCount":19}})");

struct Gemini : ::testing::Test {
  ScriptedClient client;
  ScriptedTokens tokens;
  SteadyClock clock;
  GeminiOptions options{
      .provider = {.model = "gemini-2.0-flash-001"}, .project = "my-project", .location = "europe-west4"};
  [[nodiscard]] GeminiChat model() { return GeminiChat(client, tokens, clock, options); }
};

TEST_F(Gemini, AsksAsTheApiWantsIt) {
  client.scripts = {{.body = kHello}};
  EXPECT_EQ(ask(model(), {.messages = talk(), .max_output_tokens = 512}).text(), "Hello! Bye.");
  const outbound::Request& sent = client.requests.at(0);
  EXPECT_EQ(model().name(), "vertex:gemini-2.0-flash-001");
  EXPECT_EQ(sent.integration, "llm.vertex");
  EXPECT_EQ(sent.url,
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/my-project/locations/europe-west4/"
            "publishers/google/models/gemini-2.0-flash-001:streamGenerateContent?alt=sse");
  EXPECT_EQ(header_of(sent, "Authorization"), "Bearer SECRET-1");
  EXPECT_EQ(sent.body,
            R"({"systemInstruction":{"parts":[{"text":"Be brief.\n\nCite \"sources\"."}]},)"
            R"("contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Hello"}]},)"
            R"({"role":"user","parts":[{"text":"Why?\né"}]}],"generationConfig":{"maxOutputTokens":512}})");
}

TEST_F(Gemini, AddressesFollowTheLocationUnlessOneIsGiven) {
  client.scripts = {{.body = kHello}};
  options.location = "global";
  options.project = "example.com:p/../q";
  (void)ask(model());
  EXPECT_EQ(client.requests.at(0).url.substr(0, 91),
            "https://aiplatform.googleapis.com/v1/projects/example.com%3Ap%2F..%2Fq/locations/global/pub");
  options.provider.base_url = "http://127.0.0.1:9/v1";
  (void)ask(model());
  EXPECT_TRUE(client.requests.at(1).url.starts_with("http://127.0.0.1:9/v1/projects/"));
}

TEST_F(Gemini, ReadsAnswersAndTheirEnds) {
  const auto ends_with = [](const std::string& reason) {
    return Script{.body = candidate("Hi", R"(,"finishReason":")" + reason + "\"")};
  };
  expect_transcripts(client, model(),
                     {
                         {"usual", {.body = kHello}, "Hello! Bye.", "stop in=9 out=10"},
                         {"length", ends_with("MAX_TOKENS"), "Hi", "length"},
                         {"safety", ends_with("SAFETY"), "Hi", "content_filter"},
                         {"recitation", ends_with("RECITATION"), "Hi", "content_filter"},
                         {"personal data", ends_with("SPII"), "Hi", "content_filter"},
                         {"other", ends_with("OTHER"), "Hi", "unknown"},
                         {"a filter that leaves nothing",
                          {.body = chunk(R"({"candidates":[{"finishReason":"SAFETY"}]})")},
                          "",
                          "content_filter"},
                     });
}

TEST_F(Gemini, SaysWhatWentWrong) {
  const auto error = [](int code, const std::string& status) {
    return R"({"error":{"code":)" + std::to_string(code) + R"(,"message":"SECRET","status":")" + status + "\"}}";
  };
  expect_transcripts(
      client, model(),
      {
          {"blocked question",
           {.body = chunk(R"({"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4}})")},
           "",
           "blocked"},
          {"rights", refusal(403, error(403, "PERMISSION_DENIED")), "", "auth"},
          {"model", refusal(404, error(404, "NOT_FOUND")), "", "config"},
          {"traffic, as an array", refusal(429, "[" + error(429, "RESOURCE_EXHAUSTED") + "]"), "", "limited"},
          {"request", refusal(400, error(400, "INVALID_ARGUMENT")), "", "invalid"},
          {"setting", refusal(400, error(400, "FAILED_PRECONDITION")), "", "config"},
          {"server", refusal(500, error(500, "INTERNAL")), "", "broken"},
          {"traffic in the stream", {.body = chunk(error(429, "RESOURCE_EXHAUSTED"))}, "", "limited"},
          {"server in the stream",
           {.body = candidate("Hi") + chunk(error(503, "UNAVAILABLE"))},
           "Hi",
           "broken, said some"},
          {"no end", {.body = candidate("Hi")}, "Hi", "broken, said some"},
          {"one array instead of events",
           {.headers = {{"content-type", "application/json"}}, .body = "[{\"candidates\":[]}]"},
           "",
           "broken"},
      });
}

TEST_F(Gemini, AnyCutIsHeardAlike) {
  expect_any_cut(client, model(), {.body = kHello});
}

TEST_F(Gemini, AnAnswerWithoutItsEndIsBroken) {
  // The event ends with the first of its last two line ends; the line feed of the second may be missing.
  expect_needs_its_end(client, model(), {.body = kHello}, kHello.size() - 1);
}

TEST_F(Gemini, NamesTheProjectThatPaysWhenTheCredentialsDo) {
  client.scripts = {{.body = kHello}, {.body = kHello}};
  (void)ask(model());
  tokens.payer = "billing-project";
  (void)ask(model());
  EXPECT_EQ(header_of(client.requests.at(0), "x-goog-user-project"), "-");
  EXPECT_EQ(header_of(client.requests.at(1), "x-goog-user-project"), "billing-project");
}

TEST_F(Gemini, ARefusedTokenIsForgottenAndTheCallMadeOnceMore) {
  client.scripts = {refusal(401), {.body = kHello}};
  EXPECT_EQ(ask(model()).end(), "stop in=9 out=10");
  EXPECT_EQ(tokens.forgotten, std::vector<std::string>{"SECRET-1"});
  ASSERT_EQ(client.requests.size(), 2U);
  EXPECT_EQ(header_of(client.requests[1], "Authorization"), "Bearer SECRET-2");

  client.scripts = {refusal(401)};
  client.requests.clear();
  EXPECT_EQ(ask(model()).end(), "auth");
  EXPECT_EQ(client.requests.size(), 2U);
  EXPECT_EQ(tokens.forgotten.size(), 3U);
}

TEST_F(Gemini, TheTimeForATokenCounts) {
  tokens.before = [this] { clock.passed_us += 30'000'000; };
  client.scripts = {refusal(401), {.body = kHello}};
  EXPECT_EQ(ask(model()).end(), "stop in=9 out=10");
  EXPECT_EQ(client.requests[0].deadline_ms, 60'000);
  EXPECT_EQ(client.requests[1].deadline_ms, 30'000);
  client.requests.clear();
  EXPECT_EQ(ask(model(), {.messages = talk(), .deadline_ms = 30'000}).end(), "timeout");
  EXPECT_TRUE(client.requests.empty());
}

TEST_F(Gemini, WithoutATokenNothingIsSent) {
  tokens.before = [] { throw cloud::CredentialsError("set a file"); };
  const Told told = ask(model());
  EXPECT_EQ(told.end(), "auth");
  EXPECT_STREQ(told.error->what(), "vertex:gemini-2.0-flash-001 has no credentials: set a file");

  std::stop_source stop;
  tokens.before = [&] {
    stop.request_stop();
    throw outbound::Error(outbound::Fault::kCancelled, "stopped");
  };
  EXPECT_EQ(ask(model(), {.messages = talk(), .stop = stop.get_token()}).end(), "cancelled");
  EXPECT_TRUE(client.requests.empty());
}

TEST_F(Gemini, MissingSettingsAreNamed) {
  options.project = "";
  EXPECT_EQ(ask(model()).end(), "config");
  options.project = "p";
  options.location = "";
  EXPECT_EQ(ask(model()).end(), "config");
  EXPECT_EQ(tokens.fetched, 0);
}

}  // namespace
}  // namespace nexus::llm
