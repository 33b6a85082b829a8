#include "config/settings_table.h"

#include "base/encoding.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace nexus::config {
namespace {

constexpr auto kTable = std::to_array<const Row*>({
    &kNexusragEnv,
    &kAppName,
    &kLogLevel,
    &kLogFormat,
    &kDataDir,
    &kInstrumentationDetailedTimers,
    &kMetricsToken,
    &kOtelExporterOtlpEndpoint,
    &kApiLegacySunset,
    &kPlatformOperatorTenants,
    &kWorkersInProcess,
    &kHeartbeatSecret,
    &kVercelGitCommitAuthorDate,
    &kListenHost,
    &kListenPort,
    &kHttpIoThreads,
    &kHttpMaxConnections,
    &kHttpMaxHeaderBytes,
    &kHttpMaxBodyBytes,
    &kHttpMaxUploadBytes,
    &kHttpEarlyBodyBytes,
    &kHttpHeaderTimeoutMs,
    &kHttpBodyTimeoutMs,
    &kHttpIdleTimeoutMs,
    &kHttpWriteTimeoutMs,
    &kHttpStreamHighWaterBytes,
    &kHttpMultipartMaxFiles,
    &kHttpMultipartMaxFields,
    &kHttpMultipartMaxFieldBytes,

    &kTrustedProxies,
    &kShutdownGraceS,
    &kSpoolDir,
    &kLaneDbThreads,
    &kLaneDbQueue,
    &kLaneOutboundThreads,
    &kLaneOutboundQueue,
    &kLaneBulkThreads,
    &kLaneBulkQueue,
    &kDatabaseUrl,
    &kRedisUrl,
    &kApiDbPoolSize,
    &kApiDbMaxOverflow,
    &kApiDbStatementTimeoutMs,
    &kSqliteReaders,
    &kSqliteBusyTimeoutMs,
    &kSqliteMmapMb,
    &kSqliteCacheMb,
    &kSqliteWriteQueue,
    &kSqliteGroupMax,
    &kSqliteCheckpointPages,
    &kIngestQueueName,
    &kIngestMaxRetries,
    &kIngestExecutionMode,
    &kIngestWorkers,
    &kWorkerHeartbeatIntervalS,
    &kWorkerHeartbeatStaleAfterS,
    &kJobLeaseS,
    &kJobHeartbeatS,
    &kJobBackoffMs,
    &kJobBackoffMaxMs,
    &kJobPollIntervalMs,
    &kJobMaxQueuedPerTenant,
    &kJobRetentionDays,
    &kAuthEnabled,
    &kAuthDevBypass,
    &kAuthApiKeyHeader,
    &kAuthCacheTtlS,
    &kAuthCacheEntries,
    &kAuthApiKeyInactiveDays,
    &kAuthApiKeyInactiveEnforced,
    &kApiKeyPepper,
    &kSelfServeMaxActiveKeys,
    &kAuthzAbacEnabled,
    &kAuthzDefaultDeny,
    &kAuthzAdminBypassDocumentAcl,
    &kAuthzMaxPolicyBytes,
    &kAuthzMaxPolicyDepth,
    &kAuthzSimulationEnabled,
    &kAuthzRequireTenantPredicate,
    &kAuthzAllowWildcards,
    &kAuthzTimeZone,
    &kSsoEnabled,
    &kSsoAllowedRedirectHosts,
    &kSsoStateTtlSeconds,
    &kSsoNonceTtlSeconds,
    &kSsoClockSkewSeconds,
    &kSsoSessionTtlHours,
    &kSsoPublicDiscoveryEnabled,
    &kScimEnabled,
    &kScimTokenTtlDays,
    &kScimDefaultPageSize,
    &kScimMaxPageSize,
    &kScimResponseFormat,
    &kIdentityDualControlRequired,
    &kRateLimitEnabled,
    &kRlFailMode,
    &kRlKeyRunRps,
    &kRlKeyRunBurst,
    &kRlTenantRunRps,
    &kRlTenantRunBurst,
    &kRlKeyMutationRps,
    &kRlKeyMutationBurst,
    &kRlTenantMutationRps,
    &kRlTenantMutationBurst,
    &kRlKeyReadRps,
    &kRlKeyReadBurst,
    &kRlTenantReadRps,
    &kRlTenantReadBurst,
    &kRlKeyOpsRps,
    &kRlKeyOpsBurst,
    &kRlTenantOpsRps,
    &kRlTenantOpsBurst,
    &kRlRedisPrefix,
    &kAuditRetentionDays,
    &kAuditCheckpointEvents,
    &kAuditCheckpointIntervalS,
    &kAuditCheckpointDir,
    &kAuditSigningKey,
    &kKeyringMasterKey,
    &kKeyringMasterKeyRequired,
    &kCryptoEnabled,
    &kCryptoProvider,
    &kCryptoEncryptionAlgo,
    &kCryptoRequireEncryptionForSensitive,
    &kCryptoDefaultKeyAlias,
    &kCryptoRotationIntervalDays,
    &kCryptoReencryptBatchSize,
    &kCryptoMaxConcurrentReencrypt,
    &kCryptoFailMode,
    &kCryptoAuditVerbose,
    &kCryptoLocalMasterKey,
    &kRunMaxConcurrency,
    &kRunBulkheadMaxConcurrency,
    &kIngestMaxConcurrency,
    &kIngestBulkheadMaxConcurrency,
    &kRunSseHeartbeatS,
    &kSseFlushIntervalMs,
    &kRunResumeTtlS,
    &kRunResumeMemoryMb,
    &kExtCallTimeoutMs,
    &kExtRetryMaxAttempts,
    &kExtRetryBackoffMs,
    &kCbFailureThreshold,
    &kCbOpenSeconds,
    &kCbHalfOpenTrials,
    &kCbRedisPrefix,
    &kOutboundAllowPrivate,
    &kKillRun,
    &kKillIngest,
    &kKillTts,
    &kKillExternalRetrieval,
    &kKillNotifications,
    &kRolloutTtsPct,
    &kRolloutExternalRetrievalPct,
    &kRolloutRedisPrefix,
    &kSloAvailabilityTarget,
    &kSloP95RunMs,
    &kSloP95ApiMs,
    &kDocumentTextMaxBytes,
    &kDocumentMetadataMaxBytes,
    &kDocumentBulkMaxFiles,

    &kExtractMaxEntries,
    &kExtractMaxPages,

    &kExtractTimeoutS,
    &kExtractProcessMemoryMb,
    &kChunkSizeChars,
    &kChunkOverlapChars,
    &kChunkMaxPerDocument,
    &kSearchEngine,
    &kIndexMemoryMb,
    &kVectorExactMax,
    &kSearchTimeoutMs,
    &kRunMessageMaxBytes,
    &kRunHistoryMaxTokens,
    &kRunContextMaxTokens,
    &kRunMaxOutputTokens,
    &kDebugEvents,
    &kLlmProvider,
    &kEmbeddingProvider,
    &kModelsDir,
    &kLocalEmbeddingModel,
    &kOpenaiApiKey,
    &kOpenaiBaseUrl,
    &kOpenaiModel,
    &kOpenaiEmbeddingModel,
    &kAnthropicApiKey,
    &kAnthropicModel,
    &kGoogleCloudProject,
    &kGoogleCloudLocation,
    &kVertexLocation,
    &kGoogleApplicationCredentials,
    &kGeminiModel,
    &kVertexEmbeddingModel,
    &kVertexStreamTimeoutS,
    &kAwsRegion,
    &kAwsDefaultRegion,
    &kAwsProfile,
    &kAwsAccessKeyId,
    &kAwsSecretAccessKey,
    &kAwsSessionToken,
    &kBedrockModelId,
    &kBedrockEmbeddingModelId,
    &kTtsProvider,
    &kOpenaiTtsModel,
    &kOpenaiTtsVoice,
    &kAudioBaseUrl,
    &kUiActionRetentionDays,
    &kUsageCounterRetentionDays,
    &kIdempotencyEnabled,
    &kIdempotencyTtlHours,
    &kUiCursorSecret,
    &kBillingWebhookEnabled,
    &kBillingWebhookUrl,
    &kBillingWebhookSecret,
    &kBillingWebhookTimeoutMs,
    &kCostGovernanceEnabled,
    &kCostDefaultWarnRatio,
    &kCostDefaultHardCapMode,
    &kCostDegradeEnableTtsDisable,
    &kCostDegradeMinTopK,
    &kCostDegradeMaxOutputTokens,
    &kCostEstimatorEnabled,
    &kCostEstimatorTokenCharsRatio,
    &kCostTimeseriesDefaultDays,
    &kSlaEngineEnabled,
    &kSlaDefaultEnforcementMode,
    &kSlaDefaultBreachWindows,
    &kSlaMeasurementWindowSeconds,
    &kSlaErrorBudgetWindowMinutes,
    &kSlaShedEnabled,
    &kSlaDegradeTtsDisable,
    &kSlaDegradeTopKFloor,
    &kSlaDegradeMaxOutputTokens,
    &kAutoscalingEnabled,
    &kAutoscalingDryRun,
    &kAutoscalingEvalIntervalSeconds,
    &kAutoscalingHysteresisPct,
    &kAutoscalingExecutor,
    &kAlertingEnabled,
    &kOperabilityBackgroundEvaluatorEnabled,
    &kOperabilityEvalIntervalS,
    &kOperabilityEvalLockTtlS,
    &kOperabilityWorkerHeartbeatStaleAfterS,
    &kIncidentAutomationEnabled,
    &kIncidentAutoOpenMinSeverity,
    &kOpsNotificationAdapter,
    &kOpsNotificationWebhookUrl,
    &kNotifyWebhookUrlsJson,
    &kNotifyMaxAttempts,
    &kNotifyBackoffMs,
    &kNotifyBackoffMaxMs,
    &kNotifyMaxAgeSeconds,
    &kNotifyDedupeWindowS,
    &kNotifyQueueName,
    &kNotifyWorkerPollIntervalS,
    &kNotifyRequeueBatchSize,
    &kOpsForcedFlagTtlS,
    &kOpsForcedWriterLeaseTtlS,
    &kPreflightRequireWorkerHeartbeat,
    &kGaChecklistOutputDir,
    &kBackupEnabled,
    &kBackupEncryptionEnabled,
    &kBackupEncryptionKey,
    &kBackupSigningEnabled,
    &kBackupSigningKey,
    &kBackupRetentionDays,
    &kBackupScheduleCron,
    &kBackupVerifyOnCreate,
    &kBackupMaxParallelUploads,
    &kBackupLocalDir,
    &kRestoreRequireSignature,
    &kGovernancePolicyEngineEnabled,
    &kGovernanceArtifactDir,
    &kGovernanceEvidenceMaxWindowDays,
    &kComplianceEnabled,
    &kComplianceDefaultWindowDays,
    &kComplianceEvalCron,
    &kComplianceBundleCron,
    &kComplianceEvidenceRetentionDays,
    &kComplianceFailOnCritical,
    &kComplianceSignatureRequired,
    &kComplianceEvidenceDir,
    &kRegionId,
    &kRegionRole,
    &kFailoverEnabled,
    &kFailoverMode,
    &kReplicationLagMaxSeconds,
    &kReplicationHealthRequired,
    &kWriteFreezeOnUnhealthyReplica,
    &kFailoverCooldownSeconds,
    &kFailoverTokenTtlSeconds,
    &kRegionPriority,
    &kPeerRegionsJson,
    &kFailoverRedisPrefix,
    &kPerfModeEnabled,
    &kPerfFakeProviderMode,
    &kPerfRunTargetP95Ms,
    &kPerfMaxErrorRate,
    &kPerfSoakDurationMin,
    &kPerfReportDir,
    &kReceiverSharedSecret,
    &kReceiverRequireSignature,
    &kReceiverRequireTimestamp,
    &kReceiverMaxTimestampSkewSeconds,
    &kReceiverFailMode,
    &kReceiverFailN,
    &kReceiverPort,
    &kReceiverStorePath,
    &kReceiverStoreRawBody,
});

/// Open addressing over the addresses of the rows, at most a quarter full: a lookup is a multiplication and about one
/// comparison.
class OrdinalIndex {
 public:
  OrdinalIndex() {
    slots_.fill(kEmpty);
    for (std::size_t i = 0; i < kTable.size(); ++i) {
      std::size_t at = slot_of(kTable[i]);
      while (slots_[at] != kEmpty) at = (at + 1) % kSlots;
      slots_[at] = static_cast<std::uint16_t>(i);
    }
  }
  [[nodiscard]] std::size_t find(const Row* row) const {
    for (std::size_t at = slot_of(row); slots_[at] != kEmpty; at = (at + 1) % kSlots)
      if (kTable[slots_[at]] == row) return slots_[at];
    throw std::logic_error("setting " + std::string(row->about.name) + " is not in settings_table.cpp");
  }

 private:
  static constexpr std::size_t kBits = 11;
  static constexpr std::size_t kSlots = std::size_t{1} << kBits;
  static constexpr std::uint16_t kEmpty = 0xFFFF;
  static_assert(kTable.size() * 4 <= kSlots);

  static std::size_t slot_of(const Row* row) {
    constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
    return static_cast<std::size_t>((reinterpret_cast<std::uintptr_t>(row) * kGolden) >> (64 - kBits));
  }

  std::array<std::uint16_t, kSlots> slots_{};
};

std::unordered_map<std::string, const Row*> rows_by_name() {
  std::unordered_map<std::string, const Row*> rows;
  for (const Row* row : kTable)
    if (!rows.emplace(ascii_lower(row->about.name), row).second)
      throw std::logic_error("setting " + std::string(row->about.name) + " stands twice in settings_table.cpp");
  return rows;
}

}  // namespace

std::span<const Row* const> settings_table() {
  return kTable;
}

const Row* find_row(std::string_view name) {
  static const auto rows = rows_by_name();
  const auto found = rows.find(ascii_lower(name));
  return found == rows.end() ? nullptr : found->second;
}

std::size_t ordinal(const Row& row) {
  static const OrdinalIndex index;
  return index.find(&row);
}

}  // namespace nexus::config
