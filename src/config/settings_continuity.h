#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <optional>
#include <string>

/// Backup, governance, regions, performance runs and the reference receiver. Every row must also stand in
/// settings_table.cpp.
namespace nexus::config {

// Backup
inline constexpr Setting<bool> kBackupEnabled{
    {.name = "BACKUP_ENABLED", .area = Area::kBackup, .doc = "Make backups.", .since = Since::kLater}, true};
inline constexpr Setting<bool> kBackupEncryptionEnabled{
    {.name = "BACKUP_ENCRYPTION_ENABLED", .area = Area::kBackup, .doc = "Encrypt backups.", .since = Since::kLater},
    true};
inline constexpr Setting<Secret> kBackupEncryptionKey{{.name = "BACKUP_ENCRYPTION_KEY",
                                                       .area = Area::kBackup,
                                                       .doc = "Key of backups, hex or base64 of 16, 24 or 32 bytes.",
                                                       .since = Since::kLater}};
inline constexpr Setting<bool> kBackupSigningEnabled{
    {.name = "BACKUP_SIGNING_ENABLED", .area = Area::kBackup, .doc = "Sign manifests.", .since = Since::kLater}, true};
inline constexpr Setting<Secret> kBackupSigningKey{{.name = "BACKUP_SIGNING_KEY",
                                                    .area = Area::kBackup,
                                                    .doc = "Signs manifests of backups and evidence.",
                                                    .since = Since::kLater}};
inline constexpr Setting<std::int64_t> kBackupRetentionDays{{.name = "BACKUP_RETENTION_DAYS",
                                                             .area = Area::kBackup,
                                                             .doc = "Age at which backups are pruned.",
                                                             .since = Since::kLater},
                                                            30,
                                                            1,
                                                            36'500};
inline constexpr Setting<std::string> kBackupScheduleCron{
    {.name = "BACKUP_SCHEDULE_CRON", .area = Area::kBackup, .doc = "When backups are made.", .since = Since::kLater},
    "0 2 * * *"};
inline constexpr Setting<bool> kBackupVerifyOnCreate{{.name = "BACKUP_VERIFY_ON_CREATE",
                                                      .area = Area::kBackup,
                                                      .doc = "Verify each new backup.",
                                                      .since = Since::kLater},
                                                     true};
inline constexpr Setting<std::int64_t> kBackupMaxParallelUploads{{.name = "BACKUP_MAX_PARALLEL_UPLOADS",
                                                                  .area = Area::kBackup,
                                                                  .doc = "Parts written at once.",
                                                                  .since = Since::kLater},
                                                                 2,
                                                                 1,
                                                                 64};
inline constexpr Setting<std::string> kBackupLocalDir{
    {.name = "BACKUP_LOCAL_DIR", .area = Area::kBackup, .doc = "Folder of backups.", .since = Since::kLater},
    "./backups"};
inline constexpr Setting<bool> kRestoreRequireSignature{{.name = "RESTORE_REQUIRE_SIGNATURE",
                                                         .area = Area::kBackup,
                                                         .doc = "Refuse unsigned backups.",
                                                         .since = Since::kLater},
                                                        true};

// Governance
inline constexpr Setting<bool> kGovernancePolicyEngineEnabled{{.name = "GOVERNANCE_POLICY_ENGINE_ENABLED",
                                                               .area = Area::kGovernance,
                                                               .doc = "Evaluate governance policies.",
                                                               .since = Since::kLater},
                                                              true};
inline constexpr Setting<std::string> kGovernanceArtifactDir{{.name = "GOVERNANCE_ARTIFACT_DIR",
                                                              .area = Area::kGovernance,
                                                              .doc = "Folder of artifacts.",
                                                              .since = Since::kLater},
                                                             "./governance_artifacts"};
inline constexpr Setting<std::int64_t> kGovernanceEvidenceMaxWindowDays{{.name = "GOVERNANCE_EVIDENCE_MAX_WINDOW_DAYS",
                                                                         .area = Area::kGovernance,
                                                                         .doc = "Longest window of evidence.",
                                                                         .since = Since::kLater},
                                                                        90,
                                                                        1,
                                                                        3650};
inline constexpr Setting<bool> kComplianceEnabled{
    {.name = "COMPLIANCE_ENABLED", .area = Area::kGovernance, .doc = "Evaluate controls.", .since = Since::kLater},
    true};
inline constexpr Setting<std::int64_t> kComplianceDefaultWindowDays{{.name = "COMPLIANCE_DEFAULT_WINDOW_DAYS",
                                                                     .area = Area::kGovernance,
                                                                     .doc = "Window when none is asked for.",
                                                                     .since = Since::kLater},
                                                                    30,
                                                                    1,
                                                                    3650};
inline constexpr Setting<std::string> kComplianceEvalCron{{.name = "COMPLIANCE_EVAL_CRON",
                                                           .area = Area::kGovernance,
                                                           .doc = "When controls are evaluated.",
                                                           .since = Since::kLater},
                                                          "0 3 * * *"};
inline constexpr Setting<std::string> kComplianceBundleCron{{.name = "COMPLIANCE_BUNDLE_CRON",
                                                             .area = Area::kGovernance,
                                                             .doc = "When evidence is bundled.",
                                                             .since = Since::kLater},
                                                            "0 4 * * 1"};
inline constexpr Setting<std::int64_t> kComplianceEvidenceRetentionDays{{.name = "COMPLIANCE_EVIDENCE_RETENTION_DAYS",
                                                                         .area = Area::kGovernance,
                                                                         .doc = "Age at which evidence is pruned.",
                                                                         .since = Since::kLater},
                                                                        365,
                                                                        1,
                                                                        36'500};
inline constexpr Setting<bool> kComplianceFailOnCritical{{.name = "COMPLIANCE_FAIL_ON_CRITICAL",
                                                          .area = Area::kGovernance,
                                                          .doc = "Report a failing pipeline for critical findings.",
                                                          .since = Since::kLater},
                                                         false};
inline constexpr Setting<bool> kComplianceSignatureRequired{{.name = "COMPLIANCE_SIGNATURE_REQUIRED",
                                                             .area = Area::kGovernance,
                                                             .doc = "Sign bundles.",
                                                             .since = Since::kLater},
                                                            true};
inline constexpr Setting<std::string> kComplianceEvidenceDir{{.name = "COMPLIANCE_EVIDENCE_DIR",
                                                              .area = Area::kGovernance,
                                                              .doc = "Folder of evidence.",
                                                              .since = Since::kLater},
                                                             "var/evidence"};

// Regions
inline constexpr Setting<std::string> kRegionId{
    {.name = "REGION_ID", .area = Area::kRegions, .doc = "Name of this region.", .since = Since::kLater},
    "ap-southeast-1"};
inline constexpr Setting<std::string> kRegionRole{
    {.name = "REGION_ROLE", .area = Area::kRegions, .doc = "Role of this region.", .since = Since::kLater},
    "primary",
    "primary|standby"};
inline constexpr Setting<bool> kFailoverEnabled{{.name = "FAILOVER_ENABLED",
                                                 .area = Area::kRegions,
                                                 .doc = "Serve failover and gate writes by region.",
                                                 .since = Since::kLater},
                                                true};
inline constexpr Setting<std::string> kFailoverMode{
    {.name = "FAILOVER_MODE", .area = Area::kRegions, .doc = "Who decides a failover.", .since = Since::kLater},
    "manual",
    "manual|assisted"};
inline constexpr Setting<std::int64_t> kReplicationLagMaxSeconds{{.name = "REPLICATION_LAG_MAX_SECONDS",
                                                                  .area = Area::kRegions,
                                                                  .doc = "Replication lag that blocks.",
                                                                  .since = Since::kLater},
                                                                 30,
                                                                 0,
                                                                 86'400};
inline constexpr Setting<bool> kReplicationHealthRequired{{.name = "REPLICATION_HEALTH_REQUIRED",
                                                           .area = Area::kRegions,
                                                           .doc = "Ask for healthy replication.",
                                                           .since = Since::kLater},
                                                          true};
inline constexpr Setting<bool> kWriteFreezeOnUnhealthyReplica{{.name = "WRITE_FREEZE_ON_UNHEALTHY_REPLICA",
                                                               .area = Area::kRegions,
                                                               .doc = "Freeze writes when replication is unhealthy.",
                                                               .since = Since::kLater},
                                                              true};
inline constexpr Setting<std::int64_t> kFailoverCooldownSeconds{{.name = "FAILOVER_COOLDOWN_SECONDS",
                                                                 .area = Area::kRegions,
                                                                 .doc = "Least time between two failovers.",
                                                                 .since = Since::kLater},
                                                                600,
                                                                0,
                                                                86'400};
inline constexpr Setting<std::int64_t> kFailoverTokenTtlSeconds{{.name = "FAILOVER_TOKEN_TTL_SECONDS",
                                                                 .area = Area::kRegions,
                                                                 .doc = "Life of a failover token.",
                                                                 .since = Since::kLater},
                                                                300,
                                                                1,
                                                                86'400};
inline constexpr Setting<std::int64_t> kRegionPriority{
    {.name = "REGION_PRIORITY", .area = Area::kRegions, .doc = "Breaks ties between regions.", .since = Since::kLater},
    100,
    0,
    1'000'000};
inline constexpr Setting<std::string> kPeerRegionsJson{{.name = "PEER_REGIONS_JSON",
                                                        .area = Area::kRegions,
                                                        .doc = "JSON list of the other regions.",
                                                        .since = Since::kLater},
                                                       "[]"};
inline constexpr Setting<std::string> kFailoverRedisPrefix{{.name = "FAILOVER_REDIS_PREFIX",
                                                            .area = Area::kRegions,
                                                            .doc = "Prefix of failover keys in Redis.",
                                                            .since = Since::kLater},
                                                           "nexusrag:failover"};

// Performance
inline constexpr Setting<bool> kPerfModeEnabled{{.name = "PERF_MODE_ENABLED",
                                                 .area = Area::kPerformance,
                                                 .doc = "Let a fixture file feed alert metrics; refused in production.",
                                                 .since = Since::kLater},
                                                false};
inline constexpr Setting<bool> kPerfFakeProviderMode{{.name = "PERF_FAKE_PROVIDER_MODE",
                                                      .area = Area::kPerformance,
                                                      .doc = "Use fake providers in performance runs.",
                                                      .since = Since::kLater},
                                                     true};
inline constexpr Setting<std::int64_t> kPerfRunTargetP95Ms{
    {.name = "PERF_RUN_TARGET_P95_MS", .area = Area::kPerformance, .doc = "Latency gate.", .since = Since::kLater},
    1800,
    1,
    600'000};
inline constexpr Setting<double> kPerfMaxErrorRate{
    {.name = "PERF_MAX_ERROR_RATE", .area = Area::kPerformance, .doc = "Error gate.", .since = Since::kLater},
    0.02,
    0.0,
    1.0};
inline constexpr Setting<std::int64_t> kPerfSoakDurationMin{{.name = "PERF_SOAK_DURATION_MIN",
                                                             .area = Area::kPerformance,
                                                             .doc = "Length of a soak run.",
                                                             .since = Since::kLater},
                                                            15,
                                                            1,
                                                            10'080};
inline constexpr Setting<std::string> kPerfReportDir{
    {.name = "PERF_REPORT_DIR", .area = Area::kPerformance, .doc = "Folder of reports.", .since = Since::kLater},
    "tests/perf/reports"};

// Receiver
inline constexpr Setting<Secret> kReceiverSharedSecret{{.name = "RECEIVER_SHARED_SECRET",
                                                        .area = Area::kReceiver,
                                                        .doc = "Secret of the reference webhook receiver.",
                                                        .since = Since::kLater}};
inline constexpr Setting<bool> kReceiverRequireSignature{{.name = "RECEIVER_REQUIRE_SIGNATURE",
                                                          .area = Area::kReceiver,
                                                          .doc = "The receiver asks for signatures.",
                                                          .since = Since::kLater},
                                                         false};
inline constexpr Setting<bool> kReceiverRequireTimestamp{{.name = "RECEIVER_REQUIRE_TIMESTAMP",
                                                          .area = Area::kReceiver,
                                                          .doc = "The receiver asks for timestamps.",
                                                          .since = Since::kLater},
                                                         false};
inline constexpr Setting<std::int64_t> kReceiverMaxTimestampSkewSeconds{
    {.name = "RECEIVER_MAX_TIMESTAMP_SKEW_SECONDS",
     .area = Area::kReceiver,
     .doc = "Clock difference the receiver accepts.",
     .since = Since::kLater},
    300,
    1,
    86'400};
inline constexpr Setting<std::string> kReceiverFailMode{
    {.name = "RECEIVER_FAIL_MODE",
     .area = Area::kReceiver,
     .doc = "Faults of the receiver: `never`, `always` or `first_n`.",
     .since = Since::kLater},
    "never"};
inline constexpr Setting<std::int64_t> kReceiverFailN{{.name = "RECEIVER_FAIL_N",
                                                       .area = Area::kReceiver,
                                                       .doc = "Requests that `first_n` fails.",
                                                       .since = Since::kLater},
                                                      0,
                                                      0,
                                                      1'000'000};
inline constexpr Setting<std::int64_t> kReceiverPort{
    {.name = "RECEIVER_PORT", .area = Area::kReceiver, .doc = "Port of the receiver.", .since = Since::kLater},
    9001,
    1,
    65'535};
inline constexpr Setting<std::string> kReceiverStorePath{{.name = "RECEIVER_STORE_PATH",
                                                          .area = Area::kReceiver,
                                                          .doc = "Database of the receiver.",
                                                          .since = Since::kLater},
                                                         "var/receiver/receiver.db"};
inline constexpr Setting<bool> kReceiverStoreRawBody{{.name = "RECEIVER_STORE_RAW_BODY",
                                                      .area = Area::kReceiver,
                                                      .doc = "Store what the receiver got.",
                                                      .since = Since::kLater},
                                                     false};

}  // namespace nexus::config
