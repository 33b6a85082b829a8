#include "llm/openai_chat.h"

#include "json/json.h"
#include "llm/json_fields.h"

#include <utility>

namespace nexus::llm {
namespace {

Finish openai_finish(std::string_view reason) {
  if (reason == "stop") return Finish::kStop;
  if (reason == "length") return Finish::kLength;
  if (reason == "content_filter") return Finish::kFiltered;
  return Finish::kUnknown;
}

void read_openai_choice(const boost::json::object& choice, Answer& answer) {
  if (const boost::json::object* delta = find_object(choice, "delta")) {
    answer.say(find_text(*delta, "content"));
    answer.say(find_text(*delta, "refusal"));
  }
  const std::string_view reason = find_text(choice, "finish_reason");
  if (reason == "error") answer.fail(Failure::kBroken, "broke off by its own account");
  if (!reason.empty()) answer.end(openai_finish(reason));
}

void read_openai_chunk(const boost::json::object& chunk, Answer& answer) {
  require_no_error(chunk, answer);
  if (const boost::json::object* choice = find_first(chunk, "choices")) read_openai_choice(*choice, answer);
  if (const boost::json::object* usage = find_object(chunk, "usage")) {
    answer.spend({.input_tokens = find_count(*usage, "prompt_tokens"),
                  .output_tokens = find_count(*usage, "completion_tokens")});
  }
}

}  // namespace

OpenAiChat::OpenAiChat(outbound::Client& client, OpenAiOptions options)
    : include_usage_(options.include_usage),
      limit_field_(std::move(options.limit_field)),
      provider_(client, options.integration, options.label, std::move(options.provider)) {}

Completion OpenAiChat::complete(const ChatRequest& request, const TextSink& sink) const {
  outbound::Request post = provider_.request(request, "/chat/completions", body(request));
  const std::string key = provider_.key(false);
  if (!key.empty()) post.headers.emplace_back("Authorization", "Bearer " + key);
  Answer answer = provider_.answer(request, sink);
  return provider_.converse(post, answer, [&answer](const SseEvent& event) {
    if (event.data == "[DONE]") {
      if (!answer.whole()) answer.end(Finish::kUnknown);
      return;
    }
    read_object(event.data, answer, [&](const boost::json::object& chunk) { read_openai_chunk(chunk, answer); });
  });
}

std::string OpenAiChat::body(const ChatRequest& request) const {
  std::string out;
  json::Writer writer(out);
  writer.begin_object().field("model", provider_.options().model).key("messages").begin_array();
  for (const Message& message : request.messages) {
    writer.begin_object().field("role", message.role).field("content", message.content).end_object();
  }
  writer.end_array().field("stream", true);
  if (include_usage_) writer.key("stream_options").begin_object().field("include_usage", true).end_object();
  const std::int64_t limit = provider_.max_output_tokens(request);
  if (limit > 0) writer.field(limit_field_, limit);
  writer.end_object();
  return out;
}

}  // namespace nexus::llm
