#pragma once

#include "base/time.h"
#include "cloud/aws/credentials.h"
#include "cloud/google/tokens.h"
#include "config/settings.h"
#include "modules/rag/llm.h"
#include "outbound/client.h"

#include <memory>

namespace nexus::observe {
class Metrics;
}

namespace nexus::app {

/// The model that writes answers, with the credentials that remote ones need. Reads no file and asks nobody before the
/// first answer.
class LanguageModels {
 public:
  /// `client`, `clock` and `metrics` must outlive it.
  LanguageModels(const config::Settings& settings, outbound::Client& client, const Clock& clock,
                 observe::Metrics& metrics);

  [[nodiscard]] const rag::Llm& answering() const { return *llm_; }

 private:
  const std::unique_ptr<cloud::google::TokenSource> google_;
  const std::unique_ptr<cloud::aws::CredentialSource> aws_;
  const std::unique_ptr<const rag::Llm> llm_;
};

}  // namespace nexus::app
