#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

/// The features that plans switch (contract 01 §8.1). Which plan has which is data: tables `plans` and `plan_features`.
namespace nexus::plans {

inline constexpr std::string_view kAuditAccess = "feature.audit_access";
inline constexpr std::string_view kBillingWebhookTest = "feature.billing_webhook_test";
inline constexpr std::string_view kChargebackReports = "feature.chargeback_reports";
inline constexpr std::string_view kCorporaPatchProviderConfig = "feature.corpora_patch_provider_config";
inline constexpr std::string_view kCostControls = "feature.cost_controls";
inline constexpr std::string_view kCostVisibility = "feature.cost_visibility";
inline constexpr std::string_view kHighQuotaTier = "feature.high_quota_tier";
inline constexpr std::string_view kIdentityJit = "feature.identity.jit";
inline constexpr std::string_view kIdentityScim = "feature.identity.scim";
inline constexpr std::string_view kIdentitySso = "feature.identity.sso";
inline constexpr std::string_view kOpsAdminAccess = "feature.ops_admin_access";
inline constexpr std::string_view kRetrievalAwsBedrock = "feature.retrieval.aws_bedrock";
inline constexpr std::string_view kRetrievalGcpVertex = "feature.retrieval.gcp_vertex";
inline constexpr std::string_view kRetrievalLocalPgvector = "feature.retrieval.local_pgvector";
inline constexpr std::string_view kTts = "feature.tts";

/// All of them, sorted.
inline constexpr std::array kFeatureKeys{kAuditAccess,
                                         kBillingWebhookTest,
                                         kChargebackReports,
                                         kCorporaPatchProviderConfig,
                                         kCostControls,
                                         kCostVisibility,
                                         kHighQuotaTier,
                                         kIdentityJit,
                                         kIdentityScim,
                                         kIdentitySso,
                                         kOpsAdminAccess,
                                         kRetrievalAwsBedrock,
                                         kRetrievalGcpVertex,
                                         kRetrievalLocalPgvector,
                                         kTts};
static_assert(std::is_sorted(kFeatureKeys.begin(), kFeatureKeys.end()));

/// Place of a key in kFeatureKeys; empty when there is no such feature.
[[nodiscard]] constexpr std::optional<std::size_t> feature_index(std::string_view key) {
  const auto* const at = std::lower_bound(kFeatureKeys.begin(), kFeatureKeys.end(), key);
  if (at == kFeatureKeys.end() || *at != key) return std::nullopt;
  return static_cast<std::size_t>(at - kFeatureKeys.begin());
}

/// The three that are refused with COST_FEATURE_NOT_ENABLED.
[[nodiscard]] constexpr bool is_cost_feature(std::string_view key) {
  return key == kCostVisibility || key == kCostControls || key == kChargebackReports;
}

/// What a tenant needs for a corpus of this retrieval provider (contract 02 §6.2); empty when the provider is not
/// gated, as unknown ones are.
[[nodiscard]] constexpr std::string_view feature_of_provider(std::string_view provider) {
  if (provider == "local_pgvector") return kRetrievalLocalPgvector;
  if (provider == "aws_bedrock_kb") return kRetrievalAwsBedrock;
  if (provider == "gcp_vertex") return kRetrievalGcpVertex;
  return {};
}

/// The plan of a tenant that was given none.
inline constexpr std::string_view kDefaultPlan = "free";

}  // namespace nexus::plans
