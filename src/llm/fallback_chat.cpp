#include "llm/fallback_chat.h"

#include "exec/deadline.h"
#include "llm/time_left.h"
#include "observe/log.h"

#include <stdexcept>
#include <utility>

namespace nexus::llm {
namespace {

bool next_may_do_better(const Error& error) {
  const bool refused = error.failure() == Failure::kBlocked || error.failure() == Failure::kInvalid;
  return !refused && !error.said_something();
}

}  // namespace

FallbackChat::FallbackChat(std::vector<std::shared_ptr<const ChatModel>> models, const Clock& clock,
                           FallbackOptions options)
    : models_(std::move(models)), clock_(clock), options_(options) {
  if (models_.empty()) throw std::invalid_argument("a chain of models without a model");
  for (const auto& model : models_) {
    if (!name_.empty()) name_.append(" > ");
    name_.append(model->name());
  }
}

Completion FallbackChat::complete(const ChatRequest& request, const TextSink& sink) const {
  const std::int64_t whole_ms = request.deadline_ms > 0 ? request.deadline_ms : options_.deadline_ms;
  const exec::Deadline deadline = exec::Deadline::after(clock_, whole_ms * 1000);
  ChatRequest turn = request;
  turn.deadline_ms = whole_ms;
  for (std::size_t i = 0;; ++i) {
    try {
      return models_[i]->complete(turn, sink);
    } catch (const Error& error) {
      if (!next_may_do_better(error) || i + 1 == models_.size()) throw;
      if (request.stop.stop_requested()) return {.usage = {}, .finish = Finish::kStopped};
      turn.deadline_ms = ms_left(deadline, clock_);
      if (turn.deadline_ms == 0) throw;
      observe::log_warn("llm.fallback", {{"failed", models_[i]->name()},
                                         {"why", to_string(error.failure())},
                                         {"detail", error.what()},
                                         {"next", models_[i + 1]->name()}});
    }
  }
}

}  // namespace nexus::llm
