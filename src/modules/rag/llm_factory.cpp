#include "modules/rag/llm_factory.h"

#include "base/errors.h"
#include "modules/rag/extractive_llm.h"
#include "modules/rag/fake_llm.h"

#include <fmt/format.h>

namespace nexus::rag {
namespace {

/// A provider that cannot be used, with the reason.
class UnavailableLlm final : public Llm {
 public:
  UnavailableLlm(std::string name, const ErrorKind& kind, std::string reason)
      : name_(std::move(name)), kind_(kind), reason_(std::move(reason)) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] bool reads_messages() const override { return false; }
  void generate(const Prompt& /*prompt*/, const DeltaSink& /*sink*/, const std::stop_token& /*stop*/) const override {
    throw LlmError(kind_, reason_);
  }

 private:
  std::string name_;
  ErrorKind kind_;
  std::string reason_;
};

std::string missing_vertex_settings(const LlmChoice& choice) {
  std::string missing;
  const auto need = [&](const std::string& value, std::string_view name) {
    if (!value.empty()) return;
    if (!missing.empty()) missing.append(", ");
    missing.append(name);
  };
  need(choice.google_project, "GOOGLE_CLOUD_PROJECT");
  need(choice.google_location, "GOOGLE_CLOUD_LOCATION");
  need(choice.gemini_model, "GEMINI_MODEL");
  return missing;
}

}  // namespace

std::unique_ptr<const Llm> make_llm(const LlmChoice& choice) {
  if (choice.provider == "fake") return std::make_unique<FakeLlm>();
  if (choice.provider == "auto" || choice.provider == "extractive") return std::make_unique<ExtractiveLlm>();
  if (choice.provider == "vertex") {
    const std::string missing = missing_vertex_settings(choice);
    if (!missing.empty())
      return std::make_unique<UnavailableLlm>(choice.provider, errors::kVertexConfigMissing,
                                              fmt::format("Vertex config missing: set {} in .env.", missing));
  }
  return std::make_unique<UnavailableLlm>(
      choice.provider, errors::kLlmError,
      fmt::format("LLM provider {} is not part of this version; set LLM_PROVIDER=extractive.", choice.provider));
}

}  // namespace nexus::rag
