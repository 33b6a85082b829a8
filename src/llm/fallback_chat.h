#pragma once

#include "base/time.h"
#include "llm/chat.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::llm {

struct FallbackOptions {
  std::int64_t deadline_ms = 90'000;  ///< of all models together, when the request has none
};

/// Several models in order. The next one is asked when one failed before its first word because of its settings,
/// credentials, limits, silence or breakage; what the provider refused (kBlocked, kInvalid) the next one is not asked.
/// All share one deadline. The last error wins. Thread-safe as far as its models are.
class FallbackChat final : public ChatModel {
 public:
  /// `clock` must outlive it. Throws std::invalid_argument without a model.
  FallbackChat(std::vector<std::shared_ptr<const ChatModel>> models, const Clock& clock, FallbackOptions options = {});
  /// The names of the models in order, e.g. "openai:gpt-4o-mini > anthropic:claude-3-5-haiku-latest".
  [[nodiscard]] std::string_view name() const override { return name_; }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override;

 private:
  const std::vector<std::shared_ptr<const ChatModel>> models_;
  const Clock& clock_;
  const FallbackOptions options_;
  std::string name_;
};

}  // namespace nexus::llm
