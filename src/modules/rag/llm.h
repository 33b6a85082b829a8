#pragma once

#include "base/error.h"
#include "llm/chat.h"
#include "modules/retrieval/ports.h"

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

using ChatMessage = llm::Message;

/// What a model is asked. `messages` is the finished conversation for models that take text; `question` and `context`
/// are the same facts unrendered, for generators that compose from the sources.
struct Prompt {
  std::vector<ChatMessage> messages;
  std::string_view question;
  std::span<const retrieval::Passage> context;
  std::string_view tenant = {};  ///< whose share of a remote model's places the run takes
};

/// A generation that failed in a way with a name; becomes the SSE `error` event.
class LlmError : public std::runtime_error {
 public:
  LlmError(const ErrorKind& kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] const ErrorKind& kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Takes one piece of the answer; blocks while the reader is behind. False: stop, nobody listens any more.
using DeltaSink = std::function<bool(std::string)>;

/// A language model. Thread-safe; generate() blocks on the outbound lane and returns when the answer is complete, the
/// sink said stop or `stop` was requested. It tells how the answer ended and, when the model knows, what it cost.
/// Throws LlmError.
class Llm {
 public:
  virtual ~Llm() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// False when `messages` is not looked at and need not be rendered.
  [[nodiscard]] virtual bool reads_messages() const = 0;
  virtual llm::Completion generate(const Prompt& prompt, const DeltaSink& sink, const std::stop_token& stop) const = 0;
};

}  // namespace nexus::rag
