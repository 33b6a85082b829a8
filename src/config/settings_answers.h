#pragma once

#include "base/secret.h"
#include "config/setting.h"

#include <cstdint>
#include <optional>
#include <string>

/// Documents, search, models, answers. Every row must also stand in settings_table.cpp.
namespace nexus::config {

// Resilience
inline constexpr Setting<std::int64_t> kRunMaxConcurrency{
    {.name = "RUN_MAX_CONCURRENCY",
     .area = Area::kResilience,
     .doc = "Runs that generate at once; more get 503 `SERVICE_BUSY`.",
     .common = true},
    10,
    1,
    100'000};
inline constexpr Setting<std::optional<std::int64_t>> kRunBulkheadMaxConcurrency{
    {.name = "RUN_BULKHEAD_MAX_CONCURRENCY",
     .area = Area::kResilience,
     .doc = "Overrides `RUN_MAX_CONCURRENCY` when not zero."},
    0,
    100'000};
inline constexpr Setting<std::int64_t> kIngestMaxConcurrency{{.name = "INGEST_MAX_CONCURRENCY",
                                                              .area = Area::kResilience,
                                                              .doc = "Ingestions accepted at once.",
                                                              .since = Since::kLater},
                                                             4,
                                                             1,
                                                             100'000};
inline constexpr Setting<std::optional<std::int64_t>> kIngestBulkheadMaxConcurrency{
    {.name = "INGEST_BULKHEAD_MAX_CONCURRENCY",
     .area = Area::kResilience,
     .doc = "Overrides `INGEST_MAX_CONCURRENCY` when not zero.",
     .since = Since::kLater},
    0,
    100'000};
inline constexpr Setting<std::int64_t> kRunSseHeartbeatS{
    {.name = "RUN_SSE_HEARTBEAT_S", .area = Area::kResilience, .doc = "Period of heartbeats in event streams."},
    10,
    1,
    3600};
inline constexpr Setting<std::int64_t> kSseFlushIntervalMs{
    {.name = "SSE_FLUSH_INTERVAL_MS",
     .area = Area::kResilience,
     .doc = "Least time between two token events; 0 sends each as it comes."},
    0,
    0,
    10'000};
inline constexpr Setting<std::int64_t> kRunResumeTtlS{
    {.name = "RUN_RESUME_TTL_S",
     .area = Area::kResilience,
     .doc = "How long a broken stream can be resumed with `Last-Event-ID`."},
    300,
    0,
    86'400};
inline constexpr Setting<std::int64_t> kRunResumeMemoryMb{{.name = "RUN_RESUME_MEMORY_MB",
                                                           .area = Area::kResilience,
                                                           .doc = "Memory for the events that resumable streams keep."},
                                                          64,
                                                          1,
                                                          65'536};
inline constexpr Setting<bool> kRunResumeShared{
    {.name = "RUN_RESUME_SHARED",
     .area = Area::kResilience,
     .doc = "With `REDIS_URL`, keep those events in Redis too (encrypted), so that any server can resume a stream."},
    true};
inline constexpr Setting<std::string> kRunResumeRedisPrefix{
    {.name = "RUN_RESUME_REDIS_PREFIX", .area = Area::kResilience, .doc = "Prefix of resumable streams in Redis."},
    "nexusrag:run"};
inline constexpr Setting<std::int64_t> kExtCallTimeoutMs{
    {.name = "EXT_CALL_TIMEOUT_MS", .area = Area::kResilience, .doc = "Deadline of one attempt of an outbound call."},
    8000,
    1,
    600'000};
inline constexpr Setting<std::int64_t> kExtRetryMaxAttempts{
    {.name = "EXT_RETRY_MAX_ATTEMPTS", .area = Area::kResilience, .doc = "Attempts of an outbound call in all."},
    2,
    1,
    20};
inline constexpr Setting<std::int64_t> kExtRetryBackoffMs{
    {.name = "EXT_RETRY_BACKOFF_MS", .area = Area::kResilience, .doc = "First pause between attempts."},
    200,
    0,
    60'000};
inline constexpr Setting<std::int64_t> kCbFailureThreshold{{.name = "CB_FAILURE_THRESHOLD",
                                                            .area = Area::kResilience,
                                                            .doc = "Failures in a row that open a circuit breaker."},
                                                           5,
                                                           1,
                                                           10'000};
inline constexpr Setting<std::int64_t> kCbOpenSeconds{
    {.name = "CB_OPEN_SECONDS", .area = Area::kResilience, .doc = "How long a breaker stays open."}, 30, 1, 86'400};
inline constexpr Setting<std::int64_t> kCbHalfOpenTrials{{.name = "CB_HALF_OPEN_TRIALS",
                                                          .area = Area::kResilience,
                                                          .doc = "Trial calls that a half-open breaker lets through."},
                                                         2,
                                                         1,
                                                         1000};
inline constexpr Setting<std::string> kCbRedisPrefix{
    {.name = "CB_REDIS_PREFIX", .area = Area::kResilience, .doc = "Prefix of breaker keys in Redis."}, "nexusrag:cb"};
inline constexpr Setting<std::string> kOutboundAllowPrivate{
    {.name = "OUTBOUND_ALLOW_PRIVATE",
     .area = Area::kResilience,
     .doc = "Comma list of private hosts or CIDR blocks that user-supplied addresses may reach."},
    ""};
inline constexpr Setting<std::int64_t> kOutboundConnectTimeoutMs{
    {.name = "OUTBOUND_CONNECT_TIMEOUT_MS",
     .area = Area::kResilience,
     .doc = "Time for TCP and TLS within an attempt of an outbound call."},
    5000,
    1,
    600'000};
inline constexpr Setting<std::int64_t> kOutboundMaxResponseBytes{
    {.name = "OUTBOUND_MAX_RESPONSE_BYTES",
     .area = Area::kResilience,
     .doc = "Longest answer of an outbound call that names no bound of its own."},
    8'388'608,
    1024,
    1'073'741'824};
inline constexpr Setting<std::int64_t> kOutboundMaxConcurrency{
    {.name = "OUTBOUND_MAX_CONCURRENCY", .area = Area::kResilience, .doc = "Outbound calls on the wire at a time."},
    64,
    1,
    4096};
inline constexpr Setting<std::string> kOutboundProxy{
    {.name = "OUTBOUND_PROXY",
     .area = Area::kResilience,
     .doc = "Proxy for outbound calls, such as `http://proxy:3128`; the environment's proxies are not used."},
    ""};
inline constexpr Setting<std::string> kOutboundNoProxy{
    {.name = "OUTBOUND_NO_PROXY",
     .area = Area::kResilience,
     .doc = "Comma list of hosts and domains that are called without the proxy."},
    ""};
inline constexpr Setting<std::string> kOutboundCaFile{
    {.name = "OUTBOUND_CA_FILE",
     .area = Area::kResilience,
     .doc = "PEM file of the authorities to trust instead of the system's."},
    ""};
inline constexpr Setting<bool> kKillRun{
    {.name = "KILL_RUN", .area = Area::kResilience, .doc = "Default of the kill switch of runs."}, false};
inline constexpr Setting<bool> kKillIngest{
    {.name = "KILL_INGEST", .area = Area::kResilience, .doc = "Default of the kill switch of ingestion."}, false};
inline constexpr Setting<bool> kKillTts{{.name = "KILL_TTS",
                                         .area = Area::kResilience,
                                         .doc = "Default of the kill switch of speech.",
                                         .since = Since::kLater},
                                        false};
inline constexpr Setting<bool> kKillExternalRetrieval{{.name = "KILL_EXTERNAL_RETRIEVAL",
                                                       .area = Area::kResilience,
                                                       .doc = "Default of the kill switch of external retrieval.",
                                                       .since = Since::kLater},
                                                      false};
inline constexpr Setting<bool> kKillNotifications{{.name = "KILL_NOTIFICATIONS",
                                                   .area = Area::kResilience,
                                                   .doc = "Default of the kill switch of notifications.",
                                                   .since = Since::kLater},
                                                  false};
inline constexpr Setting<std::int64_t> kRolloutTtsPct{{.name = "ROLLOUT_TTS_PCT",
                                                       .area = Area::kResilience,
                                                       .doc = "Share of tenants that get speech.",
                                                       .since = Since::kLater},
                                                      100,
                                                      0,
                                                      100};
inline constexpr Setting<std::int64_t> kRolloutExternalRetrievalPct{
    {.name = "ROLLOUT_EXTERNAL_RETRIEVAL_PCT",
     .area = Area::kResilience,
     .doc = "Share of tenants that get external retrieval.",
     .since = Since::kLater},
    100,
    0,
    100};
inline constexpr Setting<std::string> kRolloutRedisPrefix{{.name = "ROLLOUT_REDIS_PREFIX",
                                                           .area = Area::kResilience,
                                                           .doc = "Prefix of rollout keys in Redis.",
                                                           .since = Since::kLater},
                                                          "nexusrag:rollout"};
inline constexpr Setting<double> kSloAvailabilityTarget{{.name = "SLO_AVAILABILITY_TARGET",
                                                         .area = Area::kResilience,
                                                         .doc = "Availability target in percent.",
                                                         .since = Since::kLater},
                                                        99.9,
                                                        0.0,
                                                        100.0};
inline constexpr Setting<std::int64_t> kSloP95RunMs{
    {.name = "SLO_P95_RUN_MS", .area = Area::kResilience, .doc = "Latency target of runs.", .since = Since::kLater},
    3000,
    1,
    600'000};
inline constexpr Setting<std::int64_t> kSloP95ApiMs{{.name = "SLO_P95_API_MS",
                                                     .area = Area::kResilience,
                                                     .doc = "Latency target of other requests.",
                                                     .since = Since::kLater},
                                                    800,
                                                    1,
                                                    600'000};

// Documents
inline constexpr Setting<std::int64_t> kDocumentTextMaxBytes{
    {.name = "DOCUMENT_TEXT_MAX_BYTES",
     .area = Area::kDocuments,
     .doc = "Largest text that ingestion accepts, after extraction."},
    10'485'760,
    1024,
    1'073'741'824};
inline constexpr Setting<std::int64_t> kDocumentMetadataMaxBytes{
    {.name = "DOCUMENT_METADATA_MAX_BYTES", .area = Area::kDocuments, .doc = "Largest `metadata_json` of a document."},
    65'536,
    64,
    10'485'760};
inline constexpr Setting<std::int64_t> kDocumentBulkMaxFiles{
    {.name = "DOCUMENT_BULK_MAX_FILES", .area = Area::kDocuments, .doc = "Files in one bulk upload."}, 100, 1, 1000};
inline constexpr Setting<std::int64_t> kExtractMaxEntries{
    {.name = "EXTRACT_MAX_ENTRIES", .area = Area::kDocuments, .doc = "Entries of an archive-based document."},
    10'000,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kExtractMaxPages{
    {.name = "EXTRACT_MAX_PAGES", .area = Area::kDocuments, .doc = "Pages of a PDF that are read."},
    5000,
    1,
    1'000'000};
inline constexpr Setting<std::int64_t> kExtractTimeoutS{{.name = "EXTRACT_TIMEOUT_S",
                                                         .area = Area::kDocuments,
                                                         .doc = "Time that the extraction of one document may take."},
                                                        60,
                                                        1,
                                                        3600};
inline constexpr Setting<std::int64_t> kExtractProcessMemoryMb{
    {.name = "EXTRACT_PROCESS_MEMORY_MB",
     .area = Area::kDocuments,
     .doc = "Memory of the child process that reads PDF files."},
    512,
    32,
    65'536};
inline constexpr Setting<std::int64_t> kChunkSizeChars{
    {.name = "CHUNK_SIZE_CHARS", .area = Area::kDocuments, .doc = "Default length of a chunk."}, 1200, 1, 1'000'000};
inline constexpr Setting<std::int64_t> kChunkOverlapChars{
    {.name = "CHUNK_OVERLAP_CHARS", .area = Area::kDocuments, .doc = "Default overlap of neighbouring chunks."},
    150,
    0,
    1'000'000};
inline constexpr Setting<std::int64_t> kChunkMaxPerDocument{
    {.name = "CHUNK_MAX_PER_DOCUMENT", .area = Area::kDocuments, .doc = "Chunks that one document may have."},
    20'000,
    1,
    10'000'000};

// Search
inline constexpr Setting<std::string> kSearchEngine{
    {.name = "SEARCH_ENGINE",
     .area = Area::kSearch,
     .doc = "`auto` searches where the rows are: segments beside SQLite, PostgreSQL beside PostgreSQL."},
    "auto",
    "auto|segments|postgres|opensearch"};
inline constexpr Setting<std::string> kOpensearchUrl{
    {.name = "OPENSEARCH_URL",
     .area = Area::kSearch,
     .doc = "Nodes of the search cluster (OpenSearch 2+ or Elasticsearch 8+), comma separated: "
            "`https://a:9200,https://b:9200`; without a password.",
     .secret = true},
    ""};
inline constexpr Setting<std::string> kOpensearchUser{
    {.name = "OPENSEARCH_USER", .area = Area::kSearch, .doc = "User of the search cluster."}, ""};
inline constexpr Setting<Secret> kOpensearchPassword{
    {.name = "OPENSEARCH_PASSWORD", .area = Area::kSearch, .doc = "Password of OPENSEARCH_USER."}};
inline constexpr Setting<Secret> kOpensearchApiKey{
    {.name = "OPENSEARCH_API_KEY",
     .area = Area::kSearch,
     .doc = "API key of the search cluster, instead of user and password."}};
inline constexpr Setting<std::string> kOpensearchCaFile{
    {.name = "OPENSEARCH_CA_FILE",
     .area = Area::kSearch,
     .doc = "PEM file of the authorities to trust for the search cluster; empty: OUTBOUND_CA_FILE."},
    ""};
inline constexpr Setting<std::string> kOpensearchIndexPrefix{
    {.name = "OPENSEARCH_INDEX_PREFIX",
     .area = Area::kSearch,
     .doc = "The index is `PREFIX-chunks-v1`; lower case. Two installations in one cluster need two."},
    "nexusrag"};
inline constexpr Setting<std::int64_t> kOpensearchShards{
    {.name = "OPENSEARCH_SHARDS", .area = Area::kSearch, .doc = "Shards of a new index; a tenant lies in one of them."},
    4,
    1,
    1024};
inline constexpr Setting<std::int64_t> kOpensearchReplicas{
    {.name = "OPENSEARCH_REPLICAS", .area = Area::kSearch, .doc = "Copies of each shard of a new index."}, 1, 0, 16};
inline constexpr Setting<std::int64_t> kOpensearchCandidates{
    {.name = "OPENSEARCH_CANDIDATES",
     .area = Area::kSearch,
     .doc = "Chunks that the search cluster names by words and by vectors; they are ranked again here."},
    200,
    100,
    5000};
inline constexpr Setting<std::int64_t> kOpensearchMaxFilterIds{
    {.name = "OPENSEARCH_MAX_FILTER_IDS",
     .area = Area::kSearch,
     .doc = "Longest list of documents that one search may allow or deny; a longer one fails."},
    262'144,
    1000,
    2'000'000};
inline constexpr Setting<std::int64_t> kOpensearchBulkKb{
    {.name = "OPENSEARCH_BULK_KB", .area = Area::kSearch, .doc = "Size of one request that feeds the search cluster."},
    5120,
    64,
    102'400};
inline constexpr Setting<std::int64_t> kOpensearchBulkTimeoutMs{
    {.name = "OPENSEARCH_BULK_TIMEOUT_MS",
     .area = Area::kSearch,
     .doc = "Time that one request which feeds the search cluster may take."},
    30'000,
    1000,
    120'000};
inline constexpr Setting<bool> kOpensearchFeeder{
    {.name = "OPENSEARCH_FEEDER",
     .area = Area::kSearch,
     .doc = "Whether this process delivers changes to the search cluster; at least one must."},
    true};
inline constexpr Setting<std::int64_t> kIndexMemoryMb{
    {.name = "INDEX_MEMORY_MB",
     .area = Area::kSearch,
     .doc = "Memory for loaded indexes; the least recently used are dropped.",
     .common = true},
    512,
    16,
    1'048'576};
inline constexpr Setting<std::int64_t> kVectorExactMax{
    {.name = "VECTOR_EXACT_MAX",
     .area = Area::kSearch,
     .doc = "PostgreSQL: readable chunks up to which vectors are compared one by one; beyond, through the HNSW index."},
    1'000,
    1,
    1'000'000'000};
inline constexpr Setting<std::int64_t> kSearchTimeoutMs{
    {.name = "SEARCH_TIMEOUT_MS", .area = Area::kSearch, .doc = "Time that one search may take."}, 2000, 1, 600'000};
inline constexpr Setting<std::int64_t> kRunMessageMaxBytes{
    {.name = "RUN_MESSAGE_MAX_BYTES", .area = Area::kSearch, .doc = "Longest question."}, 65'536, 256, 10'485'760};
inline constexpr Setting<std::int64_t> kRunHistoryMaxTokens{
    {.name = "RUN_HISTORY_MAX_TOKENS", .area = Area::kSearch, .doc = "Share of the prompt for earlier turns."},
    2000,
    0,
    1'000'000};
inline constexpr Setting<std::int64_t> kRunContextMaxTokens{
    {.name = "RUN_CONTEXT_MAX_TOKENS", .area = Area::kSearch, .doc = "Share of the prompt for retrieved text."},
    6000,
    64,
    1'000'000};
inline constexpr Setting<std::int64_t> kRunMaxOutputTokens{
    {.name = "RUN_MAX_OUTPUT_TOKENS", .area = Area::kSearch, .doc = "Longest answer that a model is asked for."},
    1024,
    1,
    1'000'000};
inline constexpr Setting<bool> kDebugEvents{
    {.name = "DEBUG_EVENTS", .area = Area::kSearch, .doc = "Send `debug.retrieval` events in streams."}, false};

// Models
inline constexpr Setting<std::string> kLlmProvider{
    {.name = "LLM_PROVIDER",
     .area = Area::kModels,
     .doc = "Who writes answers; `auto` takes what is configured, else `extractive`, which needs no model.",
     .common = true},
    "auto",
    "auto|extractive|fake|openai|vertex|bedrock|anthropic"};
inline constexpr Setting<std::string> kLlmFallback{
    {.name = "LLM_FALLBACK",
     .area = Area::kModels,
     .doc =
         "Comma list of `openai`, `anthropic`, `vertex`, `bedrock`: asked in this order when the chosen provider fails "
         "before its first word."},
    ""};
inline constexpr Setting<std::int64_t> kLlmDeadlineS{
    {.name = "LLM_DEADLINE_S", .area = Area::kModels, .doc = "Time for a whole answer, fallbacks included."},
    90,
    1,
    3600};
inline constexpr Setting<std::int64_t> kLlmIdleTimeoutS{
    {.name = "LLM_IDLE_TIMEOUT_S",
     .area = Area::kModels,
     .doc = "Longest silence of a model, before its first word and after."},
    30,
    1,
    3600};
inline constexpr Setting<std::string> kEmbeddingProvider{
    {.name = "EMBEDDING_PROVIDER",
     .area = Area::kModels,
     .doc = "Who embeds text; `local` runs the best model in `MODELS_DIR`.",
     .common = true},
    "local",
    "local|fake|openai|vertex|bedrock|none"};
inline constexpr Setting<std::optional<std::string>> kModelsDir{
    {.name = "MODELS_DIR",
     .area = Area::kModels,
     .doc = "Folder of local models; empty means `DATA_DIR/models`.",
     .common = true}};
inline constexpr Setting<std::optional<std::string>> kLocalEmbeddingModel{
    {.name = "LOCAL_EMBEDDING_MODEL",
     .area = Area::kModels,
     .doc = "Name of one local model to use instead of the best.",
     .since = Since::kLater}};
inline constexpr Setting<Secret> kOpenaiApiKey{
    {.name = "OPENAI_API_KEY", .area = Area::kModels, .doc = "Key of the OpenAI-compatible provider.", .common = true}};
inline constexpr Setting<std::string> kOpenaiBaseUrl{{.name = "OPENAI_BASE_URL",
                                                      .area = Area::kModels,
                                                      .doc = "Base address of the OpenAI-compatible provider.",
                                                      .common = true},
                                                     "https://api.openai.com/v1"};
inline constexpr Setting<std::string> kOpenaiModel{{.name = "OPENAI_MODEL",
                                                    .area = Area::kModels,
                                                    .doc = "Chat model of the OpenAI-compatible provider.",
                                                    .common = true},
                                                   "gpt-4o-mini"};
inline constexpr Setting<std::string> kOpenaiEmbeddingModel{
    {.name = "OPENAI_EMBEDDING_MODEL",
     .area = Area::kModels,
     .doc = "Embedding model of the OpenAI-compatible provider.",
     .since = Since::kLater},
    "text-embedding-3-small"};
inline constexpr Setting<Secret> kAnthropicApiKey{
    {.name = "ANTHROPIC_API_KEY", .area = Area::kModels, .doc = "Key of the Anthropic provider."}};
inline constexpr Setting<std::string> kAnthropicBaseUrl{
    {.name = "ANTHROPIC_BASE_URL", .area = Area::kModels, .doc = "Base address of the Anthropic provider."},
    "https://api.anthropic.com/v1"};
inline constexpr Setting<std::string> kAnthropicModel{
    {.name = "ANTHROPIC_MODEL", .area = Area::kModels, .doc = "Chat model of the Anthropic provider."},
    "claude-3-5-haiku-latest"};
inline constexpr Setting<std::optional<std::string>> kGoogleCloudProject{
    {.name = "GOOGLE_CLOUD_PROJECT", .area = Area::kModels, .doc = "Project of Vertex."}};
inline constexpr Setting<std::optional<std::string>> kGoogleCloudLocation{
    {.name = "GOOGLE_CLOUD_LOCATION", .area = Area::kModels, .doc = "Region of Vertex."}};
inline constexpr Setting<std::optional<std::string>> kVertexLocation{
    {.name = "VERTEX_LOCATION",
     .area = Area::kModels,
     .doc = "Region of Vertex when `GOOGLE_CLOUD_LOCATION` is not set."}};
inline constexpr Setting<std::optional<std::string>> kGoogleApplicationCredentials{
    {.name = "GOOGLE_APPLICATION_CREDENTIALS", .area = Area::kModels, .doc = "File with Google credentials."}};
inline constexpr Setting<std::string> kGeminiModel{
    {.name = "GEMINI_MODEL", .area = Area::kModels, .doc = "Chat model of Vertex."}, "gemini-2.0-flash-001"};
inline constexpr Setting<std::string> kVertexEmbeddingModel{{.name = "VERTEX_EMBEDDING_MODEL",
                                                             .area = Area::kModels,
                                                             .doc = "Embedding model of Vertex.",
                                                             .since = Since::kLater},
                                                            "text-embedding-004"};
inline constexpr Setting<std::int64_t> kVertexStreamTimeoutS{
    {.name = "VERTEX_STREAM_TIMEOUT_S",
     .area = Area::kModels,
     .doc = "Time for a whole answer of Vertex, and its longest silence."},
    90,
    1,
    3600};
inline constexpr Setting<std::optional<std::string>> kAwsRegion{
    {.name = "AWS_REGION", .area = Area::kModels, .doc = "Region of Bedrock."}};
inline constexpr Setting<std::optional<std::string>> kAwsDefaultRegion{
    {.name = "AWS_DEFAULT_REGION", .area = Area::kModels, .doc = "Region of Bedrock when `AWS_REGION` is not set."}};
inline constexpr Setting<std::optional<std::string>> kAwsProfile{
    {.name = "AWS_PROFILE", .area = Area::kModels, .doc = "Named AWS credentials."}};
inline constexpr Setting<std::optional<std::string>> kAwsAccessKeyId{
    {.name = "AWS_ACCESS_KEY_ID", .area = Area::kModels, .doc = "AWS access key."}};
inline constexpr Setting<Secret> kAwsSecretAccessKey{
    {.name = "AWS_SECRET_ACCESS_KEY", .area = Area::kModels, .doc = "AWS secret key."}};
inline constexpr Setting<Secret> kAwsSessionToken{
    {.name = "AWS_SESSION_TOKEN", .area = Area::kModels, .doc = "AWS session token."}};
inline constexpr Setting<std::string> kBedrockModelId{
    {.name = "BEDROCK_MODEL_ID", .area = Area::kModels, .doc = "Chat model of Bedrock."}, "amazon.nova-lite-v1:0"};
inline constexpr Setting<std::string> kBedrockEmbeddingModelId{{.name = "BEDROCK_EMBEDDING_MODEL_ID",
                                                                .area = Area::kModels,
                                                                .doc = "Embedding model of Bedrock.",
                                                                .since = Since::kLater},
                                                               "amazon.titan-embed-text-v2:0"};

// Speech
inline constexpr Setting<std::string> kTtsProvider{
    {.name = "TTS_PROVIDER", .area = Area::kSpeech, .doc = "Who speaks answers.", .since = Since::kLater},
    "none",
    "none|fake|openai"};
inline constexpr Setting<std::string> kOpenaiTtsModel{
    {.name = "OPENAI_TTS_MODEL", .area = Area::kSpeech, .doc = "Speech model.", .since = Since::kLater},
    "gpt-4o-mini-tts"};
inline constexpr Setting<std::string> kOpenaiTtsVoice{
    {.name = "OPENAI_TTS_VOICE", .area = Area::kSpeech, .doc = "Voice.", .since = Since::kLater}, "alloy"};
inline constexpr Setting<std::string> kAudioBaseUrl{{.name = "AUDIO_BASE_URL",
                                                     .area = Area::kSpeech,
                                                     .doc = "Start of the addresses of audio files.",
                                                     .since = Since::kLater},
                                                    "http://localhost:8000"};

// Retention
inline constexpr Setting<std::int64_t> kUiActionRetentionDays{{.name = "UI_ACTION_RETENTION_DAYS",
                                                               .area = Area::kRetention,
                                                               .doc = "Age at which UI actions are pruned.",
                                                               .since = Since::kLater},
                                                              30,
                                                              1,
                                                              36'500};
inline constexpr Setting<std::int64_t> kUsageCounterRetentionDays{{.name = "USAGE_COUNTER_RETENTION_DAYS",
                                                                   .area = Area::kRetention,
                                                                   .doc = "Age at which usage counters are pruned."},
                                                                  120,
                                                                  1,
                                                                  36'500};
inline constexpr Setting<std::int64_t> kMaintenanceIntervalS{
    {.name = "MAINTENANCE_INTERVAL_S",
     .area = Area::kRetention,
     .doc = "How often each maintenance task (pruning, sweeping) runs by itself; 0: only when asked to."},
    86'400,
    0,
    2'592'000};
inline constexpr Setting<bool> kIdempotencyEnabled{
    {.name = "IDEMPOTENCY_ENABLED", .area = Area::kRetention, .doc = "Honour `Idempotency-Key`."}, true};
inline constexpr Setting<std::int64_t> kIdempotencyTtlHours{
    {.name = "IDEMPOTENCY_TTL_HOURS", .area = Area::kRetention, .doc = "How long a stored answer is replayed."},
    24,
    1,
    8760};
inline constexpr Setting<std::int64_t> kIdempotencyLeaseS{
    {.name = "IDEMPOTENCY_LEASE_S",
     .area = Area::kRetention,
     .doc = "How long a key stays reserved after the process that runs its request has died."},
    60,
    5,
    3600};
inline constexpr Setting<std::int64_t> kIdempotencyMaxBodyBytes{
    {.name = "IDEMPOTENCY_MAX_BODY_BYTES",
     .area = Area::kRetention,
     .doc = "Largest answer that is stored; a repeated request whose answer was larger gets 409."},
    1'048'576,
    1024,
    67'108'864};
inline constexpr Setting<Secret> kUiCursorSecret{
    {.name = "UI_CURSOR_SECRET", .area = Area::kRetention, .doc = "Signs the cursors of lists."}};

}  // namespace nexus::config
