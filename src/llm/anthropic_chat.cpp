#include "llm/anthropic_chat.h"

#include "json/json.h"
#include "llm/conversation.h"
#include "llm/json_fields.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace nexus::llm {
namespace {

constexpr std::int64_t kAnthropicTokens = 4096;

Finish anthropic_finish(std::string_view reason) {
  if (reason == "end_turn" || reason == "stop_sequence") return Finish::kStop;
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return Finish::kLength;
  if (reason == "refusal") return Finish::kFiltered;
  return Finish::kUnknown;
}

/// Tokens that a cache took or gave are not in `input_tokens`.
std::optional<std::int64_t> anthropic_input(const boost::json::object& usage) {
  const std::optional<std::int64_t> fresh = find_count(usage, "input_tokens");
  if (!fresh) return std::nullopt;
  return *fresh + find_count(usage, "cache_creation_input_tokens").value_or(0) +
         find_count(usage, "cache_read_input_tokens").value_or(0);
}

void spend_anthropic(const boost::json::object& holder, Answer& answer) {
  if (const boost::json::object* usage = find_object(holder, "usage")) {
    answer.spend({.input_tokens = anthropic_input(*usage), .output_tokens = find_count(*usage, "output_tokens")});
  }
}

void read_anthropic_event(const boost::json::object& event, Answer& answer) {
  const std::string_view type = find_text(event, "type");
  const boost::json::object* delta = find_object(event, "delta");
  if (type == "error") {
    const boost::json::object* error = find_object(event, "error");
    fail_with(error != nullptr ? *error : event, answer);
  } else if (type == "message_start") {
    if (const boost::json::object* message = find_object(event, "message")) spend_anthropic(*message, answer);
  } else if (type == "content_block_delta" && delta != nullptr && find_text(*delta, "type") == "text_delta") {
    answer.say(find_text(*delta, "text"));
  } else if (type == "message_delta") {
    spend_anthropic(event, answer);
    const std::string_view reason = delta == nullptr ? std::string_view() : find_text(*delta, "stop_reason");
    if (!reason.empty()) answer.end(anthropic_finish(reason));
  }
  // ping, content_block_start and _stop, message_stop and what is to come say nothing that is needed
}

}  // namespace

AnthropicChat::AnthropicChat(outbound::Client& client, AnthropicOptions options)
    : version_(std::move(options.version)),
      provider_(client, options.integration, "anthropic", std::move(options.provider)) {}

Completion AnthropicChat::complete(const ChatRequest& request, const TextSink& sink) const {
  outbound::Request post = provider_.request(request, "/messages", body(request));
  post.headers.emplace_back("anthropic-version", version_);
  post.headers.emplace_back("x-api-key", provider_.key(true));
  Answer answer = provider_.answer(request, sink);
  return provider_.converse(post, answer, [&answer](const SseEvent& event) {
    read_object(event.data, answer, [&](const boost::json::object& data) { read_anthropic_event(data, answer); });
  });
}

std::string AnthropicChat::body(const ChatRequest& request) const {
  const Conversation talk = conversation_of(request.messages);
  const std::int64_t limit = provider_.max_output_tokens(request);
  std::string out;
  json::Writer writer(out);
  writer.begin_object()
      .field("model", provider_.options().model)
      .field("max_tokens", limit > 0 ? limit : kAnthropicTokens);
  if (!talk.system.empty()) writer.field("system", fmt::format("{}", fmt::join(talk.system, "\n\n")));
  writer.key("messages").begin_array();
  for (const Conversation::Turn& turn : talk.turns) {
    writer.begin_object().field("role", turn.user ? "user" : "assistant").field("content", turn.text).end_object();
  }
  writer.end_array().field("stream", true).end_object();
  return out;
}

}  // namespace nexus::llm
