#include "llm/fallback_chat.h"

#include "llm/provider_fixture.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nexus::llm {
namespace {

struct Step {
  std::string says;
  std::optional<Failure> failure;
  std::int64_t takes_ms = 0;
};

class ScriptedModel final : public ChatModel {
 public:
  ScriptedModel(std::string name, Step step, SteadyClock& clock)
      : name_(std::move(name)), step_(std::move(step)), clock_(clock) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override {
    deadlines.push_back(request.deadline_ms);
    clock_.passed_us += step_.takes_ms * 1000;
    if (!step_.says.empty() && !sink(step_.says)) return {.finish = Finish::kStopped};
    if (step_.failure) throw Error(*step_.failure, name_, !step_.says.empty());
    return {.usage = {.input_tokens = 1, .output_tokens = 2}, .finish = Finish::kLength};
  }
  mutable std::vector<std::int64_t> deadlines;

 private:
  const std::string name_;
  const Step step_;
  SteadyClock& clock_;
};

struct Chain {
  SteadyClock clock;
  std::vector<std::shared_ptr<ScriptedModel>> models;
  std::unique_ptr<FallbackChat> chat;

  explicit Chain(std::vector<Step> steps) {
    for (Step& step : steps) {
      models.push_back(std::make_shared<ScriptedModel>(std::string(1, static_cast<char>('a' + models.size())),
                                                       std::move(step), clock));
    }
    chat = std::make_unique<FallbackChat>(std::vector<std::shared_ptr<const ChatModel>>(models.begin(), models.end()),
                                          clock);
  }
  /// The deadlines that the models were given: "a90000 b60000".
  [[nodiscard]] std::string asked() const {
    std::string out;
    for (const auto& model : models) {
      for (const std::int64_t deadline : model->deadlines)
        out += std::string(model->name()) + std::to_string(deadline) + " ";
    }
    return out;
  }
};

TEST(FallbackChat, TheFirstThatAnswersIsTheLastThatIsAsked) {
  Chain chain({{.says = "one"}, {.says = "two"}});
  EXPECT_EQ(chain.chat->name(), "a > b");
  const Told told = ask(*chain.chat);
  EXPECT_EQ(told.text(), "one");
  EXPECT_EQ(told.end(), "length in=1 out=2");
  EXPECT_EQ(chain.asked(), "a90000 ");
}

TEST(FallbackChat, AnotherModelIsAskedAfterAFailureThatItMayNotShare) {
  for (const Failure failure :
       {Failure::kAuth, Failure::kConfig, Failure::kLimited, Failure::kTimeout, Failure::kBroken}) {
    Chain chain({{.failure = failure}, {.failure = failure}, {.says = "three"}});
    const Told told = ask(*chain.chat);
    EXPECT_EQ(told.text(), "three") << to_string(failure);
    EXPECT_EQ(told.end(), "length in=1 out=2");
  }
}

TEST(FallbackChat, WhatWasRefusedIsNotAskedAgain) {
  for (const Failure failure : {Failure::kBlocked, Failure::kInvalid}) {
    Chain chain({{.failure = failure}, {.says = "two"}});
    EXPECT_EQ(ask(*chain.chat).end(), to_string(failure));
    EXPECT_EQ(chain.asked(), "a90000 ");
  }
}

TEST(FallbackChat, HalfAnAnswerIsNotBegunAgain) {
  Chain chain({{.says = "half", .failure = Failure::kBroken}, {.says = "two"}});
  const Told told = ask(*chain.chat);
  EXPECT_EQ(told.text(), "half");
  EXPECT_EQ(told.end(), "broken, said some");
}

TEST(FallbackChat, TheLastErrorWins) {
  Chain chain({{.failure = Failure::kLimited}, {.failure = Failure::kAuth}});
  const Told told = ask(*chain.chat);
  EXPECT_EQ(told.end(), "auth");
  EXPECT_STREQ(told.error->what(), "b");
}

TEST(FallbackChat, AllShareOneDeadline) {
  Chain chain({{.failure = Failure::kTimeout, .takes_ms = 30'000},
               {.failure = Failure::kBroken, .takes_ms = 60'000},
               {.says = "too late"}});
  EXPECT_EQ(ask(*chain.chat).end(), "broken");
  EXPECT_EQ(chain.asked(), "a90000 b60000 ");

  Chain shorter({{.failure = Failure::kTimeout, .takes_ms = 400}, {.says = "two"}});
  EXPECT_EQ(ask(*shorter.chat, {.messages = talk(), .deadline_ms = 1000}).text(), "two");
  EXPECT_EQ(shorter.asked(), "a1000 b600 ");
}

TEST(FallbackChat, AStoppedCallAsksNobodyElse) {
  std::stop_source stop;
  stop.request_stop();
  Chain chain({{.failure = Failure::kBroken}, {.says = "two"}});
  EXPECT_EQ(ask(*chain.chat, {.messages = talk(), .stop = stop.get_token()}).end(), "cancelled");
  EXPECT_EQ(chain.asked(), "a90000 ");
  Chain enough({{.says = "one", .failure = Failure::kBroken}, {.says = "two"}});
  EXPECT_EQ(ask(*enough.chat, {.messages = talk()}, 1).end(), "cancelled");
}

TEST(FallbackChat, AChainHasAModel) {
  const SteadyClock clock;
  EXPECT_THROW(FallbackChat({}, clock), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::llm
