#pragma once

#include "base/time.h"
#include "llm/chat.h"
#include "outbound/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// For tests of this room: a provider that answers by script, and a conversation with it.
namespace nexus::llm {

/// What the other side does with one request.
struct Script {
  int status = 200;
  outbound::Headers headers = {{"content-type", "text/event-stream"}};
  std::string body;
  std::vector<std::size_t> cuts = {};         ///< where the body is cut into pieces, ascending; none: one piece
  std::optional<outbound::Fault> fault = {};  ///< after the body
  std::function<void()> before = [] {};       ///< when the request arrives
};
[[nodiscard]] inline Script refusal(int status, std::string body = "{}") {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

/// Answers with the scripts in their order; the last one stays. Keeps the contract of outbound::Client::stream().
class ScriptedClient final : public outbound::Client {
 public:
  std::deque<Script> scripts;
  std::vector<outbound::Request> requests;

  outbound::Response send(const outbound::Request&) override { throw std::logic_error("models stream"); }

  outbound::Response stream(const outbound::Request& request, const outbound::PieceSink& sink) override {
    if (scripts.empty()) throw std::logic_error("no script");
    const Script script = scripts.front();
    if (scripts.size() > 1) scripts.pop_front();
    requests.push_back(request);
    script.before();
    if (request.stop.stop_requested()) throw outbound::Error(outbound::Fault::kCancelled, "stopped");
    const bool success = script.status >= 200 && script.status < 300;
    if (success && !play(script, request, sink)) return {.status = script.status, .stopped = true};
    if (script.fault) throw outbound::Error(*script.fault, "a sentence of the outbound client");
    return {.status = script.status, .headers = script.headers, .body = success ? "" : script.body};
  }

 private:
  static bool play(const Script& script, const outbound::Request& request, const outbound::PieceSink& sink) {
    std::size_t from = 0;
    std::vector<std::size_t> cuts = script.cuts;
    cuts.push_back(script.body.size());
    for (const std::size_t to : cuts) {
      const std::string_view piece = std::string_view(script.body).substr(from, to - from);
      from = to;
      if (to > request.max_response_bytes) throw outbound::Error(outbound::Fault::kTooLarge, "too large");
      if (request.stop.stop_requested()) throw outbound::Error(outbound::Fault::kCancelled, "stopped");
      if (!piece.empty() && !sink(piece)) return false;
    }
    return true;
  }
};

class SteadyClock final : public Clock {
 public:
  std::int64_t passed_us = 0;
  [[nodiscard]] Timestamp now() const override { return {1'771'322'400 * Timestamp::kSecond + passed_us}; }
  [[nodiscard]] std::int64_t steady_us() const override { return passed_us; }
};

/// How a call ended: "stop in=12 out=3 |Hello" or "limited: what() |Hel" ("said" when the error says so).
struct Told {
  std::vector<std::string> pieces;
  std::optional<Completion> completion;
  std::optional<Error> error;

  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }
  [[nodiscard]] std::string end() const {
    if (error) return std::string(to_string(error->failure())) + (error->said_something() ? ", said some" : "");
    std::string out(to_string(completion->finish));
    if (completion->usage.input_tokens) out += " in=" + std::to_string(*completion->usage.input_tokens);
    if (completion->usage.output_tokens) out += " out=" + std::to_string(*completion->usage.output_tokens);
    return out;
  }
};

[[nodiscard]] inline const std::vector<Message>& talk() {
  static const std::vector<Message> messages = {{"system", "Be brief."},
                                                {"system", "Cite \"sources\"."},
                                                {"user", "Hi"},
                                                {"assistant", "Hello"},
                                                {"user", "Why?\n\xC3\xA9"}};
  return messages;
}

/// Asks; the sink has enough after `wanted` pieces.
[[nodiscard]] inline Told ask(const ChatModel& model, ChatRequest request = {.messages = talk()},
                              std::size_t wanted = 1'000'000) {
  Told told;
  try {
    told.completion = model.complete(request, [&](std::string_view piece) {
      EXPECT_FALSE(piece.empty());
      EXPECT_LT(told.pieces.size(), wanted) << "a sink that has enough is not called again";
      told.pieces.emplace_back(piece);
      return told.pieces.size() < wanted;
    });
  } catch (const Error& error) {
    told.error = error;
  }
  return told;
}

[[nodiscard]] inline std::string header_of(const outbound::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers) {
    if (key == name) return value;
  }
  return "-";
}

/// One row of a provider's table: a scripted answer, what the reader heard and how it ended.
struct Transcript {
  std::string name;
  Script script;
  std::string text;
  std::string end;
};

inline void expect_transcripts(ScriptedClient& client, const ChatModel& model, const std::vector<Transcript>& all) {
  for (const Transcript& row : all) {
    client.scripts = {row.script};
    const Told told = ask(model);
    EXPECT_EQ(told.text(), row.text) << row.name;
    EXPECT_EQ(told.end(), row.end) << row.name << (told.error ? std::string(": ") + told.error->what() : "");
    if (told.error) {
      const std::string what = told.error->what();
      EXPECT_TRUE(what.starts_with(model.name())) << what;
      for (const char* secret : {"sk-key", "SECRET", "a sentence of the outbound client"}) {
        EXPECT_EQ(what.find(secret), std::string::npos) << row.name << ": " << what;
      }
    }
  }
}

/// Every cut of the answer into two pieces, and into single bytes, is heard alike.
inline void expect_any_cut(ScriptedClient& client, const ChatModel& model, const Script& script) {
  client.scripts = {script};
  const Told whole = ask(model);
  ASSERT_TRUE(whole.completion) << whole.error->what();
  Script cut = script;
  for (std::size_t at = 1; at < script.body.size(); ++at) {
    cut.cuts = {at};
    client.scripts = {cut};
    const Told told = ask(model);
    ASSERT_EQ(told.pieces, whole.pieces) << "cut at " << at;
    ASSERT_EQ(told.end(), whole.end()) << "cut at " << at;
  }
  cut.cuts.resize(script.body.size() - 1);
  for (std::size_t i = 0; i < cut.cuts.size(); ++i) cut.cuts[i] = i + 1;
  client.scripts = {cut};
  EXPECT_EQ(ask(model).pieces, whole.pieces);
}

/// An answer that breaks off anywhere before `needed` of its bytes arrived is broken, however it breaks off; behind
/// them it is whole, even when the connection breaks.
inline void expect_needs_its_end(ScriptedClient& client, const ChatModel& model, const Script& script,
                                 std::size_t needed) {
  for (std::size_t size = 0; size < script.body.size(); ++size) {
    for (const bool reset : {false, true}) {
      Script half = script;
      half.body.resize(size);
      if (reset) half.fault = outbound::Fault::kNetwork;
      client.scripts = {half};
      const Told told = ask(model);
      ASSERT_EQ(told.completion.has_value(), size >= needed) << size << " bytes, reset: " << reset;
      if (told.error) {
        ASSERT_EQ(told.error->failure(), Failure::kBroken);
        ASSERT_EQ(told.error->said_something(), !told.pieces.empty());
      }
    }
  }
}

}  // namespace nexus::llm
