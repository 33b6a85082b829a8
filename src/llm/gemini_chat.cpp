#include "llm/gemini_chat.h"

#include "base/encoding.h"
#include "exec/deadline.h"
#include "json/json.h"
#include "llm/conversation.h"
#include "llm/json_fields.h"
#include "llm/time_left.h"

#include <boost/json/array.hpp>
#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace nexus::llm {
namespace {

constexpr std::array<std::string_view, 7> kGeminiFilters = {
    "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"};
constexpr int kUnauthorized = 401;

Finish gemini_finish(std::string_view reason) {
  if (reason == "STOP") return Finish::kStop;
  if (reason == "MAX_TOKENS") return Finish::kLength;
  for (const std::string_view filter : kGeminiFilters) {
    if (reason == filter) return Finish::kFiltered;
  }
  return Finish::kUnknown;
}

/// Thoughts are charged for as output.
std::optional<std::int64_t> gemini_output(const boost::json::object& usage) {
  const std::optional<std::int64_t> answer = find_count(usage, "candidatesTokenCount");
  const std::optional<std::int64_t> thoughts = find_count(usage, "thoughtsTokenCount");
  if (!answer && !thoughts) return std::nullopt;
  return answer.value_or(0) + thoughts.value_or(0);
}

void say_gemini_parts(const boost::json::object& candidate, Answer& answer) {
  const boost::json::object* content = find_object(candidate, "content");
  const boost::json::value* parts = content == nullptr ? nullptr : content->if_contains("parts");
  if (parts == nullptr || !parts->is_array()) return;
  for (const boost::json::value& part : parts->get_array()) {
    const boost::json::object* object = part.if_object();
    if (object == nullptr) continue;
    const boost::json::value* thought = object->if_contains("thought");
    const bool is_thought = thought != nullptr && thought->is_bool() && thought->get_bool();
    if (!is_thought) answer.say(find_text(*object, "text"));
  }
}

void read_gemini_chunk(const boost::json::object& chunk, Answer& answer) {
  require_no_error(chunk, answer);
  if (const boost::json::object* usage = find_object(chunk, "usageMetadata")) {
    answer.spend({.input_tokens = find_count(*usage, "promptTokenCount"), .output_tokens = gemini_output(*usage)});
  }
  const boost::json::object* feedback = find_object(chunk, "promptFeedback");
  if (feedback != nullptr && !find_text(*feedback, "blockReason").empty()) {
    answer.fail(Failure::kBlocked, "refused the question by its safety rules");
  }
  const boost::json::object* candidate = find_first(chunk, "candidates");
  if (candidate == nullptr) return;
  say_gemini_parts(*candidate, answer);
  const std::string_view reason = find_text(*candidate, "finishReason");
  if (!reason.empty() && reason != "FINISH_REASON_UNSPECIFIED") answer.end(gemini_finish(reason));
}

void write_gemini_parts(json::Writer& writer, std::string_view text) {
  writer.key("parts").begin_array().begin_object().field("text", text).end_object().end_array();
}

ProviderOptions with_gemini_address(ProviderOptions options, const std::string& location) {
  if (!options.base_url.empty() || location.empty()) return options;
  const std::string host = percent_encode(location);
  options.base_url = location == "global" ? "https://aiplatform.googleapis.com/v1"
                                          : fmt::format("https://{}-aiplatform.googleapis.com/v1", host);
  return options;
}

}  // namespace

GeminiChat::GeminiChat(outbound::Client& client, cloud::google::TokenSource& tokens, const Clock& clock,
                       GeminiOptions options)
    : project_(std::move(options.project)),
      location_(std::move(options.location)),
      provider_(client, options.integration, "vertex", with_gemini_address(std::move(options.provider), location_)),
      tokens_(tokens),
      clock_(clock) {}

Completion GeminiChat::complete(const ChatRequest& request, const TextSink& sink) const {
  if (project_.empty() || location_.empty()) {
    throw Error(Failure::kConfig, fmt::format("{} has no project or no location", provider_.name()));
  }
  Answer answer = provider_.answer(request, sink);
  outbound::Request post = provider_.request(request, path(), body(request));
  const exec::Deadline deadline = exec::Deadline::after(clock_, post.deadline_ms * 1000);
  try {
    for (bool again = false;; again = true) {
      const std::string token = tokens_.token(request.stop);
      post.deadline_ms = ms_left(deadline, clock_);
      if (post.deadline_ms == 0) answer.fail(Failure::kTimeout, "was not asked: the credentials came too late");
      outbound::Request call = post;
      call.headers.emplace_back("Authorization", "Bearer " + token);
      if (std::string payer = tokens_.quota_project(); !payer.empty())
        call.headers.emplace_back("x-goog-user-project", std::move(payer));
      const outbound::Response response = provider_.stream(call, answer, reader(answer));
      if (response.status == kUnauthorized) tokens_.forget(token);
      if (response.status != kUnauthorized || again) return provider_.conclude(response, answer);
    }
  } catch (const cloud::CredentialsError& error) {
    answer.fail(Failure::kAuth, fmt::format("has no credentials: {}", error.what()));
  } catch (const outbound::Error& error) {  // of the token
    provider_.explain(error, answer);
    return answer.completion();
  }
}

Provider::PieceReader GeminiChat::reader(Answer& answer) const {
  return provider_.events(answer, [&answer](const SseEvent& event) {
    read_object(event.data, answer, [&](const boost::json::object& chunk) { read_gemini_chunk(chunk, answer); });
  });
}

std::string GeminiChat::path() const {
  return fmt::format("/projects/{}/locations/{}/publishers/google/models/{}:streamGenerateContent?alt=sse",
                     percent_encode(project_), percent_encode(location_), percent_encode(provider_.options().model));
}

std::string GeminiChat::body(const ChatRequest& request) const {
  const Conversation talk = conversation_of(request.messages);
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (!talk.system.empty()) {
    writer.key("systemInstruction").begin_object();
    write_gemini_parts(writer, fmt::format("{}", fmt::join(talk.system, "\n\n")));
    writer.end_object();
  }
  writer.key("contents").begin_array();
  for (const Conversation::Turn& turn : talk.turns) {
    writer.begin_object().field("role", turn.user ? "user" : "model");
    write_gemini_parts(writer, turn.text);
    writer.end_object();
  }
  writer.end_array();
  const std::int64_t limit = provider_.max_output_tokens(request);
  if (limit > 0) writer.key("generationConfig").begin_object().field("maxOutputTokens", limit).end_object();
  writer.end_object();
  return out;
}

}  // namespace nexus::llm
