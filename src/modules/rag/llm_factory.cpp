#include "modules/rag/llm_factory.h"

#include "base/errors.h"
#include "llm/anthropic_chat.h"
#include "llm/bedrock_chat.h"
#include "llm/fallback_chat.h"
#include "llm/gemini_chat.h"
#include "llm/openai_chat.h"
#include "modules/rag/extractive_llm.h"
#include "modules/rag/fake_llm.h"
#include "modules/rag/remote_llm.h"
#include "observe/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace nexus::rag {
namespace {

using Models = std::vector<std::shared_ptr<const llm::ChatModel>>;

/// A provider that cannot be used, with the reason.
class UnavailableLlm final : public Llm {
 public:
  UnavailableLlm(std::string name, const ErrorKind& kind, std::string reason)
      : name_(std::move(name)), kind_(kind), reason_(std::move(reason)) {}

  [[nodiscard]] std::string_view name() const override { return name_; }
  [[nodiscard]] bool reads_messages() const override { return false; }
  llm::Completion generate(const Prompt& /*prompt*/, const DeltaSink& /*sink*/,
                           const std::stop_token& /*stop*/) const override {
    throw LlmError(kind_, reason_);
  }

 private:
  std::string name_;
  ErrorKind kind_;
  std::string reason_;
};

/// One remote provider: which settings it needs and how its model is made of them.
struct RemoteProvider {
  struct Need {
    std::string_view setting;
    bool met = false;
  };

  std::string_view name;
  std::string_view title;
  std::vector<Need> (*needs)(const LlmChoice& choice);
  std::shared_ptr<const llm::ChatModel> (*make)(const LlmChoice& choice, const LlmPeers& peers);
};

bool is_public_openai(const LlmChoice& choice) {
  return choice.openai_base_url.empty() || choice.openai_base_url.starts_with("https://api.openai.com");
}

/// The options that all providers have in common; `options` brings what is special to one.
llm::ProviderOptions provider_options(const LlmChoice& choice, llm::ProviderOptions options, std::string_view base_url,
                                      const std::string& model, Secret key) {
  if (!base_url.empty()) options.base_url = base_url;
  options.model = model;
  options.api_key = std::move(key);
  options.max_output_tokens = choice.max_output_tokens;
  options.deadline_ms = choice.deadline_ms;
  options.idle_ms = std::min(choice.idle_ms, choice.deadline_ms);
  options.first_byte_ms = options.idle_ms;
  return options;
}

std::shared_ptr<const llm::ChatModel> make_openai(const LlmChoice& choice, const LlmPeers& peers) {
  llm::OpenAiOptions options;
  options.provider = provider_options(choice, std::move(options.provider), choice.openai_base_url, choice.openai_model,
                                      choice.openai_key);
  if (!is_public_openai(choice)) options.limit_field = "max_tokens";  // the name that every such server knows
  return std::make_shared<llm::OpenAiChat>(peers.client, std::move(options));
}

std::shared_ptr<const llm::ChatModel> make_anthropic(const LlmChoice& choice, const LlmPeers& peers) {
  llm::AnthropicOptions options;
  options.provider = provider_options(choice, std::move(options.provider), choice.anthropic_base_url,
                                      choice.anthropic_model, choice.anthropic_key);
  return std::make_shared<llm::AnthropicChat>(peers.client, std::move(options));
}

std::shared_ptr<const llm::ChatModel> make_vertex(const LlmChoice& choice, const LlmPeers& peers) {
  llm::GeminiOptions options{.provider = {}, .project = choice.google_project, .location = choice.google_location};
  options.provider = provider_options(choice, std::move(options.provider), {}, choice.gemini_model, {});
  options.provider.deadline_ms = choice.vertex_timeout_ms;
  // In a chain a silent one must leave time for the next.
  const std::int64_t silence_ms =
      choice.fallback.empty() ? choice.vertex_timeout_ms : std::min(choice.vertex_timeout_ms, choice.idle_ms);
  options.provider.idle_ms = silence_ms;
  options.provider.first_byte_ms = silence_ms;
  return std::make_shared<llm::GeminiChat>(peers.client, peers.google, peers.clock, std::move(options));
}

std::shared_ptr<const llm::ChatModel> make_bedrock(const LlmChoice& choice, const LlmPeers& peers) {
  llm::BedrockOptions options{.provider = {}, .region = choice.aws_region};
  options.provider = provider_options(choice, std::move(options.provider), {}, choice.bedrock_model, {});
  return std::make_shared<llm::BedrockChat>(peers.client, peers.aws, peers.clock, std::move(options));
}

std::vector<RemoteProvider::Need> openai_needs(const LlmChoice& choice) {
  return {{"OPENAI_API_KEY", !choice.openai_key.empty() || !is_public_openai(choice)},
          {"OPENAI_MODEL", !choice.openai_model.empty()}};
}

std::vector<RemoteProvider::Need> anthropic_needs(const LlmChoice& choice) {
  return {{"ANTHROPIC_API_KEY", !choice.anthropic_key.empty()}, {"ANTHROPIC_MODEL", !choice.anthropic_model.empty()}};
}

std::vector<RemoteProvider::Need> vertex_needs(const LlmChoice& choice) {
  return {{"GOOGLE_CLOUD_PROJECT", !choice.google_project.empty()},
          {"GOOGLE_CLOUD_LOCATION", !choice.google_location.empty()},
          {"GEMINI_MODEL", !choice.gemini_model.empty()}};
}

std::vector<RemoteProvider::Need> bedrock_needs(const LlmChoice& choice) {
  return {{"AWS_REGION", !choice.aws_region.empty()}, {"BEDROCK_MODEL_ID", !choice.bedrock_model.empty()}};
}

constexpr std::array<RemoteProvider, 4> kRemoteProviders{{
    {"vertex", "Vertex", vertex_needs, make_vertex},
    {"openai", "OpenAI", openai_needs, make_openai},
    {"anthropic", "Anthropic", anthropic_needs, make_anthropic},
    {"bedrock", "Bedrock", bedrock_needs, make_bedrock},
}};

const RemoteProvider* find_provider(std::string_view name) {
  const auto* const row = std::find_if(kRemoteProviders.begin(), kRemoteProviders.end(),
                                       [&](const RemoteProvider& p) { return p.name == name; });
  return row == kRemoteProviders.end() ? nullptr : row;
}

/// "A, B"; empty when nothing is missing.
std::string missing_settings(const RemoteProvider& provider, const LlmChoice& choice) {
  std::vector<std::string_view> missing;
  for (const RemoteProvider::Need& need : provider.needs(choice))
    if (!need.met) missing.push_back(need.setting);
  return fmt::format("{}", fmt::join(missing, ", "));
}

const ErrorKind& config_error_of(const RemoteProvider& provider) {
  return provider.name == "vertex" ? errors::kVertexConfigMissing : errors::kLlmError;
}

std::unique_ptr<const Llm> unavailable(const RemoteProvider& provider, const std::string& missing) {
  return std::make_unique<UnavailableLlm>(std::string(provider.name), config_error_of(provider),
                                          fmt::format("{} config missing: set {} in .env.", provider.title, missing));
}

std::unique_ptr<const Llm> unknown_fallback(const std::string& name) {
  return std::make_unique<UnavailableLlm>(
      name, errors::kLlmError,
      fmt::format("LLM_FALLBACK names {}, which it cannot use: list some of openai, anthropic, vertex, bedrock.",
                  name));
}

std::unique_ptr<const Llm> make_remote(const RemoteProvider& provider, const LlmChoice& choice, const LlmPeers& peers) {
  const LlmErrorNames names = provider.name == "vertex" ? LlmErrorNames::kVertex : LlmErrorNames::kGeneral;
  if (const std::string missing = missing_settings(provider, choice); !missing.empty())
    return unavailable(provider, missing);
  return std::make_unique<RemoteLlm>(provider.make(choice, peers), names, peers.metrics);
}

std::unique_ptr<const Llm> make_chain(const RemoteProvider& first, const LlmChoice& choice, const LlmPeers& peers) {
  std::vector<const RemoteProvider*> chain{&first};
  for (const std::string& name : choice.fallback) {
    const RemoteProvider* next = find_provider(name);
    if (next == nullptr) return unknown_fallback(name);
    if (std::find(chain.begin(), chain.end(), next) == chain.end()) chain.push_back(next);
  }
  Models models;
  for (const RemoteProvider* provider : chain) {
    const std::string missing = missing_settings(*provider, choice);
    if (missing.empty())
      models.push_back(provider->make(choice, peers));
    else
      observe::log_warn("llm.passed_over", {{"provider", provider->name}, {"missing", missing}});
  }
  if (models.empty()) return unavailable(first, missing_settings(first, choice));
  return std::make_unique<RemoteLlm>(
      std::make_shared<llm::FallbackChat>(std::move(models), peers.clock,
                                          llm::FallbackOptions{.deadline_ms = choice.deadline_ms}),
      LlmErrorNames::kGeneral, peers.metrics);
}

}  // namespace

std::string chosen_provider(const LlmChoice& choice) {
  if (choice.provider != "auto") return choice.provider;
  if (!choice.google_project.empty() && !choice.google_location.empty()) return "vertex";
  if (!choice.openai_key.empty()) return "openai";
  if (!choice.anthropic_key.empty()) return "anthropic";
  return "extractive";
}

std::unique_ptr<const Llm> make_llm(const LlmChoice& choice, const LlmPeers& peers) {
  const std::string provider = chosen_provider(choice);
  if (provider == "fake") return std::make_unique<FakeLlm>();
  if (provider == "extractive") return std::make_unique<ExtractiveLlm>();
  const RemoteProvider* remote = find_provider(provider);
  if (remote == nullptr)
    return std::make_unique<UnavailableLlm>(
        provider, errors::kLlmError,
        fmt::format("LLM provider {} is not part of this version; set LLM_PROVIDER=extractive.", provider));
  return choice.fallback.empty() ? make_remote(*remote, choice, peers) : make_chain(*remote, choice, peers);
}

}  // namespace nexus::rag
