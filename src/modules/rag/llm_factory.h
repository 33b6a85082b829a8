#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "cloud/google/tokens.h"
#include "modules/rag/llm.h"
#include "outbound/client.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::rag {

/// What decides which model answers. A base address that is empty stands for the provider's public one.
struct LlmChoice {
  std::string provider = "auto";            ///< LLM_PROVIDER
  std::vector<std::string> fallback = {};   ///< LLM_FALLBACK: asked in order when the first fails before its first word
  std::int64_t max_output_tokens = 1024;    ///< RUN_MAX_OUTPUT_TOKENS
  std::int64_t deadline_ms = 90'000;        ///< of a whole answer, of a chain of models too
  std::int64_t idle_ms = 30'000;            ///< the longest silence, before the first word and after
  std::int64_t vertex_timeout_ms = 90'000;  ///< both for Vertex (contract 02 §4)

  Secret openai_key = {};
  std::string openai_base_url = {};
  std::string openai_model = {};
  Secret anthropic_key = {};
  std::string anthropic_base_url = {};
  std::string anthropic_model = {};
  std::string google_project = {};
  std::string google_location = {};
  std::string gemini_model = {};
  std::string aws_region = {};
  std::string bedrock_model = {};
};

/// What remote models work with. Outlives them.
struct LlmPeers {
  outbound::Client& client;
  cloud::google::TokenSource& google;
  cloud::aws::CredentialSource& aws;
  const Clock& clock;
  observe::Metrics& metrics;
};

/// The provider that `auto` stands for: `vertex` with a project and a location, else `openai` or `anthropic` with a
/// key, else `extractive`. Bedrock has to be named: its credentials may be there for other ends.
[[nodiscard]] std::string chosen_provider(const LlmChoice& choice);

/// A provider whose settings are missing makes every run end with an `error` event that names them; it never answers
/// with something else in disguise. In a chain such a provider is passed over as long as another has its settings.
[[nodiscard]] std::unique_ptr<const Llm> make_llm(const LlmChoice& choice, const LlmPeers& peers);

}  // namespace nexus::rag
