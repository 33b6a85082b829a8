#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <optional>
#include <string>

/// General, server, lanes, storage and jobs. Every row must also stand in settings_table.cpp.
namespace nexus::config {

// General
inline constexpr Setting<std::string> kNexusragEnv{
    {.name = "NEXUSRAG_ENV",
     .area = Area::kGeneral,
     .doc = "What this installation is; `production` forbids generated secrets, the dev bypass and the perf mode.",
     .common = true},
    "development",
    "development|test|staging|production"};
inline constexpr Setting<std::string> kAppName{
    {.name = "APP_NAME", .area = Area::kGeneral, .doc = "Product name in logs and documents.", .since = Since::kLater},
    "nexusrag"};
inline constexpr Setting<std::string> kLogLevel{
    {.name = "LOG_LEVEL",
     .area = Area::kGeneral,
     .doc = "Least level that is logged: DEBUG, INFO, WARN or ERROR; anything else means INFO.",
     .common = true},
    "INFO"};
inline constexpr Setting<std::string> kLogFormat{
    {.name = "LOG_FORMAT",
     .area = Area::kGeneral,
     .doc = "Form of log lines; `auto` writes text to a terminal and JSON elsewhere."},
    "auto",
    "auto|json|text"};
inline constexpr Setting<std::string> kDataDir{
    {.name = "DATA_DIR",
     .area = Area::kGeneral,
     .doc = "Folder of everything the server owns: database, uploads, secrets, models.",
     .common = true},
    "var"};
inline constexpr Setting<bool> kInstrumentationDetailedTimers{{.name = "INSTRUMENTATION_DETAILED_TIMERS",
                                                               .area = Area::kGeneral,
                                                               .doc = "Record the time of each segment of a request."},
                                                              true};
inline constexpr Setting<Secret> kMetricsToken{
    {.name = "METRICS_TOKEN",
     .area = Area::kGeneral,
     .doc = "Bearer token that `/v1/metrics` asks for; empty leaves it public, as documented."}};
inline constexpr Setting<std::optional<std::string>> kOtelExporterOtlpEndpoint{
    {.name = "OTEL_EXPORTER_OTLP_ENDPOINT",
     .area = Area::kGeneral,
     .doc = "Base URL of an OTLP/HTTP collector, which gets traces as JSON; empty exports nothing."}};
inline constexpr Setting<Secret> kOtelExporterOtlpHeaders{
    {.name = "OTEL_EXPORTER_OTLP_HEADERS",
     .area = Area::kGeneral,
     .doc = "Headers sent to the collector: `name=value,name=value`, values percent-encoded."}};
inline constexpr Setting<std::int64_t> kOtelExporterOtlpTimeout{
    {.name = "OTEL_EXPORTER_OTLP_TIMEOUT", .area = Area::kGeneral, .doc = "Milliseconds that one export may take."},
    10'000,
    1,
    600'000};
inline constexpr Setting<std::string> kOtelServiceName{
    {.name = "OTEL_SERVICE_NAME", .area = Area::kGeneral, .doc = "Name of this service in traces."}, "nexusrag"};
inline constexpr Setting<double> kOtelTracesSamplerArg{
    {.name = "OTEL_TRACES_SAMPLER_ARG",
     .area = Area::kGeneral,
     .doc = "Share of the traces that begin here which is recorded; callers' own decisions stand."},
    1.0,
    0.0,
    1.0};
inline constexpr Setting<std::string> kApiLegacySunset{
    {.name = "API_LEGACY_SUNSET",
     .area = Area::kGeneral,
     .doc = "Value of the `Sunset` header on unversioned paths, which keep working after it."},
    "Sun, 10 May 2026 00:00:00 GMT"};
inline constexpr Setting<std::string> kPlatformOperatorTenants{
    {.name = "PLATFORM_OPERATOR_TENANTS",
     .area = Area::kGeneral,
     .doc = "Comma list of tenants whose admins may change what affects every tenant; `*` means any tenant."},
    "*"};
inline constexpr Setting<bool> kWorkersInProcess{{.name = "WORKERS_IN_PROCESS",
                                                  .area = Area::kGeneral,
                                                  .doc = "Let `serve` run the job workers itself.",
                                                  .common = true},
                                                 true};
inline constexpr Setting<Secret> kHeartbeatSecret{
    {.name = "HEARTBEAT_SECRET", .area = Area::kGeneral, .doc = "Enables `POST /api/heartbeat`."}};
inline constexpr Setting<std::optional<std::string>> kVercelGitCommitAuthorDate{
    {.name = "VERCEL_GIT_COMMIT_AUTHOR_DATE",
     .area = Area::kGeneral,
     .doc = "Source of `last_deployed_at` in `/api/stats`."}};
inline constexpr Setting<std::optional<std::string>> kBenchmarkArtifact{
    {.name = "BENCHMARK_ARTIFACT",
     .area = Area::kGeneral,
     .doc = "JSON file with published results that `/api/benchmark-latest` shows."}};

// Server
inline constexpr Setting<std::string> kListenHost{
    {.name = "LISTEN_HOST", .area = Area::kServer, .doc = "Address the HTTP listener binds.", .common = true},
    "127.0.0.1"};
inline constexpr Setting<std::int64_t> kListenPort{{.name = "LISTEN_PORT",
                                                    .area = Area::kServer,
                                                    .doc = "Port the HTTP listener binds; 0 takes any free one.",
                                                    .common = true},
                                                   8000,
                                                   0,
                                                   65'535};
inline constexpr Setting<std::int64_t> kHttpIoThreads{
    {.name = "HTTP_IO_THREADS",
     .area = Area::kServer,
     .doc = "Threads for connections; 0 means one for every eight cores, at least one."},
    0,
    0,
    256};
inline constexpr Setting<std::int64_t> kHttpMaxConnections{
    {.name = "HTTP_MAX_CONNECTIONS", .area = Area::kServer, .doc = "Connections open at once; more are refused."},
    10'000,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kHttpMaxHeaderBytes{
    {.name = "HTTP_MAX_HEADER_BYTES", .area = Area::kServer, .doc = "Largest request head."}, 16'384, 1024, 1'048'576};
inline constexpr Setting<std::int64_t> kHttpMaxBodyBytes{
    {.name = "HTTP_MAX_BODY_BYTES", .area = Area::kServer, .doc = "Largest JSON body."},
    10'485'760,
    1024,
    1'073'741'824};
inline constexpr Setting<std::int64_t> kHttpMaxUploadBytes{
    {.name = "HTTP_MAX_UPLOAD_BYTES", .area = Area::kServer, .doc = "Largest multipart body.", .common = true},
    209'715'200,
    1024,
    109'951'162'777'600};
inline constexpr Setting<std::int64_t> kHttpEarlyBodyBytes{
    {.name = "HTTP_EARLY_BODY_BYTES",
     .area = Area::kServer,
     .doc = "Bodies up to this size may be read before authentication."},
    65'536,
    0,
    1'048'576};
inline constexpr Setting<std::int64_t> kHttpHeaderTimeoutMs{
    {.name = "HTTP_HEADER_TIMEOUT_MS", .area = Area::kServer, .doc = "Time to send a request head."},
    10'000,
    100,
    600'000};
inline constexpr Setting<std::int64_t> kHttpBodyTimeoutMs{
    {.name = "HTTP_BODY_TIMEOUT_MS", .area = Area::kServer, .doc = "Longest pause between two pieces of a body."},
    60'000,
    100,
    3'600'000};
inline constexpr Setting<std::int64_t> kHttpIdleTimeoutMs{
    {.name = "HTTP_IDLE_TIMEOUT_MS", .area = Area::kServer, .doc = "Life of an idle keep-alive connection."},
    75'000,
    100,
    3'600'000};
inline constexpr Setting<std::int64_t> kHttpWriteTimeoutMs{
    {.name = "HTTP_WRITE_TIMEOUT_MS",
     .area = Area::kServer,
     .doc = "Longest time a client may take to accept more bytes."},
    30'000,
    100,
    3'600'000};
inline constexpr Setting<std::int64_t> kHttpStreamHighWaterBytes{
    {.name = "HTTP_STREAM_HIGH_WATER_BYTES",
     .area = Area::kServer,
     .doc = "Unsent bytes of a stream above which its producer waits."},
    262'144,
    4096,
    67'108'864};
inline constexpr Setting<std::int64_t> kHttpMultipartMaxFiles{
    {.name = "HTTP_MULTIPART_MAX_FILES", .area = Area::kServer, .doc = "File parts of one multipart body."},
    1000,
    1,
    100'000};
inline constexpr Setting<std::int64_t> kHttpMultipartMaxFields{
    {.name = "HTTP_MULTIPART_MAX_FIELDS", .area = Area::kServer, .doc = "Other parts of one multipart body."},
    1000,
    1,
    100'000};
inline constexpr Setting<std::int64_t> kHttpMultipartMaxFieldBytes{
    {.name = "HTTP_MULTIPART_MAX_FIELD_BYTES", .area = Area::kServer, .doc = "Size of one part that is not a file."},
    1'048'576,
    1,
    104'857'600};
inline constexpr Setting<std::string> kTrustedProxies{
    {.name = "TRUSTED_PROXIES",
     .area = Area::kServer,
     .doc = "Addresses or CIDR blocks whose `X-Forwarded-*` headers are believed."},
    "127.0.0.0/8,::1"};
inline constexpr Setting<std::int64_t> kShutdownGraceS{
    {.name = "SHUTDOWN_GRACE_S",
     .area = Area::kServer,
     .doc = "How long requests and streams may finish after SIGTERM.",
     .common = true},
    30,
    0,
    3600};
inline constexpr Setting<std::optional<std::string>> kSpoolDir{
    {.name = "SPOOL_DIR",
     .area = Area::kServer,
     .doc = "Where uploads land while they are read; empty means `DATA_DIR/spool`."}};

// Lanes
inline constexpr Setting<std::int64_t> kLaneDbThreads{
    {.name = "LANE_DB_THREADS",
     .area = Area::kLanes,
     .doc = "Threads for interactive endpoints; 0 means two for every core, 2 to 32."},
    0,
    0,
    1024};
inline constexpr Setting<std::int64_t> kLaneDbQueue{
    {.name = "LANE_DB_QUEUE",
     .area = Area::kLanes,
     .doc = "Waiting requests of that lane; more get 503 `SERVICE_BUSY`."},
    1024,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kLaneOutboundThreads{
    {.name = "LANE_OUTBOUND_THREADS", .area = Area::kLanes, .doc = "Threads for calls that wait for another machine."},
    16,
    1,
    4096};
inline constexpr Setting<std::int64_t> kLaneOutboundQueue{
    {.name = "LANE_OUTBOUND_QUEUE", .area = Area::kLanes, .doc = "Waiting calls of that lane."}, 256, 1, 1'000'000};
inline constexpr Setting<std::int64_t> kLaneBulkThreads{
    {.name = "LANE_BULK_THREADS", .area = Area::kLanes, .doc = "Threads for uploads, exports and other long work."},
    2,
    1,
    256};
inline constexpr Setting<std::int64_t> kLaneBulkQueue{
    {.name = "LANE_BULK_QUEUE", .area = Area::kLanes, .doc = "Waiting work of that lane."}, 64, 1, 1'000'000};

// Storage
inline constexpr Setting<std::string> kDatabaseUrl{
    {.name = "DATABASE_URL",
     .area = Area::kStorage,
     .doc = "Empty or `sqlite:PATH` for the embedded database, else a `postgresql://` address (`postgresql+asyncpg://` "
            "is accepted).",
     .secret = true,
     .common = true},
    ""};
inline constexpr Setting<std::string> kRedisUrl{
    {.name = "REDIS_URL",
     .area = Area::kStorage,
     .doc = "Redis for state shared between servers: `redis://`, `rediss://` (TLS), `redis+sentinel://`, "
            "`redis+cluster://`; empty keeps it in this process.",
     .secret = true,
     .common = true},
    ""};
inline constexpr Setting<std::int64_t> kRedisConnectTimeoutMs{
    {.name = "REDIS_CONNECT_TIMEOUT_MS",
     .area = Area::kStorage,
     .doc = "Look-up, connection, TLS and login of one attempt to reach Redis."},
    250,
    10,
    60'000};
inline constexpr Setting<std::int64_t> kRedisCommandTimeoutMs{
    {.name = "REDIS_COMMAND_TIMEOUT_MS",
     .area = Area::kStorage,
     .doc = "How long a request waits for Redis before it goes on without it."},
    50,
    1,
    60'000};
inline constexpr Setting<std::string> kRedisCaFile{
    {.name = "REDIS_CA_FILE",
     .area = Area::kStorage,
     .doc = "PEM file of the authorities that `rediss://` trusts; empty: the system's."},
    ""};
inline constexpr Setting<std::string> kRedisCertFile{
    {.name = "REDIS_CERT_FILE",
     .area = Area::kStorage,
     .doc = "PEM file of our own certificate, for a Redis that asks clients for one."},
    ""};
inline constexpr Setting<std::string> kRedisKeyFile{
    {.name = "REDIS_KEY_FILE", .area = Area::kStorage, .doc = "PEM file of its key."}, ""};
inline constexpr Setting<std::string> kRedisServerName{
    {.name = "REDIS_SERVER_NAME",
     .area = Area::kStorage,
     .doc = "Name that Redis' certificate must carry instead of the host; for nodes that are known by address."},
    ""};
inline constexpr Setting<std::string> kRedisSentinelUser{
    {.name = "REDIS_SENTINEL_USER", .area = Area::kStorage, .doc = "ACL user of the sentinels."}, ""};
inline constexpr Setting<Secret> kRedisSentinelPassword{
    {.name = "REDIS_SENTINEL_PASSWORD",
     .area = Area::kStorage,
     .doc = "Password of the sentinels, which have accounts of their own."}};
inline constexpr Setting<std::int64_t> kApiDbPoolSize{
    {.name = "API_DB_POOL_SIZE", .area = Area::kStorage, .doc = "PostgreSQL connections kept open."}, 20, 1, 10'000};
inline constexpr Setting<std::int64_t> kApiDbMaxOverflow{
    {.name = "API_DB_MAX_OVERFLOW",
     .area = Area::kStorage,
     .doc = "PostgreSQL connections opened beyond the pool under load."},
    10,
    0,
    10'000};
inline constexpr Setting<std::int64_t> kApiDbStatementTimeoutMs{
    {.name = "API_DB_STATEMENT_TIMEOUT_MS",
     .area = Area::kStorage,
     .doc = "PostgreSQL `statement_timeout`; 0 or less means none."},
    15'000,
    -1,
    86'400'000};
inline constexpr Setting<std::int64_t> kSqliteReaders{
    {.name = "SQLITE_READERS",
     .area = Area::kStorage,
     .doc = "Reading connections; 0 follows the threads of the `db` lane."},
    0,
    0,
    256};
inline constexpr Setting<std::int64_t> kSqliteBusyTimeoutMs{
    {.name = "SQLITE_BUSY_TIMEOUT_MS",
     .area = Area::kStorage,
     .doc = "How long a connection waits for a lock that another process holds."},
    5000,
    0,
    600'000};
inline constexpr Setting<std::int64_t> kSqliteMmapMb{
    {.name = "SQLITE_MMAP_MB",
     .area = Area::kStorage,
     .doc = "Part of the database file mapped into memory; helps only where writes are rare, since SQLite drops the "
            "mapping of a reader whenever somebody has committed."},
    0,
    0,
    1'048'576};
inline constexpr Setting<std::int64_t> kSqliteCacheMb{
    {.name = "SQLITE_CACHE_MB", .area = Area::kStorage, .doc = "Page cache of each connection."}, 16, 1, 65'536};
inline constexpr Setting<std::int64_t> kSqliteWriteQueue{
    {.name = "SQLITE_WRITE_QUEUE",
     .area = Area::kStorage,
     .doc = "Writes waiting for the writer; more get 503 `SERVICE_BUSY`."},
    4096,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kSqliteGroupMax{
    {.name = "SQLITE_GROUP_MAX", .area = Area::kStorage, .doc = "Most writes that share one commit."}, 256, 1, 10'000};
inline constexpr Setting<std::int64_t> kSqliteCheckpointPages{
    {.name = "SQLITE_CHECKPOINT_PAGES",
     .area = Area::kStorage,
     .doc = "Length of the write-ahead log that starts a checkpoint."},
    4000,
    100,
    10'000'000};

// Jobs
inline constexpr Setting<std::string> kIngestQueueName{
    {.name = "INGEST_QUEUE_NAME", .area = Area::kJobs, .doc = "Name of the ingestion queue.", .since = Since::kLater},
    "ingest"};
inline constexpr Setting<std::int64_t> kIngestMaxRetries{
    {.name = "INGEST_MAX_RETRIES", .area = Area::kJobs, .doc = "Attempts of an ingestion job."}, 3, 1, 100};
inline constexpr Setting<std::string> kIngestExecutionMode{
    {.name = "INGEST_EXECUTION_MODE",
     .area = Area::kJobs,
     .doc = "`queue` ingests in the background, `inline` inside the upload request."},
    "queue",
    "queue|inline"};
inline constexpr Setting<std::int64_t> kIngestWorkers{
    {.name = "INGEST_WORKERS", .area = Area::kJobs, .doc = "Ingestion jobs that `serve` runs at once.", .common = true},
    2,
    1,
    256};
inline constexpr Setting<std::int64_t> kWorkerHeartbeatIntervalS{
    {.name = "WORKER_HEARTBEAT_INTERVAL_S", .area = Area::kJobs, .doc = "Period of worker heartbeats."}, 10, 1, 3600};
inline constexpr Setting<std::int64_t> kWorkerHeartbeatStaleAfterS{{.name = "WORKER_HEARTBEAT_STALE_AFTER_S",
                                                                    .area = Area::kJobs,
                                                                    .doc = "Age at which a worker counts as degraded.",
                                                                    .since = Since::kLater},
                                                                   60,
                                                                   1,
                                                                   86'400};
inline constexpr Setting<std::int64_t> kJobLeaseS{
    {.name = "JOB_LEASE_S", .area = Area::kJobs, .doc = "How long a worker owns a job without renewing it."},
    60,
    5,
    86'400};
inline constexpr Setting<std::int64_t> kJobHeartbeatS{
    {.name = "JOB_HEARTBEAT_S", .area = Area::kJobs, .doc = "Period at which a worker renews its leases."},
    15,
    1,
    3600};
inline constexpr Setting<std::int64_t> kJobBackoffMs{
    {.name = "JOB_BACKOFF_MS",
     .area = Area::kJobs,
     .doc = "First pause before a failed job is tried again; doubles each time, with jitter."},
    1000,
    1,
    3'600'000};
inline constexpr Setting<std::int64_t> kJobBackoffMaxMs{
    {.name = "JOB_BACKOFF_MAX_MS", .area = Area::kJobs, .doc = "Longest such pause."}, 300'000, 1, 86'400'000};
inline constexpr Setting<std::int64_t> kJobPollIntervalMs{
    {.name = "JOB_POLL_INTERVAL_MS",
     .area = Area::kJobs,
     .doc = "How often idle workers look for due jobs that nobody announced."},
    1000,
    10,
    600'000};
inline constexpr Setting<std::int64_t> kJobMaxQueuedPerTenant{
    {.name = "JOB_MAX_QUEUED_PER_TENANT",
     .area = Area::kJobs,
     .doc = "Waiting jobs of one tenant; more get 503 `SERVICE_BUSY`."},
    10'000,
    1,
    10'000'000};
inline constexpr Setting<std::int64_t> kJobRetentionDays{
    {.name = "JOB_RETENTION_DAYS", .area = Area::kJobs, .doc = "How long finished jobs stay visible."}, 14, 1, 3650};

}  // namespace nexus::config
