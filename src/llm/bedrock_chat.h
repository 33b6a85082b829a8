#pragma once

#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "llm/chat.h"
#include "llm/provider.h"

#include <string>
#include <string_view>

namespace nexus::llm {

struct BedrockOptions {
  /// Without `base_url` the public address of the region is taken. `model` is a model's id, an inference profile or an
  /// ARN. `api_key` is not used.
  ProviderOptions provider;
  std::string region;
  std::string_view integration = "llm.bedrock";  ///< a literal
};

/// Models on AWS Bedrock. An answer is whole with its `messageStop`. Source: Amazon Bedrock API reference,
/// "ConverseStream".
class BedrockChat final : public ChatModel {
 public:
  /// `client`, `credentials` and `clock` must outlive it.
  BedrockChat(outbound::Client& client, cloud::aws::CredentialSource& credentials, const Clock& clock,
              BedrockOptions options);
  /// "bedrock:<model>".
  [[nodiscard]] std::string_view name() const override { return provider_.name(); }
  Completion complete(const ChatRequest& request, const TextSink& sink) const override;

 private:
  [[nodiscard]] std::string body(const ChatRequest& request) const;
  void sign(outbound::Request& post, const ChatRequest& request, const Answer& answer) const;
  [[nodiscard]] Provider::PieceReader reader(Answer& answer) const;

  const std::string region_;
  const Provider provider_;
  cloud::aws::CredentialSource& credentials_;
  const Clock& clock_;
};

}  // namespace nexus::llm
