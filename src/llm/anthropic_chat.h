#pragma once

#include "llm/chat.h"
#include "llm/provider.h"

#include <string>
#include <string_view>

namespace nexus::llm {

struct AnthropicOptions {
  /// The API wants a limit of tokens in every request; 0 asks for 4096.
  ProviderOptions provider = {.base_url = "https://api.anthropic.com/v1", .max_output_tokens = 4096};
  std::string_view integration = "llm.anthropic";  ///< a literal
  std::string version = "2023-06-01";              ///< of the API: header `anthropic-version`
};

/// Anthropic's Messages API. An answer is whole with its `stop_reason`. Source: Anthropic API reference, "Messages" and
/// "Streaming messages".
class AnthropicChat final : public ChatModel {
 public:
  /// `client` must outlive it.
  AnthropicChat(outbound::Client& client, AnthropicOptions options);
  [[nodiscard]] std::string_view name() const override { return provider_.name(); }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override;

 private:
  [[nodiscard]] std::string body(const ChatRequest& request) const;

  const std::string version_;
  const Provider provider_;
};

}  // namespace nexus::llm
