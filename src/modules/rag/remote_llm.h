#pragma once

#include "llm/chat.h"
#include "modules/rag/llm.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

namespace nexus::observe {
class Metrics;
}

namespace nexus::rag {

/// By which names a run tells failures of its model.
enum class LlmErrorNames : std::uint8_t {
  kGeneral,  ///< LLM_ERROR, with a sentence that says what failed and what may help
  kVertex,   ///< VERTEX_* with the contract's texts (contract 02 §2.3, §4); LLM_ERROR for a question that was refused
};

/// A model of a provider behind the port of runs. Sends the rendered conversation; counts answers by how they ended and
/// the tokens that the provider reports. An answer that ended without a word is a failure: its reader must not take
/// silence for an answer.
class RemoteLlm final : public Llm {
 public:
  /// `metrics` must outlive it.
  RemoteLlm(std::shared_ptr<const llm::ChatModel> model, LlmErrorNames names, observe::Metrics& metrics)
      : model_(std::move(model)), names_(names), metrics_(metrics) {}

  [[nodiscard]] std::string_view name() const override { return model_->name(); }
  [[nodiscard]] bool reads_messages() const override { return true; }
  llm::Completion generate(const Prompt& prompt, const DeltaSink& sink, const std::stop_token& stop) const override;

 private:
  [[nodiscard]] llm::Completion ask(const Prompt& prompt, const llm::TextSink& sink, const std::stop_token& stop) const;
  void count_answer(std::string_view outcome) const;
  void count_tokens(std::string_view kind, const std::optional<std::int64_t>& tokens) const;

  const std::shared_ptr<const llm::ChatModel> model_;
  const LlmErrorNames names_;
  observe::Metrics& metrics_;
};

/// The failure as a run tells it.
[[nodiscard]] LlmError named_failure(const llm::Error& error, LlmErrorNames names);

}  // namespace nexus::rag
