#include "app/language_models.h"

#include "cloud/aws/credential_chain.h"
#include "cloud/google/default_tokens.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "modules/rag/llm_factory.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::app {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;

/// A variable that is no setting of ours, but one that the clouds' own tools read.
std::optional<std::string> environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  if (value == nullptr) return std::nullopt;
  return value;
}

std::optional<std::string> text_of(const Secret& secret) {
  if (secret.empty()) return std::nullopt;
  return std::string(secret.reveal());
}

/// AWS variables: our settings, which files and the command line can give too, before the environment.
std::optional<std::string> aws_variable(const config::Settings& settings, std::string_view name) {
  if (name == config::kAwsAccessKeyId.about.name) return settings.get(config::kAwsAccessKeyId);
  if (name == config::kAwsSecretAccessKey.about.name) return text_of(settings.get(config::kAwsSecretAccessKey));
  if (name == config::kAwsSessionToken.about.name) return text_of(settings.get(config::kAwsSessionToken));
  if (name == config::kAwsProfile.about.name) return settings.get(config::kAwsProfile);
  if (name == config::kAwsRegion.about.name) return settings.get(config::kAwsRegion);
  if (name == config::kAwsDefaultRegion.about.name) return settings.get(config::kAwsDefaultRegion);
  return environment(name);
}

std::unique_ptr<cloud::google::TokenSource> google_tokens(const config::Settings& settings, outbound::Client& client,
                                                          const Clock& clock) {
  cloud::google::DefaultTokensOptions options;
  options.credentials_file = settings.get(config::kGoogleApplicationCredentials).value_or("");
  options.gcloud_file = cloud::google::gcloud_credentials_path(environment("CLOUDSDK_CONFIG").value_or(""),
                                                               environment("HOME").value_or(""));
  options.metadata_host = environment("GCE_METADATA_HOST").value_or(options.metadata_host);
  options.quota_project = environment("GOOGLE_CLOUD_QUOTA_PROJECT").value_or("");
  return cloud::google::default_tokens(options, client, clock);
}

std::unique_ptr<cloud::aws::CredentialSource> aws_credentials(const config::Settings& settings,
                                                              outbound::Client& client, const Clock& clock) {
  return std::make_unique<cloud::aws::CredentialChain>(
      client, clock,
      cloud::aws::read_chain_options([&](std::string_view name) { return aws_variable(settings, name); }));
}

rag::LlmChoice llm_choice(const config::Settings& settings) {
  return {.provider = settings.get(config::kLlmProvider),
          .fallback = config::split_list(settings.get(config::kLlmFallback)),
          .max_output_tokens = settings.get(config::kRunMaxOutputTokens),
          .deadline_ms = settings.get(config::kLlmDeadlineS) * kMsPerSecond,
          .idle_ms = settings.get(config::kLlmIdleTimeoutS) * kMsPerSecond,
          .vertex_timeout_ms = settings.get(config::kVertexStreamTimeoutS) * kMsPerSecond,
          .openai_key = settings.get(config::kOpenaiApiKey),
          .openai_base_url = settings.get(config::kOpenaiBaseUrl),
          .openai_model = settings.get(config::kOpenaiModel),
          .anthropic_key = settings.get(config::kAnthropicApiKey),
          .anthropic_base_url = settings.get(config::kAnthropicBaseUrl),
          .anthropic_model = settings.get(config::kAnthropicModel),
          .google_project = settings.get(config::kGoogleCloudProject).value_or(""),
          .google_location =
              settings.get(config::kGoogleCloudLocation).value_or(settings.get(config::kVertexLocation).value_or("")),
          .gemini_model = settings.get(config::kGeminiModel),
          .aws_region = cloud::aws::read_region([&](std::string_view name) { return aws_variable(settings, name); }),
          .bedrock_model = settings.get(config::kBedrockModelId)};
}

}  // namespace

LanguageModels::LanguageModels(const config::Settings& settings, outbound::Client& client, const Clock& clock,
                               observe::Metrics& metrics)
    : google_(google_tokens(settings, client, clock)),
      aws_(aws_credentials(settings, client, clock)),
      llm_(rag::make_llm(llm_choice(settings),
                         {.client = client, .google = *google_, .aws = *aws_, .clock = clock, .metrics = metrics})) {}

}  // namespace nexus::app
