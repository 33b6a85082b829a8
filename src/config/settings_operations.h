#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <optional>
#include <string>

/// Money, service levels and operations. Every row must also stand in settings_table.cpp.
namespace nexus::config {

// Billing
inline constexpr Setting<bool> kBillingWebhookEnabled{
    {.name = "BILLING_WEBHOOK_ENABLED", .area = Area::kBilling, .doc = "Send billing events."}, false};
inline constexpr Setting<std::optional<std::string>> kBillingWebhookUrl{
    {.name = "BILLING_WEBHOOK_URL", .area = Area::kBilling, .doc = "Where billing events go."}};
inline constexpr Setting<Secret> kBillingWebhookSecret{
    {.name = "BILLING_WEBHOOK_SECRET", .area = Area::kBilling, .doc = "Signs billing events."}};
inline constexpr Setting<std::int64_t> kBillingWebhookTimeoutMs{
    {.name = "BILLING_WEBHOOK_TIMEOUT_MS", .area = Area::kBilling, .doc = "Deadline of one delivery."},
    2000,
    1,
    600'000};
inline constexpr Setting<std::int64_t> kBillingWebhookMaxAttempts{
    {.name = "BILLING_WEBHOOK_MAX_ATTEMPTS",
     .area = Area::kBilling,
     .doc = "Deliveries tried before an event is given up; pauses grow from 5 seconds to 3 hours."},
    16,
    1,
    100};
inline constexpr Setting<std::int64_t> kBillingWebhookRetentionDays{
    {.name = "BILLING_WEBHOOK_RETENTION_DAYS",
     .area = Area::kBilling,
     .doc = "How long events that were delivered or given up are kept; longer than a month, so that none repeats."},
    90,
    32,
    3650};

// Costs
inline constexpr Setting<bool> kCostGovernanceEnabled{{.name = "COST_GOVERNANCE_ENABLED",
                                                       .area = Area::kCosts,
                                                       .doc = "Meter costs and enforce budgets.",
                                                       .since = Since::kLater},
                                                      true};
inline constexpr Setting<double> kCostDefaultWarnRatio{{.name = "COST_DEFAULT_WARN_RATIO",
                                                        .area = Area::kCosts,
                                                        .doc = "Share of a budget that warns.",
                                                        .since = Since::kLater},
                                                       0.8,
                                                       0.0,
                                                       1.0};
inline constexpr Setting<std::string> kCostDefaultHardCapMode{{.name = "COST_DEFAULT_HARD_CAP_MODE",
                                                               .area = Area::kCosts,
                                                               .doc = "What a spent budget does.",
                                                               .since = Since::kLater},
                                                              "block",
                                                              "block|degrade"};
inline constexpr Setting<bool> kCostDegradeEnableTtsDisable{{.name = "COST_DEGRADE_ENABLE_TTS_DISABLE",
                                                             .area = Area::kCosts,
                                                             .doc = "Drop audio when degrading.",
                                                             .since = Since::kLater},
                                                            true};
inline constexpr Setting<std::int64_t> kCostDegradeMinTopK{{.name = "COST_DEGRADE_MIN_TOP_K",
                                                            .area = Area::kCosts,
                                                            .doc = "Least `top_k` when degrading.",
                                                            .since = Since::kLater},
                                                           3,
                                                           1,
                                                           50};
inline constexpr Setting<std::int64_t> kCostDegradeMaxOutputTokens{{.name = "COST_DEGRADE_MAX_OUTPUT_TOKENS",
                                                                    .area = Area::kCosts,
                                                                    .doc = "Longest answer when degrading.",
                                                                    .since = Since::kLater},
                                                                   512,
                                                                   1,
                                                                   1'000'000};
inline constexpr Setting<bool> kCostEstimatorEnabled{{.name = "COST_ESTIMATOR_ENABLED",
                                                      .area = Area::kCosts,
                                                      .doc = "Estimate tokens where a provider reports none.",
                                                      .since = Since::kLater},
                                                     true};
inline constexpr Setting<double> kCostEstimatorTokenCharsRatio{
    {.name = "COST_ESTIMATOR_TOKEN_CHARS_RATIO", .area = Area::kCosts, .doc = "Characters per token of the estimate."},
    4.0,
    0.1,
    100.0};
inline constexpr Setting<std::int64_t> kCostTimeseriesDefaultDays{
    {.name = "COST_TIMESERIES_DEFAULT_DAYS",
     .area = Area::kCosts,
     .doc = "Length of a cost series when none is asked for.",
     .since = Since::kLater},
    30,
    1,
    3650};

// ServiceLevels
inline constexpr Setting<bool> kSlaEngineEnabled{{.name = "SLA_ENGINE_ENABLED",
                                                  .area = Area::kServiceLevels,
                                                  .doc = "Evaluate SLA policies.",
                                                  .since = Since::kLater},
                                                 true};
inline constexpr Setting<std::string> kSlaDefaultEnforcementMode{{.name = "SLA_DEFAULT_ENFORCEMENT_MODE",
                                                                  .area = Area::kServiceLevels,
                                                                  .doc = "Mode of tenants without an assignment.",
                                                                  .since = Since::kLater},
                                                                 "observe",
                                                                 "observe|warn|enforce"};
inline constexpr Setting<std::int64_t> kSlaDefaultBreachWindows{{.name = "SLA_DEFAULT_BREACH_WINDOWS",
                                                                 .area = Area::kServiceLevels,
                                                                 .doc = "Windows in a row that make a breach.",
                                                                 .since = Since::kLater},
                                                                3,
                                                                1,
                                                                1000};
inline constexpr Setting<std::int64_t> kSlaMeasurementWindowSeconds{{.name = "SLA_MEASUREMENT_WINDOW_SECONDS",
                                                                     .area = Area::kServiceLevels,
                                                                     .doc = "Length of a window.",
                                                                     .since = Since::kLater},
                                                                    60,
                                                                    1,
                                                                    86'400};
inline constexpr Setting<std::int64_t> kSlaErrorBudgetWindowMinutes{{.name = "SLA_ERROR_BUDGET_WINDOW_MINUTES",
                                                                     .area = Area::kServiceLevels,
                                                                     .doc = "Window of the burn rate.",
                                                                     .since = Since::kLater},
                                                                    60,
                                                                    1,
                                                                    100'000};
inline constexpr Setting<bool> kSlaShedEnabled{
    {.name = "SLA_SHED_ENABLED", .area = Area::kServiceLevels, .doc = "Allow shedding.", .since = Since::kLater}, true};
inline constexpr Setting<bool> kSlaDegradeTtsDisable{{.name = "SLA_DEGRADE_TTS_DISABLE",
                                                      .area = Area::kServiceLevels,
                                                      .doc = "Drop audio as a mitigation.",
                                                      .since = Since::kLater},
                                                     true};
inline constexpr Setting<std::int64_t> kSlaDegradeTopKFloor{{.name = "SLA_DEGRADE_TOP_K_FLOOR",
                                                             .area = Area::kServiceLevels,
                                                             .doc = "Least `top_k` as a mitigation.",
                                                             .since = Since::kLater},
                                                            3,
                                                            1,
                                                            50};
inline constexpr Setting<std::int64_t> kSlaDegradeMaxOutputTokens{{.name = "SLA_DEGRADE_MAX_OUTPUT_TOKENS",
                                                                   .area = Area::kServiceLevels,
                                                                   .doc = "Longest answer as a mitigation.",
                                                                   .since = Since::kLater},
                                                                  512,
                                                                  1,
                                                                  1'000'000};
inline constexpr Setting<bool> kAutoscalingEnabled{{.name = "AUTOSCALING_ENABLED",
                                                    .area = Area::kServiceLevels,
                                                    .doc = "Run the autoscaling control plane.",
                                                    .since = Since::kLater},
                                                   true};
inline constexpr Setting<bool> kAutoscalingDryRun{{.name = "AUTOSCALING_DRY_RUN",
                                                   .area = Area::kServiceLevels,
                                                   .doc = "Recommend without executing.",
                                                   .since = Since::kLater},
                                                  true};
inline constexpr Setting<std::int64_t> kAutoscalingEvalIntervalSeconds{{.name = "AUTOSCALING_EVAL_INTERVAL_SECONDS",
                                                                        .area = Area::kServiceLevels,
                                                                        .doc = "Period of evaluation.",
                                                                        .since = Since::kLater},
                                                                       30,
                                                                       1,
                                                                       86'400};
inline constexpr Setting<std::int64_t> kAutoscalingHysteresisPct{{.name = "AUTOSCALING_HYSTERESIS_PCT",
                                                                  .area = Area::kServiceLevels,
                                                                  .doc = "Band in which nothing is scaled.",
                                                                  .since = Since::kLater},
                                                                 10,
                                                                 0,
                                                                 100};
inline constexpr Setting<std::string> kAutoscalingExecutor{{.name = "AUTOSCALING_EXECUTOR",
                                                            .area = Area::kServiceLevels,
                                                            .doc = "Backend that scales.",
                                                            .since = Since::kLater},
                                                           "noop"};

// Operability
inline constexpr Setting<bool> kAlertingEnabled{
    {.name = "ALERTING_ENABLED", .area = Area::kOperability, .doc = "Evaluate alert rules.", .since = Since::kLater},
    true};
inline constexpr Setting<bool> kOperabilityBackgroundEvaluatorEnabled{
    {.name = "OPERABILITY_BACKGROUND_EVALUATOR_ENABLED",
     .area = Area::kOperability,
     .doc = "Evaluate in the background.",
     .since = Since::kLater},
    true};
inline constexpr Setting<std::int64_t> kOperabilityEvalIntervalS{{.name = "OPERABILITY_EVAL_INTERVAL_S",
                                                                  .area = Area::kOperability,
                                                                  .doc = "Period of evaluation.",
                                                                  .since = Since::kLater},
                                                                 30,
                                                                 1,
                                                                 86'400};
inline constexpr Setting<std::int64_t> kOperabilityEvalLockTtlS{{.name = "OPERABILITY_EVAL_LOCK_TTL_S",
                                                                 .area = Area::kOperability,
                                                                 .doc = "Life of the lock that one evaluator holds.",
                                                                 .since = Since::kLater},
                                                                55,
                                                                1,
                                                                86'400};
inline constexpr Setting<std::int64_t> kOperabilityWorkerHeartbeatStaleAfterS{
    {.name = "OPERABILITY_WORKER_HEARTBEAT_STALE_AFTER_S",
     .area = Area::kOperability,
     .doc = "Age at which a worker is reported stale.",
     .since = Since::kLater},
    120,
    1,
    86'400};
inline constexpr Setting<bool> kIncidentAutomationEnabled{{.name = "INCIDENT_AUTOMATION_ENABLED",
                                                           .area = Area::kOperability,
                                                           .doc = "Open incidents from alerts.",
                                                           .since = Since::kLater},
                                                          true};
inline constexpr Setting<std::string> kIncidentAutoOpenMinSeverity{{.name = "INCIDENT_AUTO_OPEN_MIN_SEVERITY",
                                                                    .area = Area::kOperability,
                                                                    .doc = "Least severity that opens an incident.",
                                                                    .since = Since::kLater},
                                                                   "high",
                                                                   "low|medium|high|critical"};
inline constexpr Setting<std::string> kOpsNotificationAdapter{
    {.name = "OPS_NOTIFICATION_ADAPTER",
     .area = Area::kOperability,
     .doc = "Fallback for notifications without a destination.",
     .since = Since::kLater},
    "noop",
    "noop|webhook"};
inline constexpr Setting<std::optional<std::string>> kOpsNotificationWebhookUrl{
    {.name = "OPS_NOTIFICATION_WEBHOOK_URL",
     .area = Area::kOperability,
     .doc = "Address of the `webhook` fallback.",
     .since = Since::kLater}};
inline constexpr Setting<std::string> kNotifyWebhookUrlsJson{{.name = "NOTIFY_WEBHOOK_URLS_JSON",
                                                              .area = Area::kOperability,
                                                              .doc = "JSON list of destinations for every tenant.",
                                                              .since = Since::kLater},
                                                             "[]"};
inline constexpr Setting<std::int64_t> kNotifyMaxAttempts{{.name = "NOTIFY_MAX_ATTEMPTS",
                                                           .area = Area::kOperability,
                                                           .doc = "Attempts before a notification is dead.",
                                                           .since = Since::kLater},
                                                          5,
                                                          1,
                                                          100};
inline constexpr Setting<std::int64_t> kNotifyBackoffMs{{.name = "NOTIFY_BACKOFF_MS",
                                                         .area = Area::kOperability,
                                                         .doc = "First pause between attempts.",
                                                         .since = Since::kLater},
                                                        500,
                                                        1,
                                                        3'600'000};
inline constexpr Setting<std::int64_t> kNotifyBackoffMaxMs{{.name = "NOTIFY_BACKOFF_MAX_MS",
                                                            .area = Area::kOperability,
                                                            .doc = "Longest pause between attempts.",
                                                            .since = Since::kLater},
                                                           15'000,
                                                           1,
                                                           86'400'000};
inline constexpr Setting<std::int64_t> kNotifyMaxAgeSeconds{{.name = "NOTIFY_MAX_AGE_SECONDS",
                                                             .area = Area::kOperability,
                                                             .doc = "Age at which a notification is dead.",
                                                             .since = Since::kLater},
                                                            86'400,
                                                            1,
                                                            31'536'000};
inline constexpr Setting<std::int64_t> kNotifyDedupeWindowS{{.name = "NOTIFY_DEDUPE_WINDOW_S",
                                                             .area = Area::kOperability,
                                                             .doc = "Equal notifications within it are sent once.",
                                                             .since = Since::kLater},
                                                            300,
                                                            0,
                                                            86'400};
inline constexpr Setting<std::string> kNotifyQueueName{
    {.name = "NOTIFY_QUEUE_NAME", .area = Area::kOperability, .doc = "Name of the queue.", .since = Since::kLater},
    "notifications"};
inline constexpr Setting<std::int64_t> kNotifyWorkerPollIntervalS{{.name = "NOTIFY_WORKER_POLL_INTERVAL_S",
                                                                   .area = Area::kOperability,
                                                                   .doc = "Period of the requeue scan.",
                                                                   .since = Since::kLater},
                                                                  2,
                                                                  1,
                                                                  3600};
inline constexpr Setting<std::int64_t> kNotifyRequeueBatchSize{{.name = "NOTIFY_REQUEUE_BATCH_SIZE",
                                                                .area = Area::kOperability,
                                                                .doc = "Notifications per scan.",
                                                                .since = Since::kLater},
                                                               100,
                                                               1,
                                                               100'000};
inline constexpr Setting<std::int64_t> kOpsForcedFlagTtlS{{.name = "OPS_FORCED_FLAG_TTL_S",
                                                           .area = Area::kOperability,
                                                           .doc = "Life of a forced flag.",
                                                           .since = Since::kLater},
                                                          900,
                                                          1,
                                                          86'400};
inline constexpr Setting<std::int64_t> kOpsForcedWriterLeaseTtlS{{.name = "OPS_FORCED_WRITER_LEASE_TTL_S",
                                                                  .area = Area::kOperability,
                                                                  .doc = "Life of the writer's lease.",
                                                                  .since = Since::kLater},
                                                                 30,
                                                                 5,
                                                                 86'400};
inline constexpr Setting<bool> kPreflightRequireWorkerHeartbeat{{.name = "PREFLIGHT_REQUIRE_WORKER_HEARTBEAT",
                                                                 .area = Area::kOperability,
                                                                 .doc = "Preflight fails without a live worker.",
                                                                 .since = Since::kLater},
                                                                false};
inline constexpr Setting<std::string> kGaChecklistOutputDir{{.name = "GA_CHECKLIST_OUTPUT_DIR",
                                                             .area = Area::kOperability,
                                                             .doc = "Folder of checklists.",
                                                             .since = Since::kLater},
                                                            "var/ops"};

}  // namespace nexus::config
