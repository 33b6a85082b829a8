#include "llm/fallback_chat.h"
#include "llm/openai_chat.h"
#include "llm/provider_fixture.h"
#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// The whole way: a model over the real client against a server that misbehaves.
namespace nexus::llm {
namespace {

using testing::TwinAnswer;
using testing::TwinFault;
using testing::TwinPiece;

std::string word(const std::string& text) {
  return R"(data: {"choices":[{"delta":{"content":")" + text + R"("},"finish_reason":null}]})" + "\n\n";
}
const std::string kStop = R"(data: {"choices":[{"delta":{},"finish_reason":"stop"}]})"
                          "\n\ndata: [DONE]\n\n";

TwinAnswer streamed(std::vector<TwinPiece> pieces, TwinFault fault = TwinFault::kNone) {
  TwinAnswer answer = testing::twin_pieces(std::move(pieces), fault);
  answer.content_type = "text/event-stream; charset=utf-8";
  return answer;
}

struct OverHttp : outbound::CurlClientFixture {
  outbound::CircuitBreaker patient{store, {.failure_threshold = 1000}, metrics};
  void TearDown() override { owned.reset(); }

  ProviderOptions provider{.model = "m", .api_key = Secret("sk-key"), .max_stream_bytes = 100'000};

  [[nodiscard]] OpenAiChat model() {
    provider.base_url = twin.url("/v1");
    if (!owned) owned = std::make_unique<outbound::CurlClient>(options, clock, metrics, patient, hooks);
    return OpenAiChat(client(), {.provider = provider});
  }
};

TEST_F(OverHttp, AnAnswerArrivesWordByWord) {
  twin.script({streamed({{.bytes = word("one ")}, {.bytes = word("two"), .hold = true}, {.bytes = kStop}})});
  std::string heard;
  const Completion completion = model().complete({.messages = talk()}, [&](std::string_view piece) {
    heard += piece;
    if (heard == "one ") twin.release();  // the second word is sent only after the first was heard
    return true;
  });
  EXPECT_EQ(heard, "one two");
  EXPECT_EQ(completion.finish, Finish::kStop);
  const testing::TwinRequest request = twin.requests().at(0);
  EXPECT_EQ(request.target, "/v1/chat/completions");
  EXPECT_EQ(*request.header("authorization"), "Bearer sk-key");
}

TEST_F(OverHttp, EachFaultOfTheOtherSideHasItsName) {
  provider.first_byte_ms = 300;
  provider.idle_ms = 300;
  TwinAnswer page = testing::twin_status(200, "<html></html>");
  page.content_type = "text/html";
  TwinAnswer drip = testing::twin_status(200, word("one") + word("two"));
  drip.fault = TwinFault::kSlowDrip;
  const std::vector<std::pair<TwinAnswer, std::string>> faults = {
      {streamed({{.bytes = word("one")}}, TwinFault::kResetMidBody), "broken, said some"},
      {streamed({{.bytes = word("one")}}, TwinFault::kHalfBody), "broken, said some"},
      {streamed({{.bytes = word("one")}}, TwinFault::kHalfBodyThenSilence), "timeout, said some"},
      {streamed({{.bytes = word("one")}}), "broken, said some"},
      {testing::twin_fault(TwinFault::kResetBeforeHead), "broken"},
      {testing::twin_fault(TwinFault::kResetAfterHead), "broken"},
      {testing::twin_fault(TwinFault::kNeverAnswers), "timeout"},
      {testing::twin_fault(TwinFault::kEndlessBody), "broken"},
      {testing::twin_fault(TwinFault::kGarbage), "broken"},
      {testing::twin_bad_json(), "broken"},
      {page, "broken"},
      {testing::twin_status(429), "limited"},
      {testing::twin_status(503), "broken"},
      {testing::twin_status(401), "auth"},
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    twin.always(faults[i].first);
    EXPECT_EQ(ask(model()).end(), faults[i].second) << i;
  }
  twin.always(drip);
  const Told told = ask(model(), {.messages = talk(), .deadline_ms = 500});
  EXPECT_TRUE(told.end().starts_with("timeout")) << told.end();
}

TEST_F(OverHttp, AStopHangsUp) {
  twin.script({streamed({{.bytes = word("one")}, {.bytes = word("two"), .hold = true}})});
  std::stop_source stop;
  const Completion completion = model().complete({.messages = talk(), .stop = stop.get_token()}, [&](std::string_view) {
    stop.request_stop();
    return true;
  });
  EXPECT_EQ(completion.finish, Finish::kStopped);
  twin.wait_for_hangups(1);
}

TEST_F(OverHttp, AReaderThatHasEnoughHangsUp) {
  twin.script({streamed({{.bytes = word("one")}, {.bytes = word("two"), .hold = true}})});
  EXPECT_EQ(ask(model(), {.messages = talk()}, 1).end(), "cancelled");
  twin.wait_for_hangups(1);
}

TEST_F(OverHttp, AChainGoesOnAfterAFailedModelAndNotAfterHalfAnAnswer) {
  const FallbackChat chain({std::make_shared<OpenAiChat>(model()), std::make_shared<OpenAiChat>(model())}, clock);
  twin.script({testing::twin_status(503), streamed({{.bytes = word("second")}, {.bytes = kStop}})});
  EXPECT_EQ(ask(chain).text(), "second");
  twin.script({streamed({{.bytes = word("half")}}, TwinFault::kResetMidBody)});
  EXPECT_EQ(ask(chain).end(), "broken, said some");
  EXPECT_EQ(twin.requests().size(), 3U);
}

}  // namespace
}  // namespace nexus::llm
