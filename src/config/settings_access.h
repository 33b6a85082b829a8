#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <optional>
#include <string>

/// Who may do what, and how often. Every row must also stand in settings_table.cpp.
namespace nexus::config {

// Authentication
inline constexpr Setting<bool> kAuthEnabled{
    {.name = "AUTH_ENABLED", .area = Area::kAuthentication, .doc = "Require credentials."}, true};
inline constexpr Setting<bool> kAuthDevBypass{
    {.name = "AUTH_DEV_BYPASS",
     .area = Area::kAuthentication,
     .doc = "Accept `X-Tenant-Id` and `X-Role` instead of a key; only on loopback and never in production.",
     .common = true},
    false};
inline constexpr Setting<std::string> kAuthApiKeyHeader{
    {.name = "AUTH_API_KEY_HEADER", .area = Area::kAuthentication, .doc = "Header that carries `Bearer <token>`."},
    "Authorization"};
inline constexpr Setting<std::int64_t> kAuthCacheTtlS{
    {.name = "AUTH_CACHE_TTL_S",
     .area = Area::kAuthentication,
     .doc = "Life of a cached verification; 0 or less disables the cache."},
    15,
    -1,
    86'400};
inline constexpr Setting<std::int64_t> kAuthCacheEntries{
    {.name = "AUTH_CACHE_ENTRIES", .area = Area::kAuthentication, .doc = "Verifications cached at once."},
    10'000,
    16,
    10'000'000};
inline constexpr Setting<std::int64_t> kAuthApiKeyInactiveDays{
    {.name = "AUTH_API_KEY_INACTIVE_DAYS",
     .area = Area::kAuthentication,
     .doc = "Days without use after which a key counts as inactive; 0 or less: never."},
    90,
    -1,
    36'500};
inline constexpr Setting<bool> kAuthApiKeyInactiveEnforced{
    {.name = "AUTH_API_KEY_INACTIVE_ENFORCED", .area = Area::kAuthentication, .doc = "Refuse inactive keys."}, true};
inline constexpr Setting<Secret> kApiKeyPepper{
    {.name = "API_KEY_PEPPER",
     .area = Area::kAuthentication,
     .doc = "Server-side key of the hashes of API keys; losing it invalidates every key."}};
inline constexpr Setting<std::int64_t> kSelfServeMaxActiveKeys{{.name = "SELF_SERVE_MAX_ACTIVE_KEYS",
                                                                .area = Area::kAuthentication,
                                                                .doc = "Active keys that a tenant may create itself."},
                                                               20,
                                                               1,
                                                               100'000};

// Authorization
inline constexpr Setting<bool> kAuthzAbacEnabled{{.name = "AUTHZ_ABAC_ENABLED",
                                                  .area = Area::kAuthorization,
                                                  .doc = "Evaluate attribute policies.",
                                                  .since = Since::kLater},
                                                 true};
inline constexpr Setting<bool> kAuthzDefaultDeny{{.name = "AUTHZ_DEFAULT_DENY",
                                                  .area = Area::kAuthorization,
                                                  .doc = "Deny when no policy matches.",
                                                  .since = Since::kLater},
                                                 true};
inline constexpr Setting<bool> kAuthzAdminBypassDocumentAcl{{.name = "AUTHZ_ADMIN_BYPASS_DOCUMENT_ACL",
                                                             .area = Area::kAuthorization,
                                                             .doc = "Let admins skip document permissions.",
                                                             .since = Since::kLater},
                                                            false};
inline constexpr Setting<std::int64_t> kAuthzMaxPolicyBytes{{.name = "AUTHZ_MAX_POLICY_BYTES",
                                                             .area = Area::kAuthorization,
                                                             .doc = "Largest serialised policy.",
                                                             .since = Since::kLater},
                                                            16'384,
                                                            64,
                                                            1'048'576};
inline constexpr Setting<std::int64_t> kAuthzMaxPolicyDepth{{.name = "AUTHZ_MAX_POLICY_DEPTH",
                                                             .area = Area::kAuthorization,
                                                             .doc = "Deepest nesting of a condition.",
                                                             .since = Since::kLater},
                                                            8,
                                                            1,
                                                            32};
inline constexpr Setting<bool> kAuthzSimulationEnabled{{.name = "AUTHZ_SIMULATION_ENABLED",
                                                        .area = Area::kAuthorization,
                                                        .doc = "Offer the simulate endpoint.",
                                                        .since = Since::kLater},
                                                       true};
inline constexpr Setting<bool> kAuthzRequireTenantPredicate{{.name = "AUTHZ_REQUIRE_TENANT_PREDICATE",
                                                             .area = Area::kAuthorization,
                                                             .doc = "Refuse queries that name no tenant.",
                                                             .since = Since::kLater},
                                                            true};
inline constexpr Setting<bool> kAuthzAllowWildcards{{.name = "AUTHZ_ALLOW_WILDCARDS",
                                                     .area = Area::kAuthorization,
                                                     .doc = "Allow policies for `*`/`*`.",
                                                     .since = Since::kLater},
                                                    false};
inline constexpr Setting<std::string> kAuthzTimeZone{{.name = "AUTHZ_TIME_ZONE",
                                                      .area = Area::kAuthorization,
                                                      .doc = "Time zone of the wall clock in policies.",
                                                      .since = Since::kLater},
                                                     "UTC"};

// Identity
inline constexpr Setting<bool> kSsoEnabled{
    {.name = "SSO_ENABLED", .area = Area::kIdentity, .doc = "Serve single sign-on routes.", .since = Since::kLater},
    true};
inline constexpr Setting<std::string> kSsoAllowedRedirectHosts{
    {.name = "SSO_ALLOWED_REDIRECT_HOSTS",
     .area = Area::kIdentity,
     .doc = "Comma list of hosts that a login may return to.",
     .since = Since::kLater},
    ""};
inline constexpr Setting<std::int64_t> kSsoStateTtlSeconds{
    {.name = "SSO_STATE_TTL_SECONDS", .area = Area::kIdentity, .doc = "Life of a login state.", .since = Since::kLater},
    600,
    10,
    86'400};
inline constexpr Setting<std::int64_t> kSsoNonceTtlSeconds{
    {.name = "SSO_NONCE_TTL_SECONDS", .area = Area::kIdentity, .doc = "Life of a login nonce.", .since = Since::kLater},
    600,
    10,
    86'400};
inline constexpr Setting<std::int64_t> kSsoClockSkewSeconds{{.name = "SSO_CLOCK_SKEW_SECONDS",
                                                             .area = Area::kIdentity,
                                                             .doc = "Leeway for times in ID tokens.",
                                                             .since = Since::kLater},
                                                            120,
                                                            0,
                                                            3600};
inline constexpr Setting<std::int64_t> kSsoSessionTtlHours{{.name = "SSO_SESSION_TTL_HOURS",
                                                            .area = Area::kIdentity,
                                                            .doc = "Life of a session token.",
                                                            .since = Since::kLater},
                                                           8,
                                                           1,
                                                           8760};
inline constexpr Setting<bool> kSsoPublicDiscoveryEnabled{{.name = "SSO_PUBLIC_DISCOVERY_ENABLED",
                                                           .area = Area::kIdentity,
                                                           .doc = "List providers without authentication.",
                                                           .since = Since::kLater},
                                                          false};
inline constexpr Setting<bool> kScimEnabled{
    {.name = "SCIM_ENABLED", .area = Area::kIdentity, .doc = "Serve SCIM routes.", .since = Since::kLater}, true};
inline constexpr Setting<std::int64_t> kScimTokenTtlDays{
    {.name = "SCIM_TOKEN_TTL_DAYS", .area = Area::kIdentity, .doc = "Life of a SCIM token.", .since = Since::kLater},
    365,
    1,
    3650};
inline constexpr Setting<std::int64_t> kScimDefaultPageSize{{.name = "SCIM_DEFAULT_PAGE_SIZE",
                                                             .area = Area::kIdentity,
                                                             .doc = "Users per page when none is asked for.",
                                                             .since = Since::kLater},
                                                            50,
                                                            1,
                                                            10'000};
inline constexpr Setting<std::int64_t> kScimMaxPageSize{
    {.name = "SCIM_MAX_PAGE_SIZE", .area = Area::kIdentity, .doc = "Most users per page.", .since = Since::kLater},
    200,
    1,
    10'000};
inline constexpr Setting<std::string> kScimResponseFormat{
    {.name = "SCIM_RESPONSE_FORMAT", .area = Area::kIdentity, .doc = "Shape of SCIM answers.", .since = Since::kLater},
    "negotiate",
    "negotiate|bare|envelope"};
inline constexpr Setting<bool> kIdentityDualControlRequired{
    {.name = "IDENTITY_DUAL_CONTROL_REQUIRED",
     .area = Area::kIdentity,
     .doc = "Block role escalation until a second admin approves.",
     .since = Since::kLater},
    false};

// RateLimiting
inline constexpr Setting<bool> kRateLimitEnabled{
    {.name = "RATE_LIMIT_ENABLED", .area = Area::kRateLimiting, .doc = "Limit request rates.", .common = true}, true};
inline constexpr Setting<std::string> kRlFailMode{
    {.name = "RL_FAIL_MODE",
     .area = Area::kRateLimiting,
     .doc = "`closed` answers 503 when the limiter's shared store is down; else this process decides by itself."},
    "open"};
inline constexpr Setting<double> kRlKeyRunRps{
    {.name = "RL_KEY_RUN_RPS", .area = Area::kRateLimiting, .doc = "Run tokens per second and key; a run costs 3."},
    1.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlKeyRunBurst{
    {.name = "RL_KEY_RUN_BURST", .area = Area::kRateLimiting, .doc = "Run tokens a key can save up."}, 5, 1, 1'000'000};
inline constexpr Setting<double> kRlTenantRunRps{
    {.name = "RL_TENANT_RUN_RPS", .area = Area::kRateLimiting, .doc = "Run tokens per second and tenant."},
    3.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlTenantRunBurst{
    {.name = "RL_TENANT_RUN_BURST", .area = Area::kRateLimiting, .doc = "Run tokens a tenant can save up."},
    15,
    1,
    1'000'000};
inline constexpr Setting<double> kRlKeyMutationRps{
    {.name = "RL_KEY_MUTATION_RPS", .area = Area::kRateLimiting, .doc = "Mutations per second and key."},
    2.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlKeyMutationBurst{
    {.name = "RL_KEY_MUTATION_BURST", .area = Area::kRateLimiting, .doc = "Mutations a key can save up."},
    10,
    1,
    1'000'000};
inline constexpr Setting<double> kRlTenantMutationRps{
    {.name = "RL_TENANT_MUTATION_RPS", .area = Area::kRateLimiting, .doc = "Mutations per second and tenant."},
    5.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlTenantMutationBurst{
    {.name = "RL_TENANT_MUTATION_BURST", .area = Area::kRateLimiting, .doc = "Mutations a tenant can save up."},
    25,
    1,
    1'000'000};
inline constexpr Setting<double> kRlKeyReadRps{
    {.name = "RL_KEY_READ_RPS", .area = Area::kRateLimiting, .doc = "Reads per second and key."},
    5.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlKeyReadBurst{
    {.name = "RL_KEY_READ_BURST", .area = Area::kRateLimiting, .doc = "Reads a key can save up."}, 20, 1, 1'000'000};
inline constexpr Setting<double> kRlTenantReadRps{
    {.name = "RL_TENANT_READ_RPS", .area = Area::kRateLimiting, .doc = "Reads per second and tenant."},
    15.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlTenantReadBurst{
    {.name = "RL_TENANT_READ_BURST", .area = Area::kRateLimiting, .doc = "Reads a tenant can save up."},
    60,
    1,
    1'000'000};
inline constexpr Setting<double> kRlKeyOpsRps{
    {.name = "RL_KEY_OPS_RPS", .area = Area::kRateLimiting, .doc = "Operator requests per second and key."},
    2.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlKeyOpsBurst{
    {.name = "RL_KEY_OPS_BURST", .area = Area::kRateLimiting, .doc = "Operator requests a key can save up."},
    10,
    1,
    1'000'000};
inline constexpr Setting<double> kRlTenantOpsRps{
    {.name = "RL_TENANT_OPS_RPS", .area = Area::kRateLimiting, .doc = "Operator requests per second and tenant."},
    4.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlTenantOpsBurst{
    {.name = "RL_TENANT_OPS_BURST", .area = Area::kRateLimiting, .doc = "Operator requests a tenant can save up."},
    20,
    1,
    1'000'000};
inline constexpr Setting<double> kRlFailureRps{
    {.name = "RL_FAILURE_RPS",
     .area = Area::kRateLimiting,
     .doc = "Refused credentials and roles per second, for each address (IPv6: each /64) and each key they claim."},
    1.0,
    0.001,
    1000000.0};
inline constexpr Setting<std::int64_t> kRlFailureBurst{
    {.name = "RL_FAILURE_BURST",
     .area = Area::kRateLimiting,
     .doc = "Refusals that may follow each other at once before an address or a claimed key has to wait."},
    30,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kRlMaxBuckets{
    {.name = "RL_MAX_BUCKETS",
     .area = Area::kRateLimiting,
     .doc = "Buckets kept in memory, about 150 bytes each; full ones give way first."},
    100'000,
    1'000,
    10'000'000};
inline constexpr Setting<std::string> kRlRedisPrefix{
    {.name = "RL_REDIS_PREFIX", .area = Area::kRateLimiting, .doc = "Prefix of bucket keys in Redis."}, "nexusrag:rl"};
inline constexpr Setting<std::int64_t> kUsageFlushIntervalMs{
    {.name = "USAGE_FLUSH_INTERVAL_MS",
     .area = Area::kRateLimiting,
     .doc = "How often counted use is written; `kill -9` loses what was counted since."},
    50,
    1,
    60'000};
inline constexpr Setting<std::int64_t> kQuotaLeaseUnits{
    {.name = "QUOTA_LEASE_UNITS",
     .area = Area::kRateLimiting,
     .doc = "Most quota units a process holds in advance for a tenant, never above an eighth of what is left; 0 asks "
            "the database for each request of a tenant with a limit."},
    1'024,
    0,
    1'000'000};

// Audit
inline constexpr Setting<std::int64_t> kAuditRetentionDays{
    {.name = "AUDIT_RETENTION_DAYS", .area = Area::kAudit, .doc = "Age at which audit events may be pruned."},
    90,
    1,
    36'500};
inline constexpr Setting<std::int64_t> kAuditAggregateWindowS{
    {.name = "AUDIT_AGGREGATE_WINDOW_S",
     .area = Area::kAudit,
     .doc = "Refusals of one kind within so many seconds become one audit event with their count."},
    60,
    1,
    3'600};
inline constexpr Setting<std::int64_t> kAuditAggregateMaxKinds{
    {.name = "AUDIT_AGGREGATE_MAX_KINDS",
     .area = Area::kAudit,
     .doc = "Kinds of refusals (who, what) that are counted apart; all others of a type share one count."},
    512,
    16,
    100'000};
inline constexpr Setting<std::int64_t> kAuditCheckpointEvents{
    {.name = "AUDIT_CHECKPOINT_EVENTS",
     .area = Area::kAudit,
     .doc = "Events after which a chain gets a signed checkpoint."},
    1000,
    1,
    10'000'000};
inline constexpr Setting<std::int64_t> kAuditCheckpointIntervalS{
    {.name = "AUDIT_CHECKPOINT_INTERVAL_S",
     .area = Area::kAudit,
     .doc = "Time after which a chain gets a signed checkpoint."},
    60,
    1,
    86'400};
inline constexpr Setting<std::optional<std::string>> kAuditCheckpointDir{
    {.name = "AUDIT_CHECKPOINT_DIR",
     .area = Area::kAudit,
     .doc = "Folder outside the database that checkpoints are also written to."}};
inline constexpr Setting<Secret> kAuditSigningKey{{.name = "AUDIT_SIGNING_KEY",
                                                   .area = Area::kAudit,
                                                   .doc = "Ed25519 seed (64 hex characters) that signs checkpoints."}};

// Keys
inline constexpr Setting<Secret> kKeyringMasterKey{
    {.name = "KEYRING_MASTER_KEY", .area = Area::kKeys, .doc = "Wraps the keys of the platform keyring."}};
inline constexpr Setting<bool> kKeyringMasterKeyRequired{
    {.name = "KEYRING_MASTER_KEY_REQUIRED", .area = Area::kKeys, .doc = "Do not start without `KEYRING_MASTER_KEY`."},
    true};
inline constexpr Setting<bool> kCryptoEnabled{{.name = "CRYPTO_ENABLED",
                                               .area = Area::kKeys,
                                               .doc = "Envelope encryption of tenant data.",
                                               .since = Since::kLater},
                                              true};
inline constexpr Setting<std::string> kCryptoProvider{
    {.name = "CRYPTO_PROVIDER", .area = Area::kKeys, .doc = "Key management backend.", .since = Since::kLater},
    "local_kms"};
inline constexpr Setting<std::string> kCryptoEncryptionAlgo{
    {.name = "CRYPTO_ENCRYPTION_ALGO", .area = Area::kKeys, .doc = "Cipher; there is one.", .since = Since::kLater},
    "aes256gcm",
    "aes256gcm"};
inline constexpr Setting<bool> kCryptoRequireEncryptionForSensitive{{.name = "CRYPTO_REQUIRE_ENCRYPTION_FOR_SENSITIVE",
                                                                     .area = Area::kKeys,
                                                                     .doc = "Refuse to store sensitive data in clear.",
                                                                     .since = Since::kLater},
                                                                    true};
inline constexpr Setting<std::string> kCryptoDefaultKeyAlias{{.name = "CRYPTO_DEFAULT_KEY_ALIAS",
                                                              .area = Area::kKeys,
                                                              .doc = "Alias of a tenant's first key.",
                                                              .since = Since::kLater},
                                                             "tenant-master"};
inline constexpr Setting<std::int64_t> kCryptoRotationIntervalDays{{.name = "CRYPTO_ROTATION_INTERVAL_DAYS",
                                                                    .area = Area::kKeys,
                                                                    .doc = "Key age that the security posture reports.",
                                                                    .since = Since::kLater},
                                                                   90,
                                                                   1,
                                                                   36'500};
inline constexpr Setting<std::int64_t> kCryptoReencryptBatchSize{{.name = "CRYPTO_REENCRYPT_BATCH_SIZE",
                                                                  .area = Area::kKeys,
                                                                  .doc = "Rows re-encrypted per step.",
                                                                  .since = Since::kLater},
                                                                 200,
                                                                 1,
                                                                 100'000};
inline constexpr Setting<std::int64_t> kCryptoMaxConcurrentReencrypt{{.name = "CRYPTO_MAX_CONCURRENT_REENCRYPT",
                                                                      .area = Area::kKeys,
                                                                      .doc = "Rotation jobs that run at once.",
                                                                      .since = Since::kLater},
                                                                     2,
                                                                     1,
                                                                     64};
inline constexpr Setting<std::string> kCryptoFailMode{{.name = "CRYPTO_FAIL_MODE",
                                                       .area = Area::kKeys,
                                                       .doc = "Whether a failing key service stops writes.",
                                                       .since = Since::kLater},
                                                      "closed",
                                                      "closed|open"};
inline constexpr Setting<bool> kCryptoAuditVerbose{{.name = "CRYPTO_AUDIT_VERBOSE",
                                                    .area = Area::kKeys,
                                                    .doc = "More metadata in audit events of key use.",
                                                    .since = Since::kLater},
                                                   false};
inline constexpr Setting<Secret> kCryptoLocalMasterKey{{.name = "CRYPTO_LOCAL_MASTER_KEY",
                                                        .area = Area::kKeys,
                                                        .doc = "Root key of the local key service, hex or base64."}};

}  // namespace nexus::config
