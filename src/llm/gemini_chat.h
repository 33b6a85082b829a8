#pragma once

#include "base/time.h"
#include "cloud/google/tokens.h"
#include "llm/chat.h"
#include "llm/provider.h"

#include <string>
#include <string_view>

namespace nexus::llm {

struct GeminiOptions {
  /// Without `base_url` the public address of the location is taken; with one it stands for
  /// "https://<host>/v1". `api_key` is not used.
  ProviderOptions provider;
  std::string project;
  std::string location;
  std::string_view integration = "llm.vertex";  ///< a literal
};

/// Gemini on Vertex AI. An answer is whole with its `finishReason`. A token that is refused is forgotten and the call
/// made once more with another. Source: Vertex AI REST reference, "streamGenerateContent".
class GeminiChat final : public ChatModel {
 public:
  /// `client`, `tokens` and `clock` must outlive it.
  GeminiChat(outbound::Client& client, cloud::google::TokenSource& tokens, const Clock& clock, GeminiOptions options);
  /// "vertex:<model>".
  [[nodiscard]] std::string_view name() const override { return provider_.name(); }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override;

 private:
  [[nodiscard]] std::string path() const;
  [[nodiscard]] std::string body(const ChatRequest& request) const;
  [[nodiscard]] Provider::PieceReader reader(Answer& answer) const;

  const std::string project_;
  const std::string location_;
  const Provider provider_;
  cloud::google::TokenSource& tokens_;
  const Clock& clock_;
};

}  // namespace nexus::llm
