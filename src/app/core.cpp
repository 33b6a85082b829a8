#include "app/core.h"

#include "app/maintenance_tasks.h"
#include "base/version.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "db/embedded_migrations.h"
#include "db/open.h"
#include "modules/audit/adoption_repository.h"
#include "modules/retrieval/postgres_index.h"
#include "modules/retrieval/segment_engine.h"
#include "observe/log.h"

#include <algorithm>
#include <filesystem>
#include <thread>

namespace nexus::app {
namespace {

std::string database_url(const config::Settings& settings) {
  const std::string& url = settings.get(config::kDatabaseUrl);
  return config::is_embedded(settings) ? "sqlite:" + config::sqlite_path(settings).string() : url;
}

void bring_up_schema(db::Database& db, const Clock& clock, bool migrate) {
  db::Migrator migrator(db, clock, db::embedded_migrations(db.engine()), audit::link_after);
  if (!migrate) {
    if (!migrator.status().up_to_date())
      throw db::MigrationError("the database's schema is not this program's; run `nexusrag migrate`");
    return;
  }
  for (const db::Migration& step : migrator.apply())
    observe::log_info("migration applied", {{"number", step.number}, {"name", step.name}});
}

audit::AuditOptions audit_options(const config::Settings& settings) {
  audit::AuditOptions options;
  if (const Secret& key = settings.get(config::kAuditSigningKey); !key.empty())
    options.signer = std::make_shared<audit::Ed25519CheckpointSigner>(key);
  options.checkpoint_dir = settings.get(config::kAuditCheckpointDir).value_or("");
  options.checkpoint_events = settings.get(config::kAuditCheckpointEvents);
  options.checkpoint_interval_s = settings.get(config::kAuditCheckpointIntervalS);
  return options;
}

auth::AuthOptions auth_options(const config::Settings& settings) {
  return {.pepper = auth::Pepper(settings.get(config::kApiKeyPepper)),
          .enabled = settings.get(config::kAuthEnabled),
          .dev_bypass = settings.get(config::kAuthDevBypass),
          .dev_bypass_allowed = config::listens_on_loopback(settings) && !config::is_production(settings),
          .header = settings.get(config::kAuthApiKeyHeader),
          .cache_ttl_s = settings.get(config::kAuthCacheTtlS),
          .cache_entries = static_cast<std::size_t>(settings.get(config::kAuthCacheEntries)),
          .inactive_enforced = settings.get(config::kAuthApiKeyInactiveEnforced),
          .inactive_days = settings.get(config::kAuthApiKeyInactiveDays)};
}

text::extract::Limits extract_limits(const config::Settings& settings) {
  text::extract::Limits limits;
  limits.max_bytes_in = static_cast<std::size_t>(settings.get(config::kHttpMaxUploadBytes));
  limits.max_text_out = static_cast<std::size_t>(settings.get(config::kDocumentTextMaxBytes));
  limits.max_pages = static_cast<std::size_t>(settings.get(config::kExtractMaxPages));
  limits.wall_seconds = static_cast<unsigned>(settings.get(config::kExtractTimeoutS));
  limits.cpu_seconds = static_cast<unsigned>(settings.get(config::kExtractTimeoutS));
  limits.memory_bytes = static_cast<std::size_t>(settings.get(config::kExtractProcessMemoryMb)) << 20;
  limits.max_archive_entries = static_cast<std::size_t>(settings.get(config::kExtractMaxEntries));
  return limits;
}

ingestion::IngestOptions ingest_options(const config::Settings& settings) {
  return {
      .chunks = {.size = settings.get(config::kChunkSizeChars), .overlap = settings.get(config::kChunkOverlapChars)},
      .max_chunks = settings.get(config::kChunkMaxPerDocument),
      .extract = extract_limits(settings)};
}

documents::DocumentOptions document_options(const config::Settings& settings) {
  return {.max_text_bytes = settings.get(config::kDocumentTextMaxBytes),
          .max_metadata_bytes = settings.get(config::kDocumentMetadataMaxBytes),
          .max_bulk_files = settings.get(config::kDocumentBulkMaxFiles),
          .max_queued_per_tenant = settings.get(config::kJobMaxQueuedPerTenant),
          .chunk_size_chars = settings.get(config::kChunkSizeChars),
          .chunk_overlap_chars = settings.get(config::kChunkOverlapChars)};
}

std::size_t megabytes(std::int64_t count) {
  return static_cast<std::size_t>(count) << 20;
}

std::unique_ptr<retrieval::IndexEngine> make_index(const config::Settings& settings, const db::Database& db,
                                                   SearchCluster* cluster, const Clock& clock,
                                                   observe::Metrics& metrics) {
  if (cluster != nullptr) return cluster->engine(clock);
  const bool on_postgres = db.engine() == "postgres";
  std::string engine = settings.get(config::kSearchEngine);
  if (engine == "auto") engine = on_postgres ? "postgres" : "segments";
  if (engine == "segments")
    return std::make_unique<retrieval::SegmentEngine>(megabytes(settings.get(config::kIndexMemoryMb)), clock, metrics);
  if (engine == "postgres" && on_postgres)
    return std::make_unique<retrieval::PostgresIndex>(
        retrieval::PostgresIndexOptions{.exact_max = settings.get(config::kVectorExactMax)});
  throw config::ConfigError({"SEARCH_ENGINE=" + engine + " cannot search the rows of this DATABASE_URL"});
}

}  // namespace

std::unique_ptr<db::Database> open_database(const config::Settings& settings, const Clock& clock,
                                            observe::Metrics& metrics) {
  if (config::is_embedded(settings) && config::sqlite_path(settings) != ":memory:") {
    const std::filesystem::path folder = config::sqlite_path(settings).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder);
  }
  const unsigned cores = std::thread::hardware_concurrency();
  return db::open_database(
      database_url(settings),
      {.readers = static_cast<unsigned>(config::sqlite_readers(settings, cores)),
       .write_queue = static_cast<std::size_t>(settings.get(config::kSqliteWriteQueue)),
       .busy_limit_ms = settings.get(config::kSqliteBusyTimeoutMs),
       .mmap_bytes = static_cast<std::int64_t>(megabytes(settings.get(config::kSqliteMmapMb))),
       .cache_kib = settings.get(config::kSqliteCacheMb) * 1024,
       .group_jobs = static_cast<std::size_t>(settings.get(config::kSqliteGroupMax)),
       .checkpoint_pages = static_cast<int>(settings.get(config::kSqliteCheckpointPages)),
       .pool_size = static_cast<unsigned>(settings.get(config::kApiDbPoolSize)),
       .max_overflow = static_cast<int>(settings.get(config::kApiDbMaxOverflow)),
       .statement_timeout_ms = std::max<std::int64_t>(0, settings.get(config::kApiDbStatementTimeoutMs))},
      clock, metrics);
}

jobs::WorkerOptions worker_options(const config::Settings& settings) {
  constexpr std::int64_t kMs = 1000;
  return {
      .threads = static_cast<std::size_t>(settings.get(config::kIngestWorkers)),
      .max_attempts = static_cast<int>(settings.get(config::kIngestMaxRetries)),
      .lease_us = settings.get(config::kJobLeaseS) * Timestamp::kSecond,
      .poll_us = settings.get(config::kJobPollIntervalMs) * kMs,
      .backoff_us = settings.get(config::kJobBackoffMs) * kMs,
      .backoff_max_us = settings.get(config::kJobBackoffMaxMs) * kMs,
      .heartbeat_us = std::min(settings.get(config::kWorkerHeartbeatIntervalS), settings.get(config::kJobHeartbeatS)) *
                      Timestamp::kSecond};
}

Core::Core(const config::Settings& given, const Clock& the_clock, const Options& options)
    : settings(given),
      clock(the_clock),
      db(open_database(given, the_clock, metrics)),
      shared(given, the_clock, metrics),
      objects(std::filesystem::path(given.get(config::kDataDir)) / "objects"),
      embedders(given.get(config::kEmbeddingProvider), config::models_dir(given)),
      extractor(text::extract::ExtractorConfig{.executable = options.extract_program}) {
  bring_up_schema(*db, clock, options.migrate);
  figures = std::make_unique<observe::ProcessFigures>(metrics, clock, version(), std::string(db->engine()));
  audit = std::make_unique<audit::AuditLog>(*db, clock, audit_options(settings), metrics);
  outside = std::make_unique<Outside>(settings, shared, *audit, clock, metrics);
  if (settings.get(config::kSearchEngine) == "opensearch")
    search_cluster = std::make_unique<SearchCluster>(settings, shared, *db, *outside, *audit, clock, metrics);
  index = make_index(settings, *db, search_cluster.get(), clock, metrics);
  refusals = std::make_unique<audit::AggregatedLog>(
      *audit, clock,
      audit::AggregateOptions{.window_s = settings.get(config::kAuditAggregateWindowS),
                              .most_kinds = static_cast<std::size_t>(settings.get(config::kAuditAggregateMaxKinds))});
  entitled = std::make_unique<Entitled>(settings, *db, *audit, clock);
  outbox = std::make_unique<billing::BillingOutbox>(clock, webhook_options(settings), [this] {
    if (wake_deliveries) wake_deliveries();
    shared.publish(billing::kWebhookJob);
  });
  authenticator = std::make_unique<auth::Authenticator>(*db, *refusals, clock, auth_options(settings), metrics);
  keys = std::make_unique<auth::KeysService>(*db, *audit, clock, auth::Pepper(settings.get(config::kApiKeyPepper)),
                                             authenticator.get());
  retriever = std::make_unique<retrieval::Retriever>(*db, embedders, *index, access, metrics, clock,
                                                     settings.get(config::kSearchTimeoutMs) * 1000);
  ingest_handler = std::make_unique<ingestion::IngestHandler>(*db, clock, objects, embedders, *index, extractor,
                                                              ingest_options(settings), metrics);
  jobs::WorkerOptions several = worker_options(settings);
  several.announced = [this] { return shared.announces(); };
  ingest_worker = std::make_unique<jobs::Worker>(*db, clock, *ingest_handler, several, metrics);
  reembed_handler = std::make_unique<ingestion::ReembedHandler>(*db, clock, embedders, *index, metrics);
  jobs::WorkerOptions one_thread = several;
  one_thread.threads = 1;
  reembed_worker = std::make_unique<jobs::Worker>(*db, clock, *reembed_handler, one_thread, metrics);
  const bool inline_mode = settings.get(config::kIngestExecutionMode) == "inline";
  documents = std::make_unique<documents::DocumentsService>(
      *db, *audit, objects, *index, entitled->entitlements,
      [this, inline_mode](std::string_view job_id) {
        metrics.counter("nexusrag_ingest_enqueued_total").add();
        if (inline_mode) {
          ingest_worker->run_now(job_id);
        } else {
          ingest_worker->wake(ingestion::kIngestJob);
          shared.publish(ingestion::kIngestJob);
        }
      },
      document_options(settings));
  maintenance = std::make_unique<maintenance::Maintenance>(
      *db, *audit, clock, metrics, maintenance_tasks(settings, *db, *audit, clock, objects, *outbox),
      settings.get(config::kMaintenanceIntervalS));
}

void Core::start_index_upkeep() {
  if (search_cluster && settings.get(config::kOpensearchFeeder)) search_cluster->feeder.start();
  if (const auto* rows = dynamic_cast<const retrieval::PostgresIndex*>(index.get())) {
    postgres_upkeep_ =
        std::make_unique<retrieval::PostgresUpkeep>(*db, *rows, retrieval::PostgresUpkeep::Options{.interval_s = 60});
    postgres_upkeep_->start();
  }
}

void Core::stop_index_upkeep() {
  if (search_cluster) search_cluster->feeder.stop();
  if (postgres_upkeep_) postgres_upkeep_->stop();
}

void Core::start_ingesting() {
  ingest_worker->start();
  ingest_listening_ =
      std::make_unique<SharedState::Listening>(shared, *ingest_worker, ingestion::kIngestJob, /*beats=*/true);
}

void Core::start_reembedding() {
  reembed_worker->start();
  reembed_listening_ =
      std::make_unique<SharedState::Listening>(shared, *reembed_worker, ingestion::kReembedJob, /*beats=*/false);
}

void Core::wake_reembedding() {
  reembed_worker->wake(ingestion::kReembedJob);
  shared.publish(ingestion::kReembedJob);
}

void Core::stop_workers() {
  ingest_worker->stop();
  reembed_worker->stop();
  ingest_listening_.reset();
  reembed_listening_.reset();
}

Core::~Core() {
  stop_workers();
  stop_index_upkeep();
  try {
    authenticator->flush();
  } catch (const std::exception& e) {
    observe::log_error("last uses of keys were not written", {{"reason", e.what()}});
  }
  try {
    refusals->stop();
  } catch (const std::exception& e) {
    observe::log_error("counts of refused requests were not written", {{"reason", e.what()}});
  }
  audit->stop();
  shared.close();  // before the breakers go, which a late command may still name
}

}  // namespace nexus::app
