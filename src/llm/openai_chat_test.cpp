#include "llm/openai_chat.h"

#include "llm/provider_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::llm {
namespace {

/// As api.openai.com streams; the lines are shortened where nothing is read.
const std::string kHello =
    R"(data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"lo \ud83d\ude00é"},"finish_reason":null}],"usage":null})"
    "\n\n"
    R"(data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null})"
    "\n\n"
    R"(data: {"id":"c","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}})"
    "\n\n"
    "data: [DONE]\n\n";
const std::string kText = "Hello \xF0\x9F\x98\x80\xC3\xA9";

std::string ending(const std::string& reason) {
  return R"(data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":)" + reason + "}]}\n\n";
}

struct OpenAi : ::testing::Test {
  ScriptedClient client;
  OpenAiOptions options{
      .provider = {.base_url = "https://api.openai.com/v1/", .model = "gpt-4o-mini", .api_key = Secret("sk-key")}};
  [[nodiscard]] OpenAiChat model() { return OpenAiChat(client, options); }
};

TEST_F(OpenAi, AsksAsTheApiWantsIt) {
  client.scripts = {{.body = kHello}};
  options.provider.max_output_tokens = 512;
  const Told told = ask(model(), {.messages = talk(), .tenant = "t-1"});
  EXPECT_EQ(told.end(), "stop in=12 out=3");
  const outbound::Request& sent = client.requests.at(0);
  EXPECT_EQ(sent.method, "POST");
  EXPECT_EQ(sent.integration, "llm.openai");
  EXPECT_EQ(sent.url, "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(header_of(sent, "Authorization"), "Bearer sk-key");
  EXPECT_EQ(header_of(sent, "Content-Type"), "application/json");
  EXPECT_EQ(header_of(sent, "Accept"), "text/event-stream");
  EXPECT_EQ(sent.timeout_ms, 30'000);
  EXPECT_EQ(sent.idle_timeout_ms, 30'000);
  EXPECT_EQ(sent.deadline_ms, 90'000);
  EXPECT_EQ(sent.tenant, "t-1");
  EXPECT_FALSE(sent.idempotent);
  EXPECT_EQ(sent.body, R"({"model":"gpt-4o-mini","messages":[{"role":"system","content":"Be brief."},)"
                       R"({"role":"system","content":"Cite \"sources\"."},{"role":"user","content":"Hi"},)"
                       R"({"role":"assistant","content":"Hello"},{"role":"user","content":"Why?\né"}],)"
                       R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":512})");
}

TEST_F(OpenAi, OtherServersAreToldWhatTheyUnderstand) {
  client.scripts = {{.body = kHello}};
  options.provider.base_url = "http://127.0.0.1:11434/v1";
  options.provider.api_key = Secret();
  options.include_usage = false;
  options.limit_field = "max_tokens";
  options.label = "ollama";
  const std::vector<Message> question = {{"user", "Hi"}};
  (void)ask(model(), {.messages = question, .max_output_tokens = 7, .deadline_ms = 1234});
  const outbound::Request& sent = client.requests.at(0);
  EXPECT_EQ(model().name(), "ollama:gpt-4o-mini");
  EXPECT_EQ(sent.url, "http://127.0.0.1:11434/v1/chat/completions");
  EXPECT_EQ(header_of(sent, "Authorization"), "-");
  EXPECT_EQ(sent.deadline_ms, 1234);
  EXPECT_EQ(sent.body,
            R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hi"}],"stream":true,"max_tokens":7})");
}

TEST_F(OpenAi, ReadsAnswersAndTheirEnds) {
  const std::string usage = R"(data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}})"
                            "\n\n";
  expect_transcripts(
      client, model(),
      {
          {"usual", {.body = kHello}, kText, "stop in=12 out=3"},
          {"length", {.body = ending(R"("length")") + usage}, "Hi", "length in=1 out=2"},
          {"filter", {.body = ending(R"("content_filter")") + "data: [DONE]\n\n"}, "Hi", "content_filter"},
          {"new reason", {.body = ending(R"("tool_calls")")}, "Hi", "unknown"},
          {"no reason but an end", {.body = ending("null") + "data: [DONE]\n\n"}, "Hi", "unknown"},
          {"a refusal is an answer",
           {.body = R"(data: {"choices":[{"delta":{"content":null,"refusal":"No."},"finish_reason":"stop"}]})"
                    "\n\n"},
           "No.",
           "stop"},
          {"comments of a proxy", {.body = ": PROCESSING\n\n: PROCESSING\n\n" + ending(R"("stop")")}, "Hi", "stop"},
          {"usage in the last chunk",
           {.body =
                R"(data: {"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":0}})"
                "\n\n"},
           "",
           "stop in=4 out=0"},
          {"thoughts are not told",
           {.body = R"(data: {"choices":[{"delta":{"reasoning_content":"hm"}}]})"
                    "\n\n" +
                    ending(R"("stop")")},
           "Hi",
           "stop"},
          {"an event behind the end that is none",
           {.body = ending(R"("stop")") + "data: {\"error\":\"late\"}\n\ndata: \n\n"},
           "Hi",
           "stop"},
          {"a count that nobody can have spent",
           {.body = ending(R"("stop")") +
                    R"(data: {"choices":[],"usage":{"prompt_tokens":9223372036854775807,"completion_tokens":2}})"
                    "\n\n"},
           "Hi",
           "stop out=2"},
          {"a connection that breaks behind the end",
           {.body = ending(R"("stop")"), .fault = outbound::Fault::kNetwork},
           "Hi",
           "stop"},
      });
}

TEST_F(OpenAi, SaysWhatWentWrongAndRepeatsNothing) {
  const std::string half = ending("null");
  const auto in_stream = [&](const std::string& error) {
    return Script{.body = half + "data: {\"error\":" + error + "}\n\n"};
  };
  options.provider.max_event_bytes = 2000;
  expect_transcripts(
      client, model(),
      {
          {"an error as a text",
           {.body = half + "data: {\"error\":\"SECRET\"}\n\ndata: [DONE]\n\n"},
           "Hi",
           "broken, said some"},
          {"an end by error", {.body = ending(R"("error")") + "data: [DONE]\n\n"}, "Hi", "broken, said some"},
          {"key", refusal(401, R"({"error":{"message":"Incorrect API key: SECRET","code":"invalid_api_key"}})"), "",
           "auth"},
          {"region", refusal(403), "", "auth"},
          {"account", refusal(402), "", "auth"},
          {"model", refusal(404, R"({"error":{"message":"SECRET","code":"model_not_found"}})"), "", "config"},
          {"moved", refusal(301, "SECRET"), "", "config"},
          {"traffic", refusal(429, R"({"error":{"code":"insufficient_quota"}})"), "", "limited"},
          {"too long", refusal(400, R"({"error":{"code":"context_length_exceeded","type":"invalid_request_error"}})"),
           "", "invalid"},
          {"filter of Azure", refusal(400, R"({"error":{"code":"content_filter"}})"), "", "blocked"},
          {"large", refusal(413), "", "invalid"},
          {"unprocessable", refusal(422, "[]"), "", "invalid"},
          {"gateway's time", refusal(504, "<html>SECRET</html>"), "", "timeout"},
          {"request's time", refusal(408, ""), "", "timeout"},
          {"server", refusal(500, R"({"error":null})"), "", "broken"},
          {"unavailable", refusal(503, std::string(100'000, '[')), "", "broken"},
          {"error in the stream", in_stream(R"({"message":"SECRET","code":"server_error"})"), "Hi",
           "broken, said some"},
          {"limit in the stream", in_stream(R"({"message":"SECRET","code":429})"), "Hi", "limited, said some"},
          {"unknown error in the stream", in_stream(R"({"code":"SECRET"})"), "Hi", "broken, said some"},
          {"filter at once",
           {.body = R"(data: {"error":{"code":"content_filter"}})"
                    "\n\n"},
           "",
           "blocked"},
          {"no JSON", {.body = half + "data: {\"choices\":[SECRET\n\n"}, "Hi", "broken, said some"},
          {"no object", {.body = half + "data: [\"SECRET\"]\n\n"}, "Hi", "broken, said some"},
          {"no UTF-8", {.body = "data: {\"a\":\"\xFF\"}\n\n"}, "", "broken"},
          {"too deep", {.body = "data: " + std::string(100, '[') + std::string(100, ']') + "\n\n"}, "", "broken"},
          {"no stream",
           {.headers = {{"content-type", "application/json"}},
            .body = R"({"choices":[{"message":{"content":"SECRET"}}]})"},
           "",
           "broken"},
          {"a page", {.headers = {{"content-type", "text/html"}}, .body = "<html>\n\ndata\n</html>\n\n"}, "", "broken"},
          {"nothing", {.body = ""}, "", "broken"},
          {"endless line", {.body = std::string(2001, 'x')}, "", "broken"},
          {"endless event",
           {.body = "data: " + std::string(1500, 'x') + "\ndata: " + std::string(600, 'x')},
           "",
           "broken"},
          {"no answer in time", {.fault = outbound::Fault::kTimeout}, "", "timeout"},
          {"silence", {.body = half, .fault = outbound::Fault::kTimeout}, "Hi", "timeout, said some"},
          {"reset in mid-stream", {.body = half, .fault = outbound::Fault::kNetwork}, "Hi", "broken, said some"},
          {"endless body", {.body = half, .fault = outbound::Fault::kTooLarge}, "Hi", "broken, said some"},
          {"breaker", {.fault = outbound::Fault::kBreakerOpen}, "", "broken"},
          {"busy", {.fault = outbound::Fault::kBusy}, "", "broken"},
          {"closing", {.fault = outbound::Fault::kCancelled}, "", "broken"},
          {"private address", {.fault = outbound::Fault::kRefusedAddress}, "", "config"},
          {"bad address", {.fault = outbound::Fault::kBadUrl}, "", "config"},
      });
}

TEST_F(OpenAi, NamesTheCodeWhenItIsAKnownOne) {
  client.scripts = {refusal(429, R"({"error":{"message":"SECRET","code":"insufficient_quota"}})")};
  EXPECT_STREQ(ask(model()).error->what(), "openai:gpt-4o-mini wants less traffic, status 429 (insufficient_quota)");
}

TEST_F(OpenAi, AnyCutIsHeardAlike) {
  expect_any_cut(client, model(), {.body = kHello});
}

TEST_F(OpenAi, AnAnswerWithoutItsEndIsBroken) {
  const std::string last = R"("finish_reason":"stop"}],"usage":null})"
                           "\n\n";
  expect_needs_its_end(client, model(), {.body = kHello}, kHello.find(last) + last.size());
}

TEST_F(OpenAi, AnAnswerHasALimit) {
  options.provider.max_answer_bytes = 5;
  client.scripts = {{.body = ending("null") + ending("null") + ending("null")}};
  const Told told = ask(model());
  EXPECT_EQ(told.text(), "HiHi");
  EXPECT_EQ(told.end(), "broken, said some");
}

TEST_F(OpenAi, AStreamHasALimit) {
  options.provider.max_stream_bytes = 100;
  client.scripts = {{.body = kHello}};
  EXPECT_EQ(ask(model()).end(), "broken");
  EXPECT_EQ(client.requests.at(0).max_response_bytes, 100U);
}

TEST_F(OpenAi, ASinkThatHasEnoughEndsIt) {
  client.scripts = {{.body = kHello}};
  const Told told = ask(model(), {.messages = talk()}, 1);
  EXPECT_EQ(told.text(), "Hel");
  EXPECT_EQ(told.end(), "cancelled");
}

TEST_F(OpenAi, WhatTheSinkThrowsComesThrough) {
  client.scripts = {{.body = kHello}};
  const TextSink sink = [](std::string_view) -> bool { throw std::range_error("mine"); };
  EXPECT_THROW(model().complete({.messages = talk()}, sink), std::range_error);
}

TEST_F(OpenAi, AStopBeforeTheCallSendsNothing) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(ask(model(), {.messages = talk(), .stop = stop.get_token()}).end(), "cancelled");
  EXPECT_TRUE(client.requests.empty());
}

TEST_F(OpenAi, AStopInTheMiddleEndsIt) {
  std::stop_source stop;
  client.scripts = {{.body = kHello, .before = [&] { stop.request_stop(); }}};
  EXPECT_EQ(ask(model(), {.messages = talk(), .stop = stop.get_token()}).end(), "cancelled");

  std::stop_source later;
  std::string heard;
  client.scripts = {{.body = kHello}};
  const Completion completion =
      model().complete({.messages = talk(), .stop = later.get_token()}, [&](std::string_view piece) {
        heard += piece;
        later.request_stop();
        return true;
      });
  EXPECT_EQ(completion.finish, Finish::kStopped);
  EXPECT_EQ(heard, "Hel");
}

TEST_F(OpenAi, MissingSettingsAreNamedBeforeAnythingIsSent) {
  options.provider.model = "";
  EXPECT_EQ(ask(model()).end(), "config");
  options.provider.model = "m";
  options.provider.base_url = "//";
  EXPECT_EQ(ask(model()).end(), "config");
  options.provider.base_url = "http://x";
  options.provider.api_key = Secret("sk-key\r\nX-Evil: 1");
  const Told told = ask(model());
  EXPECT_EQ(told.end(), "auth");
  EXPECT_EQ(std::string(told.error->what()).find("sk-key"), std::string::npos);
  EXPECT_TRUE(client.requests.empty());
}

}  // namespace
}  // namespace nexus::llm
