#include "llm/bedrock_chat.h"

#include "base/encoding.h"
#include "cloud/aws/event_stream.h"
#include "cloud/aws/sigv4.h"
#include "exec/deadline.h"
#include "json/json.h"
#include "llm/conversation.h"
#include "llm/json_fields.h"
#include "llm/time_left.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace nexus::llm {
namespace {

using cloud::aws::EventMessage;
using cloud::aws::EventStreamDecoder;

Finish bedrock_finish(std::string_view reason) {
  if (reason == "end_turn" || reason == "stop_sequence") return Finish::kStop;
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return Finish::kLength;
  if (reason == "guardrail_intervened" || reason == "content_filtered") return Finish::kFiltered;
  return Finish::kUnknown;
}

void read_bedrock_event(std::string_view type, const boost::json::object& event, Answer& answer) {
  if (type == "contentBlockDelta") {
    if (const boost::json::object* delta = find_object(event, "delta")) answer.say(find_text(*delta, "text"));
  } else if (type == "messageStop") {
    answer.end(bedrock_finish(find_text(event, "stopReason")));
  } else if (type == "metadata") {
    if (const boost::json::object* usage = find_object(event, "usage")) {
      answer.spend(
          {.input_tokens = find_count(*usage, "inputTokens"), .output_tokens = find_count(*usage, "outputTokens")});
    }
  }
}

void read_bedrock_message(const EventMessage& message, Answer& answer) {
  const std::string_view kind = message.text(":message-type");
  if (kind == "exception") fail_with_code(message.text(":exception-type"), answer);
  if (kind == "error") fail_with_code(message.text(":error-code"), answer);
  read_object(message.payload, answer, [&](const boost::json::object& event) {
    read_bedrock_event(message.text(":event-type"), event, answer);
  });
}

ProviderOptions with_bedrock_address(ProviderOptions options, const std::string& region) {
  if (!options.base_url.empty() || region.empty()) return options;
  options.base_url = fmt::format("https://bedrock-runtime.{}.amazonaws.com{}", percent_encode(region),
                                 region.starts_with("cn-") ? ".cn" : "");
  return options;
}

void write_bedrock_text(json::Writer& writer, std::string_view text) {
  writer.begin_array().begin_object().field("text", text).end_object().end_array();
}

}  // namespace

BedrockChat::BedrockChat(outbound::Client& client, cloud::aws::CredentialSource& credentials, const Clock& clock,
                         BedrockOptions options)
    : region_(std::move(options.region)),
      provider_(client, options.integration, "bedrock", with_bedrock_address(std::move(options.provider), region_)),
      credentials_(credentials),
      clock_(clock) {}

Completion BedrockChat::complete(const ChatRequest& request, const TextSink& sink) const {
  if (region_.empty()) throw Error(Failure::kConfig, fmt::format("{} has no region", provider_.name()));
  Answer answer = provider_.answer(request, sink);
  const std::string path = fmt::format("/model/{}/converse-stream", percent_encode(provider_.options().model));
  outbound::Request post = provider_.request(request, path, body(request), "application/vnd.amazon.eventstream");
  const exec::Deadline deadline = exec::Deadline::after(clock_, post.deadline_ms * 1000);
  try {
    sign(post, request, answer);
  } catch (const outbound::Error& error) {  // of the credentials
    provider_.explain(error, answer);
    return answer.completion();
  }
  post.deadline_ms = ms_left(deadline, clock_);
  if (post.deadline_ms == 0) answer.fail(Failure::kTimeout, "was not asked: the credentials came too late");
  return provider_.conclude(provider_.stream(post, answer, reader(answer)), answer);
}

void BedrockChat::sign(outbound::Request& post, const ChatRequest& request, const Answer& answer) const {
  try {
    cloud::aws::sign(post, credentials_.credentials(request.stop), region_, "bedrock", clock_.now());
  } catch (const cloud::CredentialsError& error) {
    answer.fail(Failure::kAuth, fmt::format("has no credentials: {}", error.what()));
  } catch (const std::invalid_argument&) {
    answer.fail(Failure::kConfig, "has a base address that is no URL");
  }
}

Provider::PieceReader BedrockChat::reader(Answer& answer) const {
  const cloud::aws::EventStreamOptions limits{.max_message_bytes = provider_.options().max_event_bytes};
  return [decoder = std::make_shared<EventStreamDecoder>(limits), &answer](std::string_view piece) {
    try {
      decoder->feed(piece);
      while (const std::optional<EventMessage> message = decoder->next()) {
        read_bedrock_message(*message, answer);
        if (answer.unwanted()) return;
      }
    } catch (const cloud::aws::EventStreamError&) {
      answer.fail(Failure::kBroken, "sent bytes that are no event stream, or an event longer than allowed");
    }
  };
}

std::string BedrockChat::body(const ChatRequest& request) const {
  const Conversation talk = conversation_of(request.messages);
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (!talk.system.empty()) {
    writer.key("system");
    write_bedrock_text(writer, fmt::format("{}", fmt::join(talk.system, "\n\n")));
  }
  writer.key("messages").begin_array();
  for (const Conversation::Turn& turn : talk.turns) {
    writer.begin_object().field("role", turn.user ? "user" : "assistant").key("content");
    write_bedrock_text(writer, turn.text);
    writer.end_object();
  }
  writer.end_array();
  const std::int64_t limit = provider_.max_output_tokens(request);
  if (limit > 0) writer.key("inferenceConfig").begin_object().field("maxTokens", limit).end_object();
  writer.end_object();
  return out;
}

}  // namespace nexus::llm
