#pragma once

#include "llm/chat.h"
#include "llm/provider.h"

#include <string>
#include <string_view>

namespace nexus::llm {

struct OpenAiOptions {
  ProviderOptions provider = {.base_url = "https://api.openai.com/v1"};  ///< a server of one's own needs no key
  std::string_view integration = "llm.openai";                           ///< a literal; another for another server
  std::string label = "openai";
  bool include_usage = true;                          ///< false for servers that refuse `stream_options`
  std::string limit_field = "max_completion_tokens";  ///< "max_tokens" for older servers
};

/// Chat completions as OpenAI defined them and many servers speak them. An answer is whole with its `finish_reason` or
/// with `[DONE]`. Source: OpenAI API reference, "Create chat completion", streaming.
class OpenAiChat final : public ChatModel {
 public:
  /// `client` must outlive it.
  OpenAiChat(outbound::Client& client, OpenAiOptions options);
  [[nodiscard]] std::string_view name() const override { return provider_.name(); }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override;

 private:
  [[nodiscard]] std::string body(const ChatRequest& request) const;

  const bool include_usage_;
  const std::string limit_field_;
  const Provider provider_;
};

}  // namespace nexus::llm
