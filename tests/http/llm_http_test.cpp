// Answers of remote models end to end: a provider's server is another machine that answers by script, or fails.
#include "json/json.h"
#include "observe/metrics.h"
#include "support/http_twin.h"
#include "support/test_app.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace nexus::testing {
namespace {

constexpr std::string_view kAsk = R"({"session_id":"s1","corpus_id":"c1","message":"What are the release gates?"})";
constexpr std::string_view kStop = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
constexpr std::string_view kUsage =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":3}}\n\ndata: [DONE]\n\n";

std::string word(std::string_view text) {
  return fmt::format("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n", text);
}

TwinAnswer streamed(std::vector<TwinPiece> pieces, TwinFault fault = TwinFault::kNone) {
  TwinAnswer answer = twin_pieces(std::move(pieces), fault);
  answer.content_type = "text/event-stream";
  return answer;
}

TwinAnswer whole_answer() {
  return streamed({{.bytes = word("Two ")},
                   {.bytes = word("reviews [1].")},
                   {.bytes = std::string(kStop)},
                   {.bytes = std::string(kUsage)}});
}

Changes with_model(const HttpTwin& provider, const Changes& more = {}) {
  Changes out{{"LLM_PROVIDER", "openai"},
              {"OPENAI_BASE_URL", provider.url("/v1")},
              {"OPENAI_API_KEY", "sk-canary"},
              {"OPENAI_MODEL", "tiny"},
              {"EXT_RETRY_MAX_ATTEMPTS", "1"}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

/// The server with a model at the twin and a corpus with one document.
struct Desk {
  explicit Desk(const Changes& more = {}) : app(with_model(provider, more)) {
    app.make_corpus("c1");
    app.add_document("c1", "The release gates are a signed checklist and two reviews.");
  }

  [[nodiscard]] std::vector<SseFrame> run() { return app.client().open_stream("/v1/run", kAsk).rest(); }

  HttpTwin provider;
  TestApp app;
};

boost::json::value data_of(const std::vector<SseFrame>& frames, std::string_view type) {
  for (const SseFrame& frame : frames) {
    const boost::json::value payload = frame.json();
    if (payload.as_object().contains("type") && payload.at("type").as_string() == type) return payload.at("data");
  }
  throw std::runtime_error("there is no such event: " + std::string(type));
}

using Types = std::vector<std::string>;
const Types kWhole = {"request.accepted", "token.delta", "token.delta", "message.final", "done"};

TEST(LlmHttp, StreamsTheModelsWordsAndCitesWhatItWasGiven) {
  Desk desk;
  desk.provider.always(whole_answer());
  const std::vector<SseFrame> frames = desk.run();
  ASSERT_EQ(event_types(frames), kWhole);
  EXPECT_EQ(frames[1].json().at("data").at("delta"), "Two ");
  const boost::json::value final = data_of(frames, "message.final");
  EXPECT_EQ(final.at("text"), "Two reviews [1].");
  EXPECT_EQ(final.at("citations").as_array().size(), 1U);
  EXPECT_EQ(json::write(final.at("usage")), R"({"input_tokens":50,"output_tokens":3})");
  EXPECT_FALSE(final.as_object().contains("finish_reason"));
  EXPECT_EQ(desk.app.core().metrics.counter("nexusrag_llm_tokens_total", {{"kind", "input"}}).value(), 50U);
}

TEST(LlmHttp, AsksWithTheKeyTheSourcesAndTheQuestionLast) {
  Desk desk;
  desk.provider.always(whole_answer());
  (void)desk.run();
  const TwinRequest asked = desk.provider.wait_for_requests(1).at(0);
  EXPECT_EQ(asked.target, "/v1/chat/completions");
  EXPECT_EQ(*asked.header("Authorization"), "Bearer sk-canary");
  const boost::json::value body = json::parse(asked.body);
  EXPECT_EQ(body.at("model"), "tiny");
  EXPECT_TRUE(body.at("stream").as_bool());
  EXPECT_NE(asked.body.find("a signed checklist and two reviews"), std::string::npos);
  const boost::json::array& messages = body.at("messages").as_array();
  EXPECT_EQ(messages.back().at("role"), "user");
  EXPECT_NE(std::string_view(messages.back().at("content").as_string()).find("What are the release gates?"),
            std::string_view::npos);
}

TEST(LlmHttp, SendsAWordBeforeTheNextOneExists) {
  Desk desk;
  desk.provider.script(
      {streamed({{.bytes = word("Two ")}, {.bytes = word("reviews."), .hold = true}, {.bytes = std::string(kStop)}})});
  TestClient client = desk.app.client();
  SseStream stream = client.open_stream("/v1/run", kAsk);
  ASSERT_TRUE(stream.next().has_value());
  EXPECT_EQ(stream.next()->json().at("data").at("delta"), "Two ");
  desk.provider.release();
  EXPECT_EQ(data_of(stream.rest(), "message.final").at("text"), "Two reviews.");
}

TEST(LlmHttp, SaysThatAnAnswerWasCutOffAtItsLimit) {
  Desk desk;
  desk.provider.script({streamed(
      {{.bytes = word("Two")}, {.bytes = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n"}})});
  EXPECT_EQ(data_of(desk.run(), "message.final").at("finish_reason"), "length");
}

struct Fault {
  std::string name;
  TwinAnswer answer;
  Types types;
  std::string says;  ///< part of the message
};

std::vector<Fault> faults() {
  const Types at_once = {"request.accepted", "error", "done"};
  const Types after_a_word = {"request.accepted", "token.delta", "error", "done"};
  return {
      {"401", twin_status(401, R"({"error":{"message":"sk-canary is wrong","code":"invalid_api_key"}})"), at_once,
       "refused the credentials"},
      {"429", twin_status(429), at_once, "wants less traffic"},
      {"500", twin_status(500), at_once, "failed, status 500"},
      {"no JSON", streamed({{.bytes = "data: {\"choices\":[\n\n"}}), at_once, "no JSON"},
      {"reset at once", twin_fault(TwinFault::kResetBeforeHead), at_once, "connection broke"},
      {"reset in mid-stream", streamed({{.bytes = word("Two ")}}, TwinFault::kResetMidBody), after_a_word,
       "connection broke"},
      {"no end", streamed({{.bytes = word("Two ")}}), after_a_word, "the answer has no end"},
      {"silence at once", twin_fault(TwinFault::kNeverAnswers), at_once, "did not answer in time"},
      {"silence in mid-stream", streamed({{.bytes = word("Two ")}}, TwinFault::kHalfBodyThenSilence), after_a_word,
       "fell silent"},
  };
}

TEST(LlmHttp, EachFaultOfTheProviderEndsInErrorAndDoneAndTheNextRunWorks) {
  for (const Fault& fault : faults()) {
    SCOPED_TRACE(fault.name);
    Desk desk(Changes{{"LLM_IDLE_TIMEOUT_S", "1"}, {"RUN_MAX_CONCURRENCY", "1"}});
    desk.provider.script({fault.answer});
    const std::vector<SseFrame> frames = desk.run();
    ASSERT_EQ(event_types(frames), fault.types);
    const boost::json::value error = data_of(frames, "error");
    EXPECT_EQ(error.at("code"), "LLM_ERROR");
    const std::string message(error.at("message").as_string());
    EXPECT_TRUE(message.starts_with("openai:tiny ")) << message;
    EXPECT_NE(message.find(fault.says), std::string::npos) << message;
    for (const SseFrame& frame : frames) EXPECT_EQ(frame.data.find("sk-canary"), std::string::npos);
    desk.provider.always(whole_answer());
    EXPECT_EQ(event_types(desk.run()), kWhole);
  }
}

TEST(LlmHttp, AReaderWhoLeavesStopsTheCallOfTheProvider) {
  Desk desk(Changes{{"RUN_MAX_CONCURRENCY", "1"}});
  desk.provider.script({streamed({{.bytes = word("Two ")}, {.bytes = word("never"), .hold = true}})});
  TestClient client = desk.app.client();
  SseStream stream = client.open_stream("/v1/run", kAsk);
  ASSERT_TRUE(stream.next().has_value());
  ASSERT_TRUE(stream.next().has_value());
  stream.connection().reset();
  EXPECT_NO_THROW(desk.provider.wait_for_hangups(1));
  EXPECT_EQ(desk.app.core().metrics.counter("nexusrag_llm_tokens_total", {{"kind", "input"}}).value(), 0U);
}

TEST(LlmHttp, TheServerStopsWhileAProviderIsSilent) {
  Desk desk(Changes{{"SHUTDOWN_GRACE_S", "1"}, {"LLM_IDLE_TIMEOUT_S", "600"}, {"LLM_DEADLINE_S", "600"}});
  desk.provider.script({twin_fault(TwinFault::kNeverAnswers)});
  TestClient client = desk.app.client();
  SseStream stream = client.open_stream("/v1/run", kAsk);
  (void)desk.provider.wait_for_requests(1);
  (void)desk.app.app().stop();  // the test's time limit says when this hangs
  EXPECT_NO_THROW(desk.provider.wait_for_hangups(1));
}

TEST(LlmHttp, TheFallbackAnswersWhenTheFirstProviderFailsBeforeItsFirstWord) {
  HttpTwin second;
  TwinAnswer answer = twin_pieces(
      {{.bytes = "event: message_start\ndata: "
                 "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\n\n"},
       {.bytes = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                 "\"delta\":{\"type\":\"text_delta\",\"text\":\"Second.\"}}\n\n"},
       {.bytes = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                 "\"usage\":{\"output_tokens\":2}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"}});
  answer.content_type = "text/event-stream";
  second.always(answer);
  Desk desk(
      Changes{{"LLM_FALLBACK", "anthropic"}, {"ANTHROPIC_API_KEY", "sk-2"}, {"ANTHROPIC_BASE_URL", second.url("/v1")}});
  desk.provider.always(twin_status(500));
  EXPECT_EQ(data_of(desk.run(), "message.final").at("text"), "Second.");
  EXPECT_EQ(second.requests().size(), 1U);
}

TEST(LlmHttp, AProviderWithoutItsSettingsIsToldByTheRun) {
  Desk desk(Changes{{"LLM_PROVIDER", "vertex"}});
  const boost::json::value error = data_of(desk.run(), "error");
  EXPECT_EQ(error.at("code"), "VERTEX_CONFIG_MISSING");
  EXPECT_EQ(error.at("message"), "Vertex config missing: set GOOGLE_CLOUD_PROJECT, GOOGLE_CLOUD_LOCATION in .env.");
}

}  // namespace
}  // namespace nexus::testing
