#include "observe/metrics_table.h"

#include <fmt/format.h>

#include <array>

namespace nexus::observe {
namespace {

constexpr auto kCounter = MetricType::kCounter;
constexpr auto kGauge = MetricType::kGauge;
constexpr auto kHistogram = MetricType::kHistogram;

constexpr auto kRequestMs = std::to_array<double>({25, 50, 100, 250, 500, 1000, 2000, 5000});
/// Waits and queries: 50 µs to 10 s.
constexpr auto kSeconds = std::to_array<double>(
    {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10});
/// Work that takes long: 5 ms to 10 minutes.
constexpr auto kLongSeconds =
    std::to_array<double>({0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600});
constexpr auto kSizes = std::to_array<double>({1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024});
constexpr auto kBytes = std::to_array<double>({256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216});

constexpr auto kFamilies = std::to_array<Family>({
    // Requests
    {"nexusrag_requests_total", kCounter, "Requests answered.", "route_class,status_family"},
    {"nexusrag_request_latency_ms", kHistogram, "Time to the response head in milliseconds.", "route_class",
     kRequestMs},
    {"nexusrag_request_seconds", kHistogram, "Time to the last byte.", "route_class", kSeconds},
    {"nexusrag_segment_seconds", kHistogram, "Time of one segment of a request.", "route_class,segment", kSeconds, 128},
    {"nexusrag_rate_limited_total", kCounter, "Requests refused by a rate limit."},
    {"nexusrag_rate_limited_by_total", kCounter, "Requests refused by a rate limit, by what ran out.",
     "scope,route_class"},
    {"nexusrag_server_errors_total", kCounter, "Answers with status 500 and above."},
    {"nexusrag_quota_exceeded_total", kCounter, "Requests refused by a quota."},
    {"nexusrag_quota_trips_total", kCounter, "Trips of the quota ledger to the database.", "kind"},
    {"nexusrag_service_busy_total", kCounter, "Requests refused because a bulkhead or lane was full."},
    {"nexusrag_auth_failures_total", kCounter, "Requests refused by authentication.", "code"},
    {"nexusrag_auth_cache_total", kCounter, "Look-ups of the cache of verified credentials.", "result"},
    {"nexusrag_idempotency_total", kCounter, "Requests with an idempotency key.", "result"},
    // HTTP
    {"nexusrag_http_connections", kGauge, "Open connections."},
    {"nexusrag_http_connections_total", kCounter, "Connections accepted."},
    {"nexusrag_http_connections_refused_total", kCounter, "Connections closed before a request.", "reason"},
    {"nexusrag_http_requests_in_flight", kGauge, "Requests between their head and their last byte."},
    {"nexusrag_http_received_bytes_total", kCounter, "Bytes read from clients."},
    {"nexusrag_http_sent_bytes_total", kCounter, "Bytes written to clients."},
    {"nexusrag_http_request_bytes", kHistogram, "Size of request bodies.", "", kBytes},
    {"nexusrag_http_timeouts_total", kCounter, "Connections closed by a time limit.", "phase"},
    // Streams and runs
    {"nexusrag_sse_streams", kGauge, "Event streams being written."},
    {"nexusrag_sse_streams_completed_total", kCounter, "Event streams that reached their end."},
    {"nexusrag_sse_streams_disconnected_total", kCounter, "Event streams whose client left."},
    {"nexusrag_sse_stream_seconds", kHistogram, "Life of an event stream.", "", kLongSeconds},
    {"nexusrag_run_first_token_seconds", kHistogram, "Time from the request to its first token.", "", kSeconds},
    {"nexusrag_runs_total", kCounter, "Runs by how they ended.", "outcome"},
    {"nexusrag_llm_answers_total", kCounter, "Answers of remote models by how they ended.", "outcome"},
    {"nexusrag_llm_tokens_total", kCounter, "Tokens that the providers of models counted.", "kind"},
    // Lanes
    {"nexusrag_lane_depth", kGauge, "Tasks waiting in a lane.", "lane"},
    {"nexusrag_lane_wait_seconds", kHistogram, "Time a task waited in a lane.", "lane", kSeconds},
    {"nexusrag_lane_busy", kGauge, "Threads of a lane that are working.", "lane"},
    {"nexusrag_lane_refused_total", kCounter, "Tasks refused by a full lane.", "lane"},
    {"nexusrag_lane_task_failures_total", kCounter, "Tasks of a lane that let an exception escape.", "lane"},
    // Database
    {"nexusrag_db_commit_seconds", kHistogram, "Time of one group commit, without the disk.", "durability", kSeconds},
    {"nexusrag_db_sync_seconds", kHistogram, "Time of one fsync of the write-ahead log.", "", kSeconds},
    {"nexusrag_db_commit_group_size", kHistogram, "Writes that shared one commit.", "", kSizes},
    {"nexusrag_db_write_queue_depth", kGauge, "Writes waiting for the writer."},
    {"nexusrag_db_write_wait_seconds", kHistogram, "Time a write waited before it ran.", "", kSeconds},
    {"nexusrag_db_read_wait_seconds", kHistogram, "Time a read waited for a connection.", "", kSeconds},
    {"nexusrag_db_read_seconds", kHistogram, "Time of one reading transaction.", "", kSeconds},
    {"nexusrag_db_retries_total", kCounter, "Transactions run again.", "reason"},
    {"nexusrag_db_errors_total", kCounter, "Failed database operations.", "code"},
    {"nexusrag_db_checkpoint_seconds", kHistogram, "Time of one checkpoint of the write-ahead log.", "", kSeconds},
    {"nexusrag_db_wal_pages", kGauge, "Pages in the write-ahead log."},
    {"nexusrag_db_connections", kGauge, "Open database connections.", "role"},
    // Redis
    {"nexusrag_redis_up", kGauge, "1 while there is a connection to Redis."},
    {"nexusrag_redis_commands_total", kCounter, "Commands sent to Redis by how they ended.", "outcome"},
    {"nexusrag_redis_command_seconds", kHistogram, "Time to the answer of one command.", "", kSeconds},
    {"nexusrag_run_sharing_lost_total", kCounter, "Runs that Redis did not take: no other server resumes them."},
    {"nexusrag_rate_limit_degraded", kGauge, "1 while the rate limiter's shared store is lost."},
    // Search
    {"nexusrag_search_seconds", kHistogram, "Time of one search.", "mode", kSeconds},
    {"nexusrag_search_stage_seconds", kHistogram, "Time of one stage of a search.", "stage", kSeconds},
    {"nexusrag_search_hits", kHistogram, "Hits of one search.", "", kSizes},
    {"nexusrag_search_errors_total", kCounter, "Searches that failed.", "reason"},
    {"nexusrag_search_hits_dropped_total", kCounter, "Hits of a search cluster that were left out here.", "reason"},
    {"nexusrag_index_deliveries_total", kCounter, "Documents sent to a search cluster, by how it went.", "result"},
    {"nexusrag_index_outbox_documents", kGauge, "Documents that a search cluster has to be told of.", "state"},
    {"nexusrag_index_lag_seconds", kGauge, "Age of the oldest change that a search cluster has not been told of."},
    {"nexusrag_search_index_bytes", kGauge, "Memory of loaded indexes."},
    {"nexusrag_search_index_loaded", kGauge, "Corpora whose index is loaded."},
    {"nexusrag_search_index_loads_total", kCounter, "Indexes read from the database."},
    {"nexusrag_search_index_evictions_total", kCounter, "Indexes dropped to stay within INDEX_MEMORY_MB."},
    {"nexusrag_search_index_load_seconds", kHistogram, "Time to load one index.", "", kSeconds},
    {"nexusrag_search_segments", kGauge, "Segments of loaded indexes."},
    {"nexusrag_search_merges_total", kCounter, "Segments merged in the background."},
    {"nexusrag_embed_seconds", kHistogram, "Time to embed the chunks of one document, or a page of them.", "model",
     kSeconds},
    {"nexusrag_embed_texts_total", kCounter, "Stored texts embedded.", "model"},
    // Jobs and ingestion
    {"nexusrag_jobs_total", kCounter, "Attempts of jobs by how they ended.", "kind,outcome", {}, 128},
    {"nexusrag_job_seconds", kHistogram, "Time of one attempt of a job.", "kind", kLongSeconds},
    {"nexusrag_job_wait_seconds", kHistogram, "Time from due to started.", "kind", kLongSeconds},
    {"nexusrag_jobs_depth", kGauge, "Jobs in a state.", "kind,state", {}, 128},
    {"nexusrag_jobs_dead_total", kCounter, "Jobs given up after their last attempt.", "kind"},
    {"nexusrag_jobs_leases_lost_total", kCounter, "Leases that ran out under a worker."},
    {"nexusrag_ingest_enqueued_total", kCounter, "Documents enqueued for ingestion."},
    {"nexusrag_ingest_succeeded_total", kCounter, "Documents ingested."},
    {"nexusrag_ingest_failed_total", kCounter, "Documents that failed."},
    {"nexusrag_ingest_inflight", kGauge, "Documents being ingested."},
    {"nexusrag_ingest_queue_depth", kGauge, "Documents waiting for ingestion."},
    {"nexusrag_ingest_queue_wait_ms_latest", kGauge, "Wait of the latest document in milliseconds."},
    {"nexusrag_ingest_processing_duration_ms_latest", kGauge, "Work on the latest document in milliseconds."},
    // Outbound calls
    {"nexusrag_external_call_seconds", kHistogram, "Time of one outbound attempt.", "integration", kLongSeconds},
    {"nexusrag_external_calls_total", kCounter, "Outbound calls by how they ended.", "integration,outcome"},
    {"nexusrag_external_call_p95_latency_ms", kGauge, "p95 of the last minute in milliseconds.", "integration"},
    {"nexusrag_external_retries_total", kCounter, "Outbound attempts after the first."},
    {"nexusrag_circuit_breaker_open_total", kCounter, "Times a circuit breaker opened."},
    {"nexusrag_circuit_breaker_transitions_total",
     kCounter,
     "Changes of a breaker's state.",
     "integration,state",
     {},
     64,
     "nexusrag_circuit_breaker_transition_total_{integration}_{state}_total"},
    {"nexusrag_circuit_breaker_state",
     kGauge,
     "0 closed, 0.5 half-open, 1 open.",
     "integration",
     {},
     64,
     "nexusrag_circuit_breaker_state_{integration}"},
    // Billing
    {"nexusrag_billing_webhook_total", kCounter, "Attempts to deliver billing events, and events given up.",
     "event_type,result"},
    // Audit
    {"nexusrag_maintenance_runs_total", kCounter, "Runs of maintenance tasks by how they ended.", "task,outcome"},
    {"nexusrag_maintenance_removed_total", kCounter, "Rows and files that maintenance removed.", "task"},
    {"nexusrag_audit_events_total", kCounter, "Audit events written.", "outcome"},
    {"nexusrag_audit_checkpoints_total", kCounter, "Signed checkpoints of audit chains."},
    // Guardrails
    {"nexusrag_sla_warn_total", kCounter, "Requests warned by an SLA policy."},
    {"nexusrag_sla_degrade_total", kCounter, "Requests degraded by an SLA policy."},
    {"nexusrag_sla_shed_total", kCounter, "Requests shed by an SLA policy."},
    {"nexusrag_sla_queue_depth",
     kGauge,
     "Queue depth that SLA policies see.",
     "route",
     {},
     64,
     "nexusrag_sla_queue_depth_{route}"},
    {"nexusrag_sla_saturation_pct",
     kGauge,
     "Saturation that SLA policies see.",
     "route",
     {},
     64,
     "nexusrag_sla_saturation_pct_{route}"},
    {"nexusrag_cost_warn_total", kCounter, "Requests warned by a budget."},
    {"nexusrag_cost_degrade_total", kCounter, "Requests degraded by a budget."},
    {"nexusrag_cost_capped_total", kCounter, "Requests refused by a budget."},
    // Keys
    {"nexusrag_crypto_encrypt_ops_total", kCounter, "Encryptions."},
    {"nexusrag_crypto_decrypt_ops_total", kCounter, "Decryptions."},
    {"nexusrag_crypto_failures_total", kCounter, "Failed encryptions and decryptions."},
    {"nexusrag_crypto_fail_open_total", kCounter, "Writes in clear because CRYPTO_FAIL_MODE is open."},
    {"nexusrag_encrypted_sensitive_items_total", kGauge, "Sensitive items that are encrypted."},
    {"nexusrag_unencrypted_sensitive_items_total", kCounter, "Sensitive items stored in clear."},
    {"nexusrag_key_rotation_jobs_total", kCounter, "Key rotations started."},
    {"nexusrag_key_rotation_progress_percent",
     kGauge,
     "Progress of a key rotation.",
     "job_id",
     {},
     32,
     "nexusrag_key_rotation_progress_percent_{job_id}"},
    // Regions
    {"nexusrag_write_frozen_state", kGauge, "1 while writes are frozen."},
    {"nexusrag_write_frozen_rejections_total", kCounter, "Writes refused by the freeze."},
    {"nexusrag_failover_requests_total",
     kCounter,
     "Failovers by how they ended.",
     "outcome",
     {},
     16,
     "nexusrag_failover_requests_total_{outcome}_total"},
    {"nexusrag_failover_duration_ms", kGauge, "Duration of the latest failover in milliseconds."},
    {"nexusrag_region_readiness_score",
     kGauge,
     "Readiness of a region.",
     "region",
     {},
     64,
     "nexusrag_region_readiness_score_{region}"},
    {"nexusrag_replication_lag_seconds",
     kGauge,
     "Replication lag of a region.",
     "region",
     {},
     64,
     "nexusrag_replication_lag_seconds_{region}"},
    // Process
    {"nexusrag_build_info", kGauge, "Always 1; the labels say what runs.", "version,engine"},
    {"nexusrag_uptime_seconds", kGauge, "Seconds since the start."},
    {"nexusrag_resident_bytes", kGauge, "Resident memory of the process."},
    {"nexusrag_open_files", kGauge, "Open file descriptors."},
    {"nexusrag_start_time_seconds", kGauge, "Unix time of the start."},
    {"nexusrag_cpu_microseconds_total", kCounter, "Processor time of the process.", "mode"},
    {"nexusrag_trace_spans_total", kCounter, "Spans by what became of them.", "outcome"},
    {"nexusrag_log_lines_total", kCounter, "Log lines by level.", "level"},
});

}  // namespace

std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "counter";
}

std::span<const Family> metric_families() {
  return kFamilies;
}

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    std::string line = fmt::format("{} {}", family.name, to_string(family.type));
    if (!family.labels.empty()) line += fmt::format(" {}", family.labels);
    names.push_back(std::move(line));
    if (!family.legacy.empty()) names.push_back(fmt::format("{} {}", family.legacy, to_string(family.type)));
  }
  return names;
}

}  // namespace nexus::observe
