#pragma once

#include "modules/rag/llm.h"

namespace nexus::rag {

/// Says the same five pieces whatever it is asked (contract 02 §4). For tests and load measurements.
class FakeLlm final : public Llm {
 public:
  [[nodiscard]] std::string_view name() const override { return "fake"; }
  [[nodiscard]] bool reads_messages() const override { return false; }
  llm::Completion generate(const Prompt& prompt, const DeltaSink& sink, const std::stop_token& stop) const override;
};

}  // namespace nexus::rag
