#include "llm/answer.h"

#include <fmt/format.h>

namespace nexus::llm {

void Answer::say(std::string_view text) {
  if (text.empty() || unwanted()) return;
  if (text.size() > max_bytes_ - said_bytes_) fail(Failure::kBroken, "answered more than is allowed");
  said_bytes_ += text.size();
  sink_has_enough_ = !sink_(text);
}

void Answer::spend(const Usage& usage) noexcept {
  if (usage.input_tokens) usage_.input_tokens = usage.input_tokens;
  if (usage.output_tokens) usage_.output_tokens = usage.output_tokens;
}

Completion Answer::completion() const noexcept {
  // A stop that comes after the last word changes nothing; a sink that refused a word did not hear the whole answer.
  const bool heard_all = whole() && !sink_has_enough_;
  return {.usage = usage_, .finish = heard_all ? *finish_ : Finish::kStopped};
}

void Answer::fail(Failure failure, std::string_view what) const {
  throw Error(failure, fmt::format("{} {}", name_, what), said_bytes_ > 0);
}

}  // namespace nexus::llm
