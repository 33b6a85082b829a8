#pragma once

#include "base/error.h"

#include <span>

/// The one catalogue of error codes (contract 01 §2). A row that the wire names alike but sends with another status is
/// a row of its own. Rows that appear only inside event streams or stored jobs carry the status they would have as an
/// answer.
namespace nexus::errors {

// Requests and their shape
inline constexpr ErrorKind kBadRequest{"BAD_REQUEST", 400, "Bad request",
                                       "Correct the request; the message names what is wrong."};
inline constexpr ErrorKind kTenantIdNotAllowed{"TENANT_ID_NOT_ALLOWED", 400,
                                               "tenant_id must be derived from the API key",
                                               "Remove tenant_id from the body; the credential decides the tenant."};
inline constexpr ErrorKind kIdempotencyKeyInvalid{"IDEMPOTENCY_KEY_INVALID", 400, "Idempotency-Key is empty",
                                                  "Send a key of 1 to 128 characters."};
inline constexpr ErrorKind kIdempotencyKeyRequired{"IDEMPOTENCY_KEY_REQUIRED", 400,
                                                   "Idempotency-Key header is required",
                                                   "Send an Idempotency-Key header that is unique to this action."};
inline constexpr ErrorKind kInvalidCursor{
    "INVALID_CURSOR", 400, "Invalid cursor",
    "Start again from the first page; cursors cannot be edited or moved between lists."};
inline constexpr ErrorKind kRequestValidationError{"REQUEST_VALIDATION_ERROR", 422, "Validation error",
                                                   "Correct every item of details.errors."};
inline constexpr ErrorKind kValidationError{"VALIDATION_ERROR", 422, "Invalid value",
                                            "Correct the value that the message names."};
inline constexpr ErrorKind kInvalidInput{"INVALID_INPUT", 422, "Invalid input",
                                         "Correct the value that the message names."};
inline constexpr ErrorKind kUnsupportedMediaType{"UNSUPPORTED_MEDIA_TYPE", 415, "Unsupported content type",
                                                 "Send one of the content types that the route documents."};
inline constexpr ErrorKind kNotFound{"NOT_FOUND", 404, "Not Found",
                                     "Check the path and the id; rows of other tenants are not visible."};
inline constexpr ErrorKind kConflict{"CONFLICT", 409, "Conflict with the current state",
                                     "Read the resource again, then decide whether to retry."};
inline constexpr ErrorKind kMethodNotAllowed{"UNKNOWN_ERROR", 405, "Method Not Allowed",
                                             "Use a method that the Allow header lists."};
inline constexpr ErrorKind kRequestTimeout{"UNKNOWN_ERROR", 408, "Request Timeout",
                                           "Send the request faster, or split it."};
inline constexpr ErrorKind kPayloadTooLarge{"UNKNOWN_ERROR", 413, "Payload Too Large",
                                            "Send less at once; the limit is a setting of the server."};
inline constexpr ErrorKind kUriTooLong{"UNKNOWN_ERROR", 414, "URI Too Long", "Shorten the path or the query."};
inline constexpr ErrorKind kHeaderFieldsTooLarge{"UNKNOWN_ERROR", 431, "Request Header Fields Too Large",
                                                 "Send fewer or shorter headers."};

// Idempotency
inline constexpr ErrorKind kIdempotencyKeyConflict{"IDEMPOTENCY_KEY_CONFLICT", 409,
                                                   "Idempotency-Key already used with different payload",
                                                   "Use a new key for a different request."};
inline constexpr ErrorKind kIdempotencyInProgress{
    "IDEMPOTENCY_IN_PROGRESS", 409, "A request with this Idempotency-Key is still running",
    "Retry after the seconds in Retry-After; the stored answer will be replayed."};

// Credentials and roles
inline constexpr ErrorKind kAuthUnauthorized{"AUTH_UNAUTHORIZED", 401, "Missing or invalid credentials",
                                             "Send Authorization: Bearer with a valid key or session token."};
inline constexpr ErrorKind kAuthRevokedKey{"AUTH_REVOKED_KEY", 401, "API key is revoked",
                                           "Use another key; a revoked key does not come back."};
inline constexpr ErrorKind kAuthExpiredKey{"AUTH_EXPIRED_KEY", 401, "API key expired", "Ask an admin for a new key."};
inline constexpr ErrorKind kAuthInactiveKey{"AUTH_INACTIVE_KEY", 401, "API key inactive",
                                            "Ask an admin to reactivate the key."};
inline constexpr ErrorKind kAuthInvalidRole{"AUTH_INVALID_ROLE", 400, "Unsupported role",
                                            "Use reader, editor or admin."};
inline constexpr ErrorKind kAuthForbidden{"AUTH_FORBIDDEN", 403, "Insufficient role for this operation",
                                          "Use a credential of the required role and tenant."};
inline constexpr ErrorKind kAuthUnavailable{"AUTH_UNAVAILABLE", 503, "Authentication unavailable",
                                            "Retry with backoff; the credential store cannot be reached."};
inline constexpr ErrorKind kKeyLimitReached{"KEY_LIMIT_REACHED", 409, "Maximum active API keys reached",
                                            "Revoke a key that is no longer used."};

// Limits, plans and money
inline constexpr ErrorKind kRateLimited{"RATE_LIMITED", 429, "Rate limit exceeded",
                                        "Wait for Retry-After, then go slower."};
inline constexpr ErrorKind kRateLimitUnavailable{"RATE_LIMIT_UNAVAILABLE", 503, "Rate limiting unavailable",
                                                 "Retry with backoff."};
inline constexpr ErrorKind kQuotaExceeded{"QUOTA_EXCEEDED", 402, "Request quota exceeded",
                                          "Wait for the next period or ask for a higher quota."};
inline constexpr ErrorKind kFeatureNotEnabled{"FEATURE_NOT_ENABLED", 403, "Feature not enabled for tenant plan",
                                              "Change the plan or ask the operator for an override."};
inline constexpr ErrorKind kBillingWebhookNotConfigured{
    "BILLING_WEBHOOK_NOT_CONFIGURED", 400, "Billing webhook is not configured",
    "Set BILLING_WEBHOOK_ENABLED, BILLING_WEBHOOK_URL and BILLING_WEBHOOK_SECRET."};
inline constexpr ErrorKind kCostBudgetExceeded{"COST_BUDGET_EXCEEDED", 402, "Cost budget exceeded",
                                               "Raise the budget or wait for the next month."};
inline constexpr ErrorKind kCostFeatureNotEnabled{"COST_FEATURE_NOT_ENABLED", 403,
                                                  "Cost feature not enabled for tenant plan",
                                                  "Change the plan or ask the operator for an override."};
inline constexpr ErrorKind kCostInvalidBudgetConfig{"COST_INVALID_BUDGET_CONFIG", 422, "Invalid budget configuration",
                                                    "Correct the budget fields that the message names."};
inline constexpr ErrorKind kCostPricingInvalid{"COST_PRICING_INVALID", 422, "Invalid pricing entry",
                                               "Correct the rate, unit or interval."};
inline constexpr ErrorKind kCostPricingNotFound{"COST_PRICING_NOT_FOUND", 422, "No pricing entry applies",
                                                "Add a rate for this provider and component."};
inline constexpr ErrorKind kCostChargebackRangeInvalid{"COST_CHARGEBACK_RANGE_INVALID", 400, "Invalid period range",
                                                       "Give a start that lies before the end."};
inline constexpr ErrorKind kCostChargebackReportNotFound{"COST_CHARGEBACK_REPORT_NOT_FOUND", 404,
                                                         "Chargeback report not found",
                                                         "List the reports and use one of their ids."};

// State of the server
inline constexpr ErrorKind kInternalError{"INTERNAL_ERROR", 500, "Internal server error",
                                          "Retry once; report the request id when it stays."};
inline constexpr ErrorKind kDbError{"DB_ERROR", 500, "Database error",
                                    "Retry with backoff; report the request id when it stays."};
inline constexpr ErrorKind kServiceUnavailable{"SERVICE_UNAVAILABLE", 503, "Service unavailable",
                                               "Retry with backoff."};
inline constexpr ErrorKind kServiceBusy{"SERVICE_BUSY", 503, "Service is at capacity; retry shortly.",
                                        "Retry after the seconds in Retry-After."};
inline constexpr ErrorKind kInsufficientStorage{"INSUFFICIENT_STORAGE", 507, "Not enough space to store this",
                                                "Free disk space on the server or delete documents, then retry."};
inline constexpr ErrorKind kQueueError{"QUEUE_ERROR", 503, "The job could not be queued", "Retry with backoff."};
inline constexpr ErrorKind kFeatureTemporarilyDisabled{"FEATURE_TEMPORARILY_DISABLED", 503,
                                                       "This feature is temporarily disabled",
                                                       "Wait until the operator turns it on again."};
inline constexpr ErrorKind kWriteFrozen{"WRITE_FROZEN", 503, "Writes are temporarily frozen in this region",
                                        "Write to the active region or wait until the freeze ends."};
inline constexpr ErrorKind kIntegrationUnavailable{
    "INTEGRATION_UNAVAILABLE", 503, "Integration temporarily unavailable.",
    "Retry later; calls to this provider are paused after repeated failures."};

// Authorization policies and document permissions
inline constexpr ErrorKind kAuthzDenied{"AUTHZ_DENIED", 403, "Access denied by policy",
                                        "Ask an admin for a policy or a document permission."};
inline constexpr ErrorKind kPolicyDenied{"POLICY_DENIED", 403, "Denied by governance policy",
                                         "Read the policy that details name."};
inline constexpr ErrorKind kAuthzPolicyInvalid{"AUTHZ_POLICY_INVALID", 422, "Invalid policy",
                                               "Correct the policy that the message describes."};
inline constexpr ErrorKind kAuthzPolicyTooComplex{"AUTHZ_POLICY_TOO_COMPLEX", 422, "Policy is too complex",
                                                  "Make the condition smaller or less deep."};
inline constexpr ErrorKind kAuthzSimulationInvalid{"AUTHZ_SIMULATION_INVALID", 400, "Invalid simulation input",
                                                   "Correct the simulated principal, resource or action."};
inline constexpr ErrorKind kAuthzPermissionNotFound{"AUTHZ_PERMISSION_NOT_FOUND", 404, "Permission not found",
                                                    "List the permissions of the document."};
inline constexpr ErrorKind kAuthzRlsGuardFailed{"AUTHZ_RLS_GUARD_FAILED", 500,
                                                "Tenant predicate required but tenant_id is missing",
                                                "Report the request id; this is a defect of the server."};

// Single sign-on and provisioning
inline constexpr ErrorKind kIdentityFeatureDisabled{"IDENTITY_FEATURE_DISABLED", 403, "Identity feature is disabled",
                                                    "Ask the operator to enable SSO_ENABLED or SCIM_ENABLED."};
inline constexpr ErrorKind kSsoProviderNotFound{"SSO_PROVIDER_NOT_FOUND", 404, "Identity provider not found",
                                                "Use the id of an enabled provider."};
inline constexpr ErrorKind kSsoInvalidState{"SSO_INVALID_STATE", 400, "Invalid or expired state",
                                            "Start the login again."};
inline constexpr ErrorKind kSsoLoginRejected{"SSO_LOGIN_REJECTED", 400, "The identity provider rejected the login",
                                             "Read details.error and start the login again."};
inline constexpr ErrorKind kSsoIdTokenInvalid{
    "SSO_ID_TOKEN_INVALID", 401, "Invalid ID token",
    "Start the login again; check issuer, audience and clock of the provider."};
inline constexpr ErrorKind kSsoJitDisabled{"SSO_JIT_DISABLED", 403, "Just-in-time provisioning is disabled",
                                           "Provision the user first, over SCIM or by an admin."};
inline constexpr ErrorKind kSsoTokenExchangeFailed{"SSO_TOKEN_EXCHANGE_FAILED", 502,
                                                   "Token exchange with the identity provider failed",
                                                   "Retry; check client id, secret and redirect URI."};
inline constexpr ErrorKind kSsoUnavailable{"SSO_UNAVAILABLE", 503, "Single sign-on is temporarily unavailable",
                                           "Retry with backoff."};
inline constexpr ErrorKind kScimUnauthorized{"SCIM_UNAUTHORIZED", 401, "Missing bearer token",
                                             "Send a valid SCIM token."};
inline constexpr ErrorKind kScimPayloadInvalid{"SCIM_PAYLOAD_INVALID", 422, "Invalid SCIM payload",
                                               "Correct the attribute or operation that the message names."};

// Documents and ingestion
inline constexpr ErrorKind kIngestValidationError{"INGEST_VALIDATION_ERROR", 422, "Invalid document",
                                                  "Correct the field that the message names."};
inline constexpr ErrorKind kIngestInProgress{"INGEST_IN_PROGRESS", 409, "Document is already being ingested",
                                             "Wait for the running job, then retry."};
inline constexpr ErrorKind kIngestSourceMissing{
    "INGEST_SOURCE_MISSING", 409, "Document source text is not available for reindexing", "Upload the document again."};

// Answers: models, retrieval, speech (also as SSE `error` and `audio.error`)
inline constexpr ErrorKind kLlmError{"LLM_ERROR", 502, "The language model failed.",
                                     "Retry; the operator finds the cause in the log."};
inline constexpr ErrorKind kEmbeddingError{"EMBEDDING_ERROR", 502, "The embedding model failed.",
                                           "Retry; the operator finds the cause in the log."};
inline constexpr ErrorKind kEmbeddingDimensionMismatch{"EMBEDDING_DIMENSION_MISMATCH", 500,
                                                       "Embedding dimension does not match the corpus",
                                                       "Re-embed the corpus with the configured model."};
inline constexpr ErrorKind kVertexConfigMissing{
    "VERTEX_CONFIG_MISSING", 503, "Vertex configuration is missing.",
    "Set GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION, or choose another LLM_PROVIDER."};
inline constexpr ErrorKind kVertexAuthError{"VERTEX_AUTH_ERROR", 502,
                                            "Vertex auth error: run `gcloud auth application-default login`.",
                                            "Provide application default credentials to the server."};
inline constexpr ErrorKind kVertexTimeout{"VERTEX_TIMEOUT", 504, "Vertex stream timed out.",
                                          "Retry; raise VERTEX_STREAM_TIMEOUT_S when it stays."};
inline constexpr ErrorKind kRetrievalConfigInvalid{"RETRIEVAL_CONFIG_INVALID", 422, "retrieval config missing",
                                                   "Correct the retrieval configuration of the corpus."};
inline constexpr ErrorKind kRetrievalError{"RETRIEVAL_ERROR", 500, "Retrieval failed.",
                                           "Retry; report the request id when it stays."};
inline constexpr ErrorKind kAwsConfigMissing{"AWS_CONFIG_MISSING", 503, "AWS configuration is missing.",
                                             "Give the server an AWS region and a knowledge base id."};
inline constexpr ErrorKind kAwsAuthError{"AWS_AUTH_ERROR", 502, "AWS credentials missing for Bedrock KB retrieval.",
                                         "Give the server AWS credentials."};
inline constexpr ErrorKind kAwsRetrievalError{"AWS_RETRIEVAL_ERROR", 502, "AWS Bedrock KB retrieval failed.",
                                              "Retry; check the knowledge base and its region."};
inline constexpr ErrorKind kVertexRetrievalConfigMissing{
    "VERTEX_RETRIEVAL_CONFIG_MISSING", 503, "Vertex retrieval configuration is missing.",
    "Give project, location and resource id in the corpus configuration."};
inline constexpr ErrorKind kVertexRetrievalAuthError{"VERTEX_RETRIEVAL_AUTH_ERROR", 502,
                                                     "Vertex retrieval auth error. Provide ADC credentials.",
                                                     "Provide application default credentials to the server."};
inline constexpr ErrorKind kVertexRetrievalError{"VERTEX_RETRIEVAL_ERROR", 502, "Vertex retrieval failed.",
                                                 "Retry; check the resource id of the corpus."};
inline constexpr ErrorKind kSessionTenantMismatch{"SESSION_TENANT_MISMATCH", 403, "Session tenant_id does not match.",
                                                  "Use a session of this tenant."};
inline constexpr ErrorKind kTtsConfigMissing{"TTS_CONFIG_MISSING", 503, "TTS_PROVIDER is set to none",
                                             "Configure a speech provider."};
inline constexpr ErrorKind kTtsAuthError{"TTS_AUTH_ERROR", 502, "OpenAI TTS auth error: check OPENAI_API_KEY.",
                                         "Give the server a valid key."};
inline constexpr ErrorKind kTtsError{"TTS_ERROR", 502, "TTS request failed.",
                                     "Retry; the answer itself is complete without audio."};
inline constexpr ErrorKind kUnknownError{"UNKNOWN_ERROR", 500, "Internal error during generation.",
                                         "Retry; report the request id when it stays."};

// Service levels
inline constexpr ErrorKind kSlaPolicyInvalid{"SLA_POLICY_INVALID", 422, "Invalid SLA policy",
                                             "Correct the policy fields that the message names."};
inline constexpr ErrorKind kSlaAssignmentNotFound{"SLA_ASSIGNMENT_NOT_FOUND", 404, "SLA assignment not found",
                                                  "Assign a policy to the tenant first."};
inline constexpr ErrorKind kSlaShedLoad{"SLA_SHED_LOAD", 503, "Request shed due to sustained SLA breach",
                                        "Retry after the seconds in Retry-After."};
inline constexpr ErrorKind kSlaAutoscalingProfileInvalid{"SLA_AUTOSCALING_PROFILE_INVALID", 422,
                                                         "Invalid autoscaling profile",
                                                         "Correct the bounds and thresholds of the profile."};
inline constexpr ErrorKind kSlaAutoscalingCooldownActive{
    "SLA_AUTOSCALING_COOLDOWN_ACTIVE", 409, "Autoscaling cooldown is active", "Wait until the cooldown has passed."};
inline constexpr ErrorKind kSlaAutoscalingExecutorUnavailable{
    "SLA_AUTOSCALING_EXECUTOR_UNAVAILABLE", 503, "Autoscaling executor is unavailable", "Check AUTOSCALING_EXECUTOR."};
inline constexpr ErrorKind kSloDataUnavailable{"SLO_DATA_UNAVAILABLE", 503, "Insufficient SLO data",
                                               "Retry when the server has handled some requests."};

// Operations, incidents, notifications
inline constexpr ErrorKind kActionConflict{"ACTION_CONFLICT", 409, "Another operator action is in progress",
                                           "Wait for it to end, then retry."};
inline constexpr ErrorKind kActionFailed{"ACTION_FAILED", 500, "The operator action failed",
                                         "Read the stored action and its error."};
inline constexpr ErrorKind kNotificationJobStateInvalid{
    "NOTIFICATION_JOB_STATE_INVALID", 409, "The notification job is in the wrong state for this",
    "Read the job; replay dead-lettered items through the DLQ routes."};

// Backups, regions, failover
inline constexpr ErrorKind kDrNotReady{"DR_NOT_READY", 503, "Disaster recovery is not ready",
                                       "Create a verified backup first."};
inline constexpr ErrorKind kBackupFailed{"BACKUP_FAILED", 500, "Backup failed",
                                         "Read the stored job; check space and keys."};
inline constexpr ErrorKind kRestoreValidationFailed{"RESTORE_VALIDATION_FAILED", 500, "Restore validation failed",
                                                    "Use another backup; this one did not verify."};
inline constexpr ErrorKind kFailoverTokenInvalid{"FAILOVER_TOKEN_INVALID", 401, "Invalid or expired failover token",
                                                 "Ask for a new token; tokens work once."};
inline constexpr ErrorKind kFailoverTokenPurposeInvalid{"FAILOVER_TOKEN_INVALID", 400, "Unsupported token purpose",
                                                        "Use promote or rollback."};
inline constexpr ErrorKind kFailoverInProgress{"FAILOVER_IN_PROGRESS", 409, "A failover is in progress",
                                               "Wait until it has ended."};
inline constexpr ErrorKind kFailoverCooldownActive{"FAILOVER_COOLDOWN_ACTIVE", 409, "Failover cooldown is active",
                                                   "Wait until the cooldown has passed."};
inline constexpr ErrorKind kFailoverPrecheckFailed{"FAILOVER_PRECHECK_FAILED", 409, "Failover prechecks failed",
                                                   "Clear the blockers in details, or force the failover."};
inline constexpr ErrorKind kFailoverTargetInvalid{"FAILOVER_PRECHECK_FAILED", 400, "Failover must target this region",
                                                  "Call the server of the region that is to be promoted."};
inline constexpr ErrorKind kFailoverNotAllowed{"FAILOVER_NOT_ALLOWED", 409, "Failover is not allowed in this state",
                                               "Read the failover status first."};
inline constexpr ErrorKind kFailoverDisabled{"FAILOVER_NOT_ALLOWED", 503, "Failover is disabled",
                                             "Set FAILOVER_ENABLED."};
inline constexpr ErrorKind kSplitBrainRisk{"SPLIT_BRAIN_RISK", 409, "Another region may still accept writes",
                                           "Freeze the other region first."};

// Governance and compliance
inline constexpr ErrorKind kLegalHoldActive{"LEGAL_HOLD_ACTIVE", 409, "A legal hold prevents this",
                                            "Release the hold first."};
inline constexpr ErrorKind kDsarNotFound{"DSAR_NOT_FOUND", 404, "Data subject request not found",
                                         "List the requests and use one of their ids."};
inline constexpr ErrorKind kDsarRequiresApproval{
    "DSAR_REQUIRES_APPROVAL", 409, "Data subject request requires approval", "Let a second admin approve it."};
inline constexpr ErrorKind kDsarFailed{"DSAR_FAILED", 500, "Data subject request failed",
                                       "Read the stored request and its error."};
inline constexpr ErrorKind kGovernanceReportUnavailable{"GOVERNANCE_REPORT_UNAVAILABLE", 503,
                                                        "Governance evidence is unavailable",
                                                        "Retry later or choose a shorter window."};
inline constexpr ErrorKind kGovernanceRetentionFailed{"GOVERNANCE_RETENTION_FAILED", 500, "Retention run failed",
                                                      "Read the stored run and its error."};
inline constexpr ErrorKind kComplianceDisabled{"COMPLIANCE_DISABLED", 503, "Compliance automation is disabled",
                                               "Set COMPLIANCE_ENABLED."};
inline constexpr ErrorKind kComplianceControlNotFound{
    "COMPLIANCE_CONTROL_NOT_FOUND", 404, "Compliance control not found", "List the controls and use one of their ids."};
inline constexpr ErrorKind kComplianceEvaluationFailed{
    "COMPLIANCE_EVALUATION_FAILED", 500, "Compliance evaluation failed", "Retry; report the request id when it stays."};
inline constexpr ErrorKind kComplianceBundleBuildFailed{"COMPLIANCE_BUNDLE_BUILD_FAILED", 500,
                                                        "Evidence bundle could not be built",
                                                        "Retry; check the evidence directory."};
inline constexpr ErrorKind kComplianceBundleVerifyFailed{"COMPLIANCE_BUNDLE_VERIFY_FAILED", 400,
                                                         "Evidence bundle does not verify",
                                                         "Treat the bundle as altered; build a new one."};

// Keys and encryption
inline constexpr ErrorKind kKeyringDisabled{"KEYRING_DISABLED", 503, "Keyring is disabled",
                                            "Configure KEYRING_MASTER_KEY."};
inline constexpr ErrorKind kKeyringNotConfigured{"KEYRING_NOT_CONFIGURED", 500, "Keyring is not configured",
                                                 "Configure KEYRING_MASTER_KEY."};
inline constexpr ErrorKind kKeyNotActive{"KEY_NOT_ACTIVE", 409, "Encryption key is not available",
                                         "Activate or rotate the key."};
inline constexpr ErrorKind kKeyRotationInProgress{"KEY_ROTATION_IN_PROGRESS", 409, "A key rotation is in progress",
                                                  "Wait until it has ended."};
inline constexpr ErrorKind kKeyRotationFailed{"KEY_ROTATION_FAILED", 500, "Key rotation failed",
                                              "Read the stored job and resume it."};
inline constexpr ErrorKind kCryptoPolicyDenied{"CRYPTO_POLICY_DENIED", 403, "Denied by encryption policy",
                                               "Use a key and algorithm that the policy allows."};
inline constexpr ErrorKind kDecryptionFailed{"DECRYPTION_FAILED", 500, "Unable to decrypt payload",
                                             "Check that the keys of this data are still present."};
inline constexpr ErrorKind kEncryptionRequired{"ENCRYPTION_REQUIRED", 503, "Encryption is required but unavailable",
                                               "Restore the key service, then retry."};
inline constexpr ErrorKind kKmsUnavailable{"KMS_UNAVAILABLE", 503, "Key management service is unavailable",
                                           "Retry with backoff."};

/// Every row above, in order of appearance.
[[nodiscard]] std::span<const ErrorKind* const> catalogue();

/// The row for an error that names no code, by its status (contract 01 §1.3); kUnknownError for any other status.
[[nodiscard]] const ErrorKind& default_for_status(int status);

}  // namespace nexus::errors
