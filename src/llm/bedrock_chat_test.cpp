#include "llm/bedrock_chat.h"

#include "cloud/aws/event_stream.h"
#include "llm/provider_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace nexus::llm {
namespace {

struct ScriptedCredentials final : cloud::aws::CredentialSource {
  std::function<void()> before = [] {};
  cloud::aws::Credentials credentials(const std::stop_token&) override {
    before();
    return {.access_key_id = "AKIDEXAMPLE", .secret_access_key = Secret("SECRET"), .session_token = Secret("SECRET-T")};
  }
};

std::string message(const std::string& kind, const std::string& name, const std::string& payload) {
  const std::string key = kind == "error" ? ":error-code" : ":" + kind + "-type";
  return cloud::aws::encode_event(
      {.headers = {{":message-type", kind}, {key, name}, {":content-type", std::string("application/json")}},
       .payload = payload});
}
std::string event(const std::string& type, const std::string& payload) {
  return message("event", type, payload);
}
std::string delta(const std::string& text) {
  return event("contentBlockDelta", R"({"contentBlockIndex":0,"delta":{"text":")" + text + R"("},"p":"abcd"})");
}
std::string stop(const std::string& reason) {
  return event("messageStop", R"({"p":"ab","stopReason":")" + reason + "\"}");
}
const std::string kUsage =
    event("metadata",
          R"({"metrics":{"latencyMs":399},"usage":{"inputTokens":11,"outputTokens":5,"totalTokens":16},"p":"a"})");
const std::string kHello = event("messageStart", R"({"p":"a","role":"assistant"})") + delta("Hel") + delta("lo!") +
                           event("contentBlockStop", R"({"contentBlockIndex":0})") + stop("end_turn") + kUsage;

Script stream_of(std::string body) {
  return {.headers = {{"content-type", "application/vnd.amazon.eventstream"}}, .body = std::move(body)};
}

struct Bedrock : ::testing::Test {
  ScriptedClient client;
  ScriptedCredentials credentials;
  SteadyClock clock;
  BedrockOptions options{.provider = {.model = "amazon.nova-lite-v1:0"}, .region = "eu-central-1"};
  [[nodiscard]] BedrockChat model() { return BedrockChat(client, credentials, clock, options); }
};

TEST_F(Bedrock, AsksAsTheApiWantsIt) {
  client.scripts = {stream_of(kHello)};
  EXPECT_EQ(ask(model(), {.messages = talk(), .max_output_tokens = 512}).text(), "Hello!");
  const outbound::Request& sent = client.requests.at(0);
  EXPECT_EQ(model().name(), "bedrock:amazon.nova-lite-v1:0");
  EXPECT_EQ(sent.integration, "llm.bedrock");
  EXPECT_EQ(sent.url,
            "https://bedrock-runtime.eu-central-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse-stream");
  EXPECT_EQ(header_of(sent, "Accept"), "application/vnd.amazon.eventstream");
  EXPECT_EQ(header_of(sent, "X-Amz-Date"), "20260217T100000Z");
  EXPECT_EQ(header_of(sent, "X-Amz-Security-Token"), "SECRET-T");
  EXPECT_TRUE(header_of(sent, "Authorization")
                  .starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260217/eu-central-1/bedrock/aws4_request, "));
  EXPECT_EQ(
      sent.body,
      R"({"system":[{"text":"Be brief.\n\nCite \"sources\"."}],)"
      R"("messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"text":"Hello"}]},)"
      R"({"role":"user","content":[{"text":"Why?\né"}]}],"inferenceConfig":{"maxTokens":512}})");
}

TEST_F(Bedrock, ArnsAndOtherAddresses) {
  client.scripts = {stream_of(kHello)};
  options.region = "cn-north-1";
  options.provider.model = "arn:aws-cn:bedrock:cn-north-1:1:inference-profile/x";
  (void)ask(model());
  EXPECT_EQ(client.requests.at(0).url,
            "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/model/"
            "arn%3Aaws-cn%3Abedrock%3Acn-north-1%3A1%3Ainference-profile%2Fx/converse-stream");
  options.provider.base_url = "http://127.0.0.1:9";
  (void)ask(model());
  EXPECT_TRUE(client.requests.at(1).url.starts_with("http://127.0.0.1:9/model/arn"));
}

TEST_F(Bedrock, ReadsAnswersAndTheirEnds) {
  expect_transcripts(client, model(),
                     {
                         {"usual", stream_of(kHello), "Hello!", "stop in=11 out=5"},
                         {"length", stream_of(delta("Hi") + stop("max_tokens")), "Hi", "length"},
                         {"guardrail", stream_of(delta("Hi") + stop("guardrail_intervened") + kUsage), "Hi",
                          "content_filter in=11 out=5"},
                         {"filter", stream_of(delta("Hi") + stop("content_filtered")), "Hi", "content_filter"},
                         {"new reason", stream_of(delta("Hi") + stop("tool_use")), "Hi", "unknown"},
                         {"new events", stream_of(event("new", "{}") + delta("Hi") + stop("end_turn")), "Hi", "stop"},
                         {"thoughts are not told",
                          stream_of(event("contentBlockDelta", R"({"delta":{"reasoningContent":{"text":"hm"}}})") +
                                    delta("Hi") + stop("end_turn")),
                          "Hi", "stop"},
                     });
}

TEST_F(Bedrock, SaysWhatWentWrong) {
  const auto typed = [](int status, const std::string& type) {
    Script script = refusal(status, R"({"message":"SECRET"})");
    script.headers.emplace_back("x-amzn-errortype", type + ":http://internal.amazon.com/SECRET/");
    return script;
  };
  const auto exception = [](const std::string& type) {
    return stream_of(delta("Hi") + message("exception", type, R"({"message":"SECRET"})"));
  };
  std::string damaged = delta("Hi") + stop("end_turn");
  damaged.back() = static_cast<char>(damaged.back() ^ 1);
  options.provider.max_event_bytes = 2000;
  expect_transcripts(client, model(),
                     {
                         {"rights", typed(403, "AccessDeniedException"), "", "auth"},
                         {"old token", typed(403, "ExpiredTokenException"), "", "auth"},
                         {"model", typed(404, "ResourceNotFoundException"), "", "config"},
                         {"request", typed(400, "ValidationException"), "", "invalid"},
                         {"traffic", typed(429, "ThrottlingException"), "", "limited"},
                         {"not ready", typed(429, "ModelNotReadyException"), "", "limited"},
                         {"model's time", typed(408, "ModelTimeoutException"), "", "timeout"},
                         {"model's error", typed(424, "ModelErrorException"), "", "broken"},
                         {"server", typed(500, "InternalServerException"), "", "broken"},
                         {"traffic in the stream", exception("throttlingException"), "Hi", "limited, said some"},
                         {"request in the stream", exception("validationException"), "Hi", "invalid, said some"},
                         {"model in the stream", exception("modelStreamErrorException"), "Hi", "broken, said some"},
                         {"unknown in the stream", exception("SECRET"), "Hi", "broken, said some"},
                         {"error message", stream_of(message("error", "InternalError", "")), "", "broken"},
                         {"damaged", stream_of(damaged), "Hi", "broken, said some"},
                         {"no JSON", stream_of(event("contentBlockDelta", "{")), "", "broken"},
                         {"too long", stream_of(event("contentBlockDelta", std::string(2001, ' '))), "", "broken"},
                         {"no event stream",
                          {.headers = {{"content-type", "text/html"}}, .body = "<html>SECRET SECRET</html>"},
                          "",
                          "broken"},
                         {"no end", stream_of(delta("Hi") + kUsage), "Hi", "broken, said some"},
                     });
}

TEST_F(Bedrock, AnyCutIsHeardAlike) {
  expect_any_cut(client, model(), stream_of(kHello));
}

TEST_F(Bedrock, AnAnswerWithoutItsEndIsBroken) {
  expect_needs_its_end(client, model(), stream_of(kHello), kHello.size() - kUsage.size());
}

TEST_F(Bedrock, ASinkThatHasEnoughEndsIt) {
  client.scripts = {stream_of(kHello)};
  EXPECT_EQ(ask(model(), {.messages = talk()}, 1).end(), "cancelled");
}

TEST_F(Bedrock, WithoutCredentialsNothingIsSent) {
  credentials.before = [] { throw cloud::CredentialsError("set a profile"); };
  const Told told = ask(model());
  EXPECT_EQ(told.end(), "auth");
  EXPECT_STREQ(told.error->what(), "bedrock:amazon.nova-lite-v1:0 has no credentials: set a profile");
  credentials.before = [this] { clock.passed_us += 90'000'000; };
  EXPECT_EQ(ask(model()).end(), "timeout");
  options.region = "";
  EXPECT_EQ(ask(model()).end(), "config");
  options.region = "r";
  options.provider.base_url = "no url";
  credentials.before = [] {};
  EXPECT_EQ(ask(model()).end(), "config");
  EXPECT_TRUE(client.requests.empty());
}

}  // namespace
}  // namespace nexus::llm
