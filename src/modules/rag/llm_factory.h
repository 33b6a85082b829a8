#pragma once

#include "modules/rag/llm.h"

#include <memory>
#include <string>

namespace nexus::rag {

/// What decides which model answers.
struct LlmChoice {
  std::string provider = "auto";  ///< LLM_PROVIDER
  std::string google_project;
  std::string google_location;
  std::string gemini_model;
};

/// `auto` and `extractive` answer from the sources themselves. A provider that this build does not have makes every run
/// end with an `error` event that says what is missing; it never answers with something else in disguise.
[[nodiscard]] std::unique_ptr<const Llm> make_llm(const LlmChoice& choice);

}  // namespace nexus::rag
