#include "modules/rag/remote_llm.h"

#include "base/errors.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <string>

namespace nexus::rag {
namespace {

/// What may help, for the person who sees the run fail.
std::string_view advice_for(llm::Failure failure) {
  switch (failure) {
    case llm::Failure::kConfig:
      return "Check the model and the address in the settings.";
    case llm::Failure::kAuth:
      return "Check the provider's credentials in the settings.";
    case llm::Failure::kLimited:
      return "Try again later.";
    case llm::Failure::kTimeout:
      return "Try again; raise LLM_DEADLINE_S or LLM_IDLE_TIMEOUT_S when it stays.";
    case llm::Failure::kBlocked:
      return "Ask in other words.";
    case llm::Failure::kInvalid:
      return "Ask a shorter question, or lower RUN_CONTEXT_MAX_TOKENS and RUN_HISTORY_MAX_TOKENS.";
    case llm::Failure::kBroken:
      break;
  }
  return "Try again.";
}

LlmError general_failure(const llm::Error& error) {
  return {errors::kLlmError, fmt::format("{}. {}", error.what(), advice_for(error.failure()))};
}

LlmError vertex_failure(const llm::Error& error) {
  switch (error.failure()) {
    case llm::Failure::kAuth:
      return {errors::kVertexAuthError, std::string(errors::kVertexAuthError.message)};
    case llm::Failure::kTimeout:
      return {errors::kVertexTimeout, std::string(errors::kVertexTimeout.message)};
    case llm::Failure::kBlocked:
      return general_failure(error);
    case llm::Failure::kConfig:
    case llm::Failure::kLimited:
    case llm::Failure::kInvalid:
    case llm::Failure::kBroken:
      break;
  }
  return {errors::kVertexConfigMissing, "Vertex AI request failed. Check credentials and model access."};
}

/// Throws for an answer without a word, unless nobody wanted more.
void require_reason_for_silence(llm::Finish finish, std::string_view model) {
  switch (finish) {
    case llm::Finish::kStopped:
      return;
    case llm::Finish::kFiltered:
      throw LlmError(errors::kLlmError,
                     fmt::format("{} withheld its answer by its safety rules. Ask in other words.", model));
    case llm::Finish::kLength:
      throw LlmError(errors::kLlmError,
                     fmt::format("{} reached its limit of tokens before its first word. Raise RUN_MAX_OUTPUT_TOKENS: "
                                 "models that think first need more.",
                                 model));
    case llm::Finish::kStop:
    case llm::Finish::kUnknown:
      break;
  }
  throw LlmError(errors::kLlmError, fmt::format("{} gave an empty answer. Try again.", model));
}

}  // namespace

LlmError named_failure(const llm::Error& error, LlmErrorNames names) {
  return names == LlmErrorNames::kVertex ? vertex_failure(error) : general_failure(error);
}

llm::Completion RemoteLlm::ask(const Prompt& prompt, const llm::TextSink& sink, const std::stop_token& stop) const {
  try {
    return model_->complete({.messages = prompt.messages, .stop = stop, .tenant = prompt.tenant}, sink);
  } catch (const llm::Error& error) {
    count_answer(llm::to_string(error.failure()));
    observe::log_warn("llm.failed", {{"model", name()},
                                     {"failure", llm::to_string(error.failure())},
                                     {"reason", error.what()},
                                     {"tenant_id", prompt.tenant}});
    throw named_failure(error, names_);
  }
}

llm::Completion RemoteLlm::generate(const Prompt& prompt, const DeltaSink& sink, const std::stop_token& stop) const {
  bool said_something = false;
  const auto pass_on = [&](std::string_view piece) {
    said_something = true;
    return sink(std::string(piece));
  };
  const llm::Completion completion = ask(prompt, pass_on, stop);
  count_answer(llm::to_string(completion.finish));
  count_tokens("input", completion.usage.input_tokens);
  count_tokens("output", completion.usage.output_tokens);
  if (!said_something) require_reason_for_silence(completion.finish, name());
  return completion;
}

void RemoteLlm::count_answer(std::string_view outcome) const {
  metrics_.counter("nexusrag_llm_answers_total", {{"outcome", std::string(outcome)}}).add();
}

void RemoteLlm::count_tokens(std::string_view kind, const std::optional<std::int64_t>& tokens) const {
  if (tokens && *tokens > 0)
    metrics_.counter("nexusrag_llm_tokens_total", {{"kind", std::string(kind)}})
        .add(static_cast<std::uint64_t>(*tokens));
}

}  // namespace nexus::rag
