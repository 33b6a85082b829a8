#include "llm/anthropic_chat.h"

#include "llm/provider_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::llm {
namespace {

std::string event(const std::string& type, const std::string& data) {
  return "event: " + type + "\ndata: " + data + "\n\n";
}
std::string delta(const std::string& text) {
  return event("content_block_delta",
               R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" + text + "\"}}");
}
std::string end(const std::string& reason) {
  return event("message_delta", R"({"type":"message_delta","delta":{"stop_reason":")" + reason +
                                    R"(","stop_sequence":null},"usage":{"output_tokens":15}})");
}
const std::string kStart = event(
    "message_start",
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"m","stop_reason":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":2,"cache_read_input_tokens":3,"output_tokens":1}}})");
const std::string kPing = event("ping", R"({"type": "ping"})");
const std::string kHello =
    kStart +
    event("content_block_start",
          R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})") +
    kPing + delta("Hel") + delta("lo!") + event("content_block_stop", R"({"type":"content_block_stop","index":0})") +
    end("end_turn") + event("message_stop", R"({"type":"message_stop"})");

struct Anthropic : ::testing::Test {
  ScriptedClient client;
  AnthropicOptions options{.provider = {.base_url = "https://api.anthropic.com/v1",
                                        .model = "claude",
                                        .api_key = Secret("sk-key"),
                                        .max_output_tokens = 4096}};
  [[nodiscard]] AnthropicChat model() { return AnthropicChat(client, options); }
};

TEST_F(Anthropic, AsksAsTheApiWantsIt) {
  client.scripts = {{.body = kHello}};
  EXPECT_EQ(ask(model()).text(), "Hello!");
  const outbound::Request& sent = client.requests.at(0);
  EXPECT_EQ(sent.integration, "llm.anthropic");
  EXPECT_EQ(sent.url, "https://api.anthropic.com/v1/messages");
  EXPECT_EQ(header_of(sent, "x-api-key"), "sk-key");
  EXPECT_EQ(header_of(sent, "anthropic-version"), "2023-06-01");
  EXPECT_EQ(sent.body, R"({"model":"claude","max_tokens":4096,"system":"Be brief.\n\nCite \"sources\".",)"
                       R"("messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},)"
                       R"({"role":"user","content":"Why?\né"}],"stream":true})");
}

TEST_F(Anthropic, AlwaysAsksWithALimit) {
  client.scripts = {{.body = kHello}};
  options.provider.max_output_tokens = 0;
  const std::vector<Message> question = {{"user", "Hi"}};
  (void)ask(model(), {.messages = question});
  EXPECT_EQ(client.requests.at(0).body,
            R"({"model":"claude","max_tokens":4096,"messages":[{"role":"user","content":"Hi"}],"stream":true})");
}

TEST_F(Anthropic, ReadsAnswersAndTheirEnds) {
  expect_transcripts(
      client, model(),
      {
          {"usual", {.body = kHello}, "Hello!", "stop in=25 out=15"},
          {"length", {.body = kStart + delta("Hi") + end("max_tokens")}, "Hi", "length in=25 out=15"},
          {"sequence", {.body = delta("Hi") + end("stop_sequence")}, "Hi", "stop out=15"},
          {"refusal", {.body = delta("Hi") + end("refusal")}, "Hi", "content_filter out=15"},
          {"new reason", {.body = delta("Hi") + end("pause_turn")}, "Hi", "unknown out=15"},
          {"new events",
           {.body = event("new", R"({"type":"new"})") + delta("Hi") + end("end_turn")},
           "Hi",
           "stop out=15"},
          {"thoughts are not told",
           {.body = event("content_block_delta",
                          R"({"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}})") +
                    delta("Hi") + end("end_turn")},
           "Hi",
           "stop out=15"},
      });
}

TEST_F(Anthropic, SaysWhatWentWrong) {
  const auto in_stream = [](const std::string& type) {
    return Script{.body = kStart +
                          event("error", R"({"type":"error","error":{"type":")" + type + R"(","message":"SECRET"}})")};
  };
  expect_transcripts(
      client, model(),
      {
          {"overloaded", refusal(529, R"({"type":"error","error":{"type":"overloaded_error","message":"SECRET"}})"), "",
           "limited"},
          {"key", refusal(401, R"({"error":{"type":"authentication_error"}})"), "", "auth"},
          {"model", refusal(404, R"({"error":{"type":"not_found_error"}})"), "", "config"},
          {"too long", refusal(400, R"({"error":{"type":"invalid_request_error"}})"), "", "invalid"},
          {"account", refusal(400, R"({"error":{"type":"billing_error"}})"), "", "auth"},
          {"overloaded in the stream", in_stream("overloaded_error"), "", "limited"},
          {"limit in the stream", in_stream("rate_limit_error"), "", "limited"},
          {"time in the stream", in_stream("timeout_error"), "", "timeout"},
          {"server in the stream", in_stream("api_error"), "", "broken"},
          {"unknown in the stream", in_stream("SECRET"), "", "broken"},
          {"an error that says nothing", {.body = event("error", R"({"type":"error"})")}, "", "broken"},
          {"an error later",
           {.body = delta("Hi") + event("error", R"({"type":"error","error":{"type":"overloaded_error"}})")},
           "Hi",
           "limited, said some"},
          {"no JSON", {.body = delta("Hi") + event("content_block_delta", "{")}, "Hi", "broken, said some"},
          {"pings without end", {.body = kStart + kPing + kPing, .fault = outbound::Fault::kTimeout}, "", "timeout"},
          {"no end", {.body = kStart + delta("Hi")}, "Hi", "broken, said some"},
      });
}

TEST_F(Anthropic, AnyCutIsHeardAlike) {
  expect_any_cut(client, model(), {.body = kHello});
}

TEST_F(Anthropic, AnAnswerWithoutItsEndIsBroken) {
  const std::string reason = end("end_turn");
  expect_needs_its_end(client, model(), {.body = kHello}, kHello.find(reason) + reason.size());
}

TEST_F(Anthropic, WithoutAKeyNothingIsSent) {
  options.provider.api_key = Secret();
  EXPECT_EQ(ask(model()).end(), "auth");
  EXPECT_TRUE(client.requests.empty());
}

}  // namespace
}  // namespace nexus::llm
