#include "app/app.h"

#include "app/leftovers.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "exec/dice.h"
#include "modules/rag/redis_run_log.h"
#include "observe/log.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

namespace nexus::app {
namespace {

constexpr std::chrono::hours kStalePart{24};  // longer than any upload takes, for servers that share the folder

std::size_t count(const config::Settings& settings, const config::Setting<std::int64_t>& row) {
  return static_cast<std::size_t>(settings.get(row));
}

std::chrono::milliseconds ms(const config::Settings& settings, const config::Setting<std::int64_t>& row) {
  return std::chrono::milliseconds(settings.get(row));
}

http::ServerOptions server_options(const config::Settings& settings) {
  http::ServerOptions options;
  options.host = settings.get(config::kListenHost);
  options.port = static_cast<std::uint16_t>(settings.get(config::kListenPort));
  options.io_threads = static_cast<std::size_t>(config::io_threads(settings, std::thread::hardware_concurrency()));
  options.max_connections = count(settings, config::kHttpMaxConnections);
  options.max_header_bytes = count(settings, config::kHttpMaxHeaderBytes);
  options.max_body_bytes = count(settings, config::kHttpMaxBodyBytes);
  options.max_upload_bytes = count(settings, config::kHttpMaxUploadBytes);
  options.early_body_bytes = count(settings, config::kHttpEarlyBodyBytes);
  options.header_timeout = ms(settings, config::kHttpHeaderTimeoutMs);
  options.body_timeout = ms(settings, config::kHttpBodyTimeoutMs);
  options.idle_timeout = ms(settings, config::kHttpIdleTimeoutMs);
  options.write_timeout = ms(settings, config::kHttpWriteTimeoutMs);
  options.trusted_proxies = config::split_list(settings.get(config::kTrustedProxies));
  options.stream_high_water = count(settings, config::kHttpStreamHighWaterBytes);
  options.max_multipart_files = count(settings, config::kHttpMultipartMaxFiles);
  options.max_multipart_fields = count(settings, config::kHttpMultipartMaxFields);
  options.max_multipart_field_bytes = count(settings, config::kHttpMultipartMaxFieldBytes);
  options.spool_dir = config::spool_dir(settings);
  options.credential_header = settings.get(config::kAuthApiKeyHeader);
  return options;
}

rag::RunStreamOptions stream_options(const config::Settings& settings) {
  return {.heartbeat_us = std::max<std::int64_t>(1, settings.get(config::kRunSseHeartbeatS)) * Timestamp::kSecond,
          .pace_us = settings.get(config::kSseFlushIntervalMs) * 1000,
          .debug_events = settings.get(config::kDebugEvents),
          .chars_per_token = settings.get(config::kCostEstimatorTokenCharsRatio)};
}

rag::RunOptions run_options(const config::Settings& settings) {
  return {.max_concurrency = static_cast<std::size_t>(config::run_concurrency(settings)),
          .max_message_bytes = settings.get(config::kRunMessageMaxBytes),
          .prompt = {.chars_per_token = settings.get(config::kCostEstimatorTokenCharsRatio),
                     .history_tokens = count(settings, config::kRunHistoryMaxTokens),
                     .context_tokens = count(settings, config::kRunContextMaxTokens)}};
}

auth::KeyRules key_rules(const config::Settings& settings) {
  auth::KeyRules rules{.most_active = settings.get(config::kSelfServeMaxActiveKeys)};
  if (settings.get(config::kAuthApiKeyInactiveEnforced) && settings.get(config::kAuthApiKeyInactiveDays) > 0)
    rules.idle_days = settings.get(config::kAuthApiKeyInactiveDays);
  return rules;
}

health::Readiness readiness(Core& core, const std::atomic<bool>& stopping) {
  return {.checks = {{.name = "database",
                      .problem = [&core]() -> std::string {
                        try {
                          core.db->read([](db::Snapshot&) {});
                          return {};
                        } catch (const db::Error& e) {
                          observe::log_warn("database is not ready", {{"reason", e.what()}});
                          return "unavailable";
                        }
                      }},
                     {.name = "migrations",
                      .problem = [&core]() -> std::string {
                        try {
                          db::Migrator migrator(*core.db, core.clock, db::embedded_migrations(core.db->engine()));
                          return migrator.status().up_to_date() ? "" : "pending";
                        } catch (const db::Error& e) {
                          observe::log_warn("schema cannot be compared", {{"reason", e.what()}});
                          return "unavailable";
                        }
                      }}},
          .stopping = &stopping};
}

/// Runs that other replicas can read on; null where they cannot.
std::unique_ptr<rag::RunLogStore> shared_runs(const config::Settings& settings, Core& core) {
  redis::Client* client = core.shared.client();
  const Secret& secret = settings.get(config::kApiKeyPepper);  // replicas have the same, or keys would not work
  const std::int64_t ttl_us = settings.get(config::kRunResumeTtlS) * Timestamp::kSecond;
  if (client == nullptr || !settings.get(config::kRunResumeShared) || ttl_us <= 0 || secret.empty()) return nullptr;
  rag::RedisRunLogOptions options;
  options.prefix = settings.get(config::kRunResumeRedisPrefix);
  options.secret = secret;
  options.ttl_us = ttl_us;
  options.silence_us = (2 * settings.get(config::kRunSseHeartbeatS) + 5) * Timestamp::kSecond;
  options.max_run_bytes = count(settings, config::kRunResumeMemoryMb) << 20;
  return std::make_unique<rag::RedisRunLog>(*client, std::move(options), core.metrics);
}

}  // namespace

App::App(const config::Settings& settings, const Clock& clock, const Core::Options& options)
    : core_(settings, clock, options),
      tracing_(settings, core_.outside->client, core_.metrics),
      segments_{.metrics = core_.metrics,
                .tracer = tracing_.tracer(),
                .clock = clock,
                .timers = settings.get(config::kInstrumentationDetailedTimers)},
      deliveries_(settings, core_.shared, *core_.db, *core_.audit, core_.outside->client, clock, core_.metrics),
      enforcement_(settings, core_.shared, *core_.db, *core_.refusals, *core_.outbox, *core_.entitled, clock,
                   core_.metrics),
      db_lane_("db", static_cast<std::size_t>(config::db_lane_threads(settings, std::thread::hardware_concurrency())),
               count(settings, config::kLaneDbQueue), core_.metrics),
      outbound_lane_("outbound", count(settings, config::kLaneOutboundThreads),
                     count(settings, config::kLaneOutboundQueue), core_.metrics),
      bulk_lane_("bulk", count(settings, config::kLaneBulkThreads), count(settings, config::kLaneBulkQueue),
                 core_.metrics),
      models_(settings, core_.outside->client, clock, core_.metrics),
      run_services_{.db = *core_.db,
                    .clock = clock,
                    .outbound = outbound_lane_,
                    .llm = models_.answering(),
                    .metrics = core_.metrics,
                    .sessions = {},
                    .options = stream_options(settings),
                    .tokens = &enforcement_.ledger,
                    .segments = rag::RunSegments(segments_)},
      shared_runs_(shared_runs(settings, core_)),
      run_logs_(settings.get(config::kRunResumeTtlS) * Timestamp::kSecond,
                count(settings, config::kRunResumeMemoryMb) << 20, shared_runs_.get()),
      run_service_(run_services_, *core_.audit, *core_.retriever, core_.entitled->entitlements, run_logs_,
                   run_options(settings)),
      run_api_(run_service_, run_services_,
               core_.searches_elsewhere() ? http::LaneKind::kOutbound : http::LaneKind::kDb),
      documents_api_(*core_.documents),
      audit_api_(*core_.db, *core_.audit, core_.entitled->operators, settings.get(config::kUiCursorSecret), clock),
      tenant_keys_(*core_.db, *core_.audit, clock, *core_.keys, key_rules(settings)),
      keys_api_(tenant_keys_, core_.entitled->operators, *core_.audit, clock,
                settings.get(config::kAuthApiKeyInactiveDays)),
      quotas_api_(*core_.db, enforcement_.ledger, core_.entitled->entitlements, core_.entitled->operators, *core_.audit,
                  clock),
      usage_api_(*core_.db, enforcement_.usage, enforcement_.ledger, *core_.audit, clock),
      upgrades_(*core_.db, *core_.audit, *core_.outbox, core_.entitled->plans, clock),
      plans_api_(core_.entitled->plans, upgrades_, core_.entitled->operators, enforcement_.ledger, *core_.audit),
      billing_api_({.database = *core_.db,
                    .clock = clock,
                    .audit = *core_.audit,
                    .client = core_.outside->client,
                    .outbox = *core_.outbox,
                    .operators = core_.entitled->operators,
                    .metrics = core_.metrics},
                   webhook_options(settings)),
      maintenance_api_(*core_.maintenance, core_.entitled->operators,
                       {.audit = settings.get(config::kAuditRetentionDays),
                        .usage = settings.get(config::kUsageCounterRetentionDays),
                        .ui_actions = settings.get(config::kUiActionRetentionDays)}),
      stats_board_(clock, [this](Timestamp now) { return stats::aggregate(*core_.db, now); }),
      benchmark_(clock, settings.get(config::kBenchmarkArtifact).value_or("")),
      uptime_(*core_.db, clock),
      stats_api_(clock, stats_board_, benchmark_,
                 {.heartbeat_secret = settings.get(config::kHeartbeatSecret),
                  .deployed_at = settings.get(config::kVercelGitCommitAuthorDate),
                  .started_at = clock.now()}),
      health_api_(clock, core_.metrics, readiness(core_, stopping_), settings.get(config::kMetricsToken)),
      pipeline_({.auth = *core_.authenticator,
                 .limits = enforcement_.rates,
                 .quotas = enforcement_.ledger,
                 .plans = core_.entitled->entitlements,
                 .idempotency = enforcement_.idempotency,
                 .usage = enforcement_.usage},
                settings, clock, segments_),
      queue_gauges_(core_.metrics),
      router_(std::make_unique<http::Router>(collect_endpoints())) {
  docs_api_.describe(router_->endpoints());
  core_.wake_deliveries = [this] { deliveries_.worker.wake(billing::kWebhookJob); };
}

App::~App() {
  stop();
}

std::vector<http::Endpoint> App::collect_endpoints() {
  std::vector<http::Endpoint> rows;
  const auto add = [&](std::vector<http::Endpoint> more) {
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  add(health_api_.endpoints());
  add(run_api_.endpoints());
  add(documents_api_.endpoints());
  add(audit_api_.endpoints());
  add(keys_api_.endpoints());
  add(quotas_api_.endpoints());
  add(usage_api_.endpoints());
  add(plans_api_.endpoints());
  add(billing_api_.endpoints());
  add(maintenance_api_.endpoints());
  add(stats_api_.endpoints());
  add(docs_api_.endpoints());
  return rows;
}

void App::start() {
  const config::Settings& settings = core_.settings;
  std::filesystem::create_directories(config::spool_dir(settings));
  if (const std::size_t removed = remove_stale_parts(config::spool_dir(settings), kStalePart); removed > 0)
    observe::log_info("pieces of interrupted uploads removed", {{"count", removed}});
  server_ = std::make_unique<http::Server>(
      server_options(settings), *router_, pipeline_,
      http::Lanes{.db = &db_lane_, .outbound = &outbound_lane_, .bulk = &bulk_lane_}, core_.clock, core_.metrics);
  server_->start();
  write_address();
  observe::log_info("listening", {{"address", address()}});  // what waits for the server reads this line first
  if (settings.get(config::kWorkersInProcess) && settings.get(config::kIngestExecutionMode) == "queue")
    core_.start_ingesting();
  core_.start_reembedding();
  core_.start_index_upkeep();
  if (billing::problem_of(webhook_options(settings)).empty()) deliveries_.worker.start();  // else events wait
  enforcement_.start();
  start_periodic();
}

void App::write_address() const {
  const std::filesystem::path folder = std::filesystem::path(core_.settings.get(config::kDataDir)) / "run";
  std::filesystem::create_directories(folder);
  const std::filesystem::path fresh = folder / "address.new";
  std::ofstream(fresh) << address() << "\n";
  std::filesystem::rename(fresh, folder / "address");
}

void App::start_periodic() {
  constexpr std::int64_t kMs = 1000;
  periodic_ = std::make_unique<exec::Periodic>(core_.clock, exec::dice());
  periodic_->add({.name = "auth.refresh", .interval_us = 500 * kMs, .run = [this](const std::stop_token&) {
                    core_.authenticator->refresh();
                  }});
  periodic_->add({.name = "plans.refresh", .interval_us = 500 * kMs, .run = [this](const std::stop_token&) {
                    core_.entitled->entitlements.refresh();
                  }});
  periodic_->add({.name = "audit.aggregate",
                  .interval_us = 5 * Timestamp::kSecond,
                  .run = [this](const std::stop_token&) { core_.refusals->flush(); }});
  enforcement_.schedule(*periodic_);
  uptime_.beat();
  periodic_->add({.name = "stats.uptime",
                  .interval_us = 20 * Timestamp::kSecond,
                  .run = [this](const std::stop_token&) { uptime_.beat(); }});
  periodic_->add(
      {.name = "embeddings.missing", .interval_us = 10 * Timestamp::kSecond, .run = [this](const std::stop_token&) {
         if (core_.reembed_handler->enqueue_missing() > 0) core_.wake_reembedding();
       }});
  periodic_->add({.name = "jobs.depth", .interval_us = 5 * Timestamp::kSecond, .run = [this](const std::stop_token&) {
                    const std::int64_t waiting = core_.db->read([](db::Snapshot& snapshot) {
                      return jobs::JobsRepository().waiting(snapshot, ingestion::kIngestJob);
                    });
                    core_.metrics.gauge("nexusrag_ingest_queue_depth").set(static_cast<double>(waiting));
                    queue_gauges_.refresh(*core_.db);
                  }});
  // Inline jobs run inside their request; one whose process died under it would otherwise wait for ever.
  if (core_.settings.get(config::kIngestExecutionMode) == "inline")
    periodic_->add(
        {.name = "jobs.leftovers", .interval_us = 10 * Timestamp::kSecond, .run = [this](const std::stop_token& stop) {
           while (!stop.stop_requested() && core_.ingest_worker->run_one()) {
           }
         }});
  periodic_->start();
  cleaning_ = std::make_unique<exec::Periodic>(core_.clock, exec::dice());
  cleaning_->add(core_.maintenance->schedule());
  cleaning_->start();
  if (core_.entitled->operators.is_everybody() && core_.keys->has_several_tenants())
    observe::log_warn("every tenant's admin is a platform operator",
                      {{"setting", "PLATFORM_OPERATOR_TENANTS"}, {"remedy", "name the operators' tenants"}});
  if (core_.settings.get(config::kEmbeddingProvider) == "local" && !core_.embedders.current())
    observe::log_warn("no local embedding model is installed; search goes by words only until it is",
                      {{"folder", config::models_dir(core_.settings).string()}, {"remedy", "nexusrag models install"}});
  periodic_->trigger("embeddings.missing");
}

bool App::stop() {
  if (!server_ || stopping_.exchange(true)) return true;
  server_->stop_accepting();
  core_.maintenance->stop();
  if (cleaning_) cleaning_->stop();
  const bool in_time = server_->shutdown(std::chrono::seconds(core_.settings.get(config::kShutdownGraceS)));
  core_.stop_workers();
  db_lane_.drain();
  bulk_lane_.drain();
  outbound_lane_.drain();
  if (periodic_) periodic_->stop();  // until here it renews what running requests hold
  deliveries_.worker.stop();
  core_.stop_index_upkeep();
  tracing_.stop();
  core_.outside->client.close();
  enforcement_.stop();
  try {
    core_.refusals->stop();  // before the last checkpoint, which is to cover it
  } catch (const std::exception& e) {
    observe::log_error("counts of refused requests were not written", {{"reason", e.what()}});
  }
  core_.audit->stop();
  core_.shared.close();
  return in_time;
}

}  // namespace nexus::app
